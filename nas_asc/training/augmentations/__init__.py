"""What a training does to a batch so that the network sees more than its clips.

Each file holds one augmentation: its TOML table `[recipe.augmentations.NAME]`, and a function of a
batch, these settings and a `torch.Generator` on the CPU. It draws for every clip on its own and
changes nothing in place; with strengths of 0 the batch stays as it is. Those that a recipe has are
applied in the order of the table below.
"""

from collections.abc import Callable

from nas_asc.study import Part
from nas_asc.training.augmentations.mixup import Mixup, mixup
from nas_asc.training.augmentations.spec_augment import SpecAugment, spec_augment
from nas_asc.training.augmentations.time_shift import TimeShift, time_shift
from nas_asc.training.batches import Batch

__all__ = ["AUGMENTATIONS", "Mixup", "SpecAugment", "TimeShift"]

AUGMENTATIONS: dict[str, Part[Callable[..., Batch]]] = {
    "time_shift": Part(TimeShift, time_shift),
    "spec_augment": Part(SpecAugment, spec_augment),
    "mixup": Part(Mixup, mixup),
}

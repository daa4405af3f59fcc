"""Augmentations: random changes of a batch before a network is trained on it.

Conventions: each is a TOML table `[recipe.augmentations.NAME]`, a function of a batch, a
`torch.Generator` on the CPU and these settings, and a row in `AUGMENTATIONS`. It draws for every
clip on its own and changes nothing in place; with strengths of 0 the batch stays as it is. What is
drawn is small and is moved to the batch's device at once; what follows from it is computed there.
Levels, powers and silence are known before features are standardised alone, so that what needs them
comes before that. What needs to know how features were made asks the batch's front end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nas_asc.study import Table
from nas_asc.training.augmentations.block_mixing import BlockMixing, block_mixing
from nas_asc.training.augmentations.cutmix import CutMix, cutmix
from nas_asc.training.augmentations.device_impulse_response import (
    DeviceImpulseResponse,
    device_impulse_response,
)
from nas_asc.training.augmentations.fir_filter import FirFilter, fir_filter
from nas_asc.training.augmentations.freq_mixstyle import FreqMixStyle, freq_mixstyle
from nas_asc.training.augmentations.gain import Gain, gain
from nas_asc.training.augmentations.level_mixup import LevelMixup, level_mixup
from nas_asc.training.augmentations.mixup import Mixup, mixup
from nas_asc.training.augmentations.noise import Noise, noise
from nas_asc.training.augmentations.spec_augment import SpecAugment, spec_augment
from nas_asc.training.augmentations.temporal_mask import TemporalMask, temporal_mask
from nas_asc.training.augmentations.time_crop import (
    TimeCrop,
    check_takes_crops,
    every_crop,
    takes_crops,
    time_crop,
)
from nas_asc.training.augmentations.time_shift import TimeShift, time_shift
from nas_asc.training.augmentations.time_warp import TimeWarp, time_warp
from nas_asc.training.augmentations.warp import Warp, warp
from nas_asc.training.batches import Batch

__all__ = [
    "AUGMENTATIONS", "Augmentation", "TimeCrop", "check_takes_crops", "every_crop", "takes_crops",
]  # fmt: skip


@dataclass(frozen=True)
class Augmentation:
    """A change of a batch: its TOML table, what it does, and whether on features as they are."""

    settings: type[Table]
    function: Callable[..., Batch]
    before_standardisation: bool = False


# Those that a recipe has are applied in this order: what a recording holds, who records it and how,
# and what is done with its features.
AUGMENTATIONS: dict[str, Augmentation] = {
    "time_crop": Augmentation(TimeCrop, time_crop, before_standardisation=True),
    "block_mixing": Augmentation(BlockMixing, block_mixing, before_standardisation=True),
    "temporal_mask": Augmentation(TemporalMask, temporal_mask, before_standardisation=True),
    "device_impulse_response": Augmentation(
        DeviceImpulseResponse, device_impulse_response, before_standardisation=True
    ),
    "fir_filter": Augmentation(FirFilter, fir_filter, before_standardisation=True),
    "noise": Augmentation(Noise, noise, before_standardisation=True),
    "gain": Augmentation(Gain, gain, before_standardisation=True),
    "level_mixup": Augmentation(LevelMixup, level_mixup, before_standardisation=True),
    "warp": Augmentation(Warp, warp),
    "time_warp": Augmentation(TimeWarp, time_warp),
    "time_shift": Augmentation(TimeShift, time_shift),
    "freq_mixstyle": Augmentation(FreqMixStyle, freq_mixstyle),
    "spec_augment": Augmentation(SpecAugment, spec_augment),
    "cutmix": Augmentation(CutMix, cutmix),
    "mixup": Augmentation(Mixup, mixup),
}

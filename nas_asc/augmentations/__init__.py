"""What a training does to a batch so that the network sees more than its clips.

Each file holds one augmentation: a pure function of a batch and a `torch.Generator` on the CPU,
drawn for every clip on its own and applied to all of them at once. Batches are log-mels (batch,
channels, mel, frame) or waveforms (batch, channels, sample); nothing is changed in place.
"""

from nas_asc.augmentations.mixup import mixup
from nas_asc.augmentations.spec_augment import spec_augment
from nas_asc.augmentations.time_shift import time_shift

__all__ = ["mixup", "spec_augment", "time_shift"]

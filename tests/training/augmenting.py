"""Batches for tests of augmentations, and one augmentation on its own."""

import torch
from recipe_cases import EVERY_AUGMENTATION

from nas_asc.architectures import FrontEnd
from nas_asc.training.augmentations import AUGMENTATIONS
from nas_asc.training.batches import Batch

WAVEFORMS, LOG_MELS = (8, 2, 1000), (8, 1, 40, 50)
# Half a second is 51 frames of these log-mels.
LOG_MEL_8K = FrontEnd(
    "logmel", 1, 8000, window=256, hop=80, n_fft=256, n_mels=40, f_min_hz=0.0, f_max_hz=4000.0
)
WAVEFORM_8K = FrontEnd("waveform", 2, 8000)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(*shape, second_plane=False):
    """Make features of a shape as float16 holds them, with mean spectra, a class a clip."""
    inputs = torch.randn(*shape, generator=generator(9)).half().float(), torch.randn(shape[0], 40)
    frontend = LOG_MEL_8K if len(shape) == 4 else WAVEFORM_8K
    return Batch(inputs, torch.eye(shape[0]), second_plane, frontend=frontend)


def augmented(name, given, seed=0, **settings):
    """Apply an augmentation, with some settings changed."""
    part = AUGMENTATIONS[name]
    table = part.settings.model_validate(EVERY_AUGMENTATION[name] | settings)
    return part.function(given, generator(seed), settings=table)

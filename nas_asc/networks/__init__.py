"""Torch modules: built, compressed, saved, loaded."""

from nas_asc.networks.layers import (
    MelNorm,
    PaddedConv1d,
    StridedPointwiseConv1d,
    StridedPointwiseConv2d,
    WindowPool,
)
from nas_asc.networks.model_files import (
    SavedModel,
    load_model,
    read_inputs,
    save_ensemble,
    save_model,
)
from nas_asc.networks.network import Network, build, run_steps, steps_of, vote
from nas_asc.networks.pruning import pruner_for, remove_channels
from nas_asc.networks.quantization import FakeQuantizer
from nas_asc.networks.reference_count import reference_count
from nas_asc.networks.stored import restore, store

__all__ = [
    "FakeQuantizer", "MelNorm", "Network", "PaddedConv1d", "SavedModel", "StridedPointwiseConv1d",
    "StridedPointwiseConv2d", "WindowPool", "build", "load_model", "pruner_for", "read_inputs",
    "reference_count", "remove_channels", "restore", "run_steps", "save_ensemble", "save_model",
    "steps_of", "store", "vote",
]  # fmt: skip

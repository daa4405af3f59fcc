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
    load_saved,
    read_inputs,
    read_validation,
    save_ensemble,
    save_model,
)
from nas_asc.networks.network import Network, VotingNetwork, build, run_steps, steps_of, vote
from nas_asc.networks.pruning import kernels, pruner_for, remove_channels
from nas_asc.networks.quantization import FakeQuantizer
from nas_asc.networks.reference_count import reference_count
from nas_asc.networks.stored import restore, store

__all__ = [
    "FakeQuantizer", "MelNorm", "Network", "PaddedConv1d", "SavedModel", "StridedPointwiseConv1d",
    "StridedPointwiseConv2d", "VotingNetwork", "WindowPool", "build", "kernels", "load_model",
    "load_saved", "pruner_for", "read_inputs", "read_validation", "reference_count",
    "remove_channels", "restore", "run_steps", "save_ensemble", "save_model", "steps_of", "store",
    "vote",
]  # fmt: skip

"""Torch modules: built, compressed, saved, loaded."""

from nas_asc.networks.compression import restore, store
from nas_asc.networks.compression.pruners import pruner_for
from nas_asc.networks.ensemble_network import vote
from nas_asc.networks.model_files import (
    SavedModel,
    load_model,
    read_inputs,
    save_ensemble,
    save_model,
)
from nas_asc.networks.network import (
    AveragePool,
    MaxPool,
    MelNorm,
    Network,
    PaddedConv1d,
    StridedPointwiseConv1d,
    StridedPointwiseConv2d,
    build,
    run_steps,
    steps_of,
)
from nas_asc.networks.reference_count import reference_count

__all__ = [
    "AveragePool",
    "MaxPool",
    "MelNorm",
    "Network",
    "PaddedConv1d",
    "SavedModel",
    "StridedPointwiseConv1d",
    "StridedPointwiseConv2d",
    "build",
    "load_model",
    "pruner_for",
    "read_inputs",
    "reference_count",
    "restore",
    "run_steps",
    "save_ensemble",
    "save_model",
    "steps_of",
    "store",
    "vote",
]

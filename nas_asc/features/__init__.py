"""From sound files to arrays, once per front end."""

from nas_asc.features.audio import read_clip
from nas_asc.features.cache import FeatureCache
from nas_asc.features.extraction import feature_function, one_torch_thread, round_to_float16
from nas_asc.features.inputs import Features, inputs_of, load_features, load_inputs
from nas_asc.features.log_mel import POWER_FLOOR
from nas_asc.features.memory import malloc_keeps_memory
from nas_asc.features.torchaudio_native import torchaudio

__all__ = [
    "POWER_FLOOR",
    "FeatureCache",
    "Features",
    "feature_function",
    "inputs_of",
    "load_features",
    "load_inputs",
    "malloc_keeps_memory",
    "one_torch_thread",
    "read_clip",
    "round_to_float16",
    "torchaudio",
]

"""From sound files to arrays, once per front end."""

from nas_asc.features.audio import POWER_FLOOR, read_clip
from nas_asc.features.cache import FeatureCache, key_of
from nas_asc.features.inputs import (
    Features,
    feature_function,
    in_order,
    inputs_of,
    load_inputs,
    round_to_float16,
)
from nas_asc.features.mapped_pages import MappedPages
from nas_asc.features.native_libraries import malloc_keeps_memory, one_torch_thread, torchaudio

__all__ = [
    "POWER_FLOOR", "FeatureCache", "Features", "MappedPages", "feature_function", "in_order",
    "inputs_of", "key_of", "load_inputs", "malloc_keeps_memory", "one_torch_thread", "read_clip",
    "round_to_float16", "torchaudio",
]  # fmt: skip

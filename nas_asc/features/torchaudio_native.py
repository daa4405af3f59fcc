"""torchaudio, with its native extension where that loads and without it where it cannot.

torchaudio 2.11 is the last release, and its wheel is linked against one CUDA version: beside a
CPU-only torch its extension fails with OSError, beside a torch of a newer CUDA with RuntimeError,
and either kills `import torchaudio`. What this project uses (mel filters, windows, resampling,
masking) is pure torch. So the rest of the package writes

    from nas_asc.features.torchaudio_native import torchaudio

and gets torchaudio as it is installed, or, only where the extension itself failed, a torchaudio
whose `lfilter` and `overdrive` run in Python and which has no `forced_align`.
"""

import importlib
import sys
from types import ModuleType, TracebackType

_EXTENSION = "torchaudio._extension"


def import_torchaudio() -> tuple[ModuleType, bool]:
    """Import torchaudio, without its native extension where that cannot load.

    Returns:
        The module, and whether its native extension is loaded.

    Raises:
        ImportError, OSError, RuntimeError: anything that did not come from the extension.
    """
    before = set(sys.modules)
    try:
        module = importlib.import_module("torchaudio")
    except (OSError, RuntimeError) as error:
        if not _raised_in_extension(error.__traceback__):
            raise
        _forget_since(before)
        sys.modules[_EXTENSION] = _stand_in()
        try:
            module = importlib.import_module("torchaudio")
        except BaseException:
            _forget_since(before)
            raise
    return module, bool(sys.modules[_EXTENSION]._IS_TORCHAUDIO_EXT_AVAILABLE)


def _raised_in_extension(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        name = str(traceback.tb_frame.f_globals.get("__name__"))
        if name == _EXTENSION or name.startswith(f"{_EXTENSION}."):
            return True
        traceback = traceback.tb_next
    return False


def _forget_since(before: set[str]) -> None:
    """Remove the torchaudio modules that a failed import left half made."""
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "torchaudio":
            del sys.modules[name]


def _stand_in() -> ModuleType:
    """Make what the rest of torchaudio 2.11 asks of its `_extension` module."""
    module = ModuleType(_EXTENSION, "Stand-in for the native extension, which cannot load here.")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        _load_lib=lambda _: False,
        fail_if_no_align=lambda function: function,  # it fails by itself
    )
    return module


torchaudio, NATIVE = import_torchaudio()

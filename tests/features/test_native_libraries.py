import subprocess
import sys

import pytest

# What torchaudio's own extension module asks of torch, so that its real code runs in every
# environment: loading succeeds, and the libraries say that they were built for CUDA 12.6.
EXTENSION_LOADS = """
import torch
torch.ops.load_library = lambda path: None
native = torch.library.Library("_torchaudio", "DEF")
native.define("cuda_version() -> int")
native.impl("cuda_version", lambda: 12060, "CompositeExplicitAutograd")
native.define("is_align_available() -> bool")
native.impl("is_align_available", lambda: True, "CompositeExplicitAutograd")
loops = torch.library.Library("torchaudio", "DEF")
loops.define("_lfilter_core_loop(Tensor a, Tensor b, Tensor(c!) c) -> ()")
loops.define("_overdrive_core_loop(Tensor a, Tensor b, Tensor c, Tensor d, Tensor(e!) e) -> ()")
"""

EXTENSION_LACKS_CUDA = """
import torch
def load_library(path):
    raise OSError("libcudart.so.12: cannot open shared object file")
torch.ops.load_library = load_library
"""

USE = """
import sys
from nas_asc.features.native_libraries import NATIVE, torchaudio
mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, n_mels=20)(torch.ones(1, 16000))
assert mel.shape == (1, 20, 63), mel.shape
assert sys.modules["torchaudio"] is torchaudio
"""


def errors_of(*programs):
    """Run programs, one after another in one process, and return what they complain about."""
    command = [sys.executable, "-c", "".join(programs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.stderr if done.returncode else ""


def test_the_native_part_is_used_where_it_loads():
    checks = """
assert NATIVE
assert torchaudio._extension.__file__.endswith('_extension/__init__.py')
assert '_ops' in str(type(torchaudio.functional.filtering._lfilter_core_loop))
"""
    assert errors_of(EXTENSION_LOADS, "torch.version.cuda = '12.6'", USE, checks) == ""


@pytest.mark.parametrize(
    "cannot_load",
    [EXTENSION_LACKS_CUDA, EXTENSION_LOADS + "torch.version.cuda = '13.0'\n"],
    ids=["cpu torch: OSError", "newer CUDA: RuntimeError"],
)
def test_torchaudio_works_where_the_native_part_cannot_load(cannot_load):
    checks = """
assert not NATIVE
assert 'torchaudio._extension.utils' not in sys.modules
assert not hasattr(sys.modules['torchaudio._extension'], '__path__')
ones, a, b = torch.ones(1, 100), torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.0])
assert torch.allclose(torchaudio.functional.lfilter(ones, a, b), 0.5 * ones)
"""
    assert errors_of(cannot_load, USE, checks) == ""


def test_the_failing_import_is_the_one_that_torchaudio_makes_itself():
    assert "OSError: libcudart.so.12" in errors_of(EXTENSION_LACKS_CUDA, "import torchaudio")


@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "ImportError"])
def test_an_error_from_elsewhere_in_torchaudio_is_not_masked(tmp_path, error):
    package = tmp_path / "torchaudio"
    (package / "_extension").mkdir(parents=True)
    (package / "_extension" / "__init__.py").write_text("_IS_TORCHAUDIO_EXT_AVAILABLE = False")
    fails = f"from . import _extension\nraise {error}('the disk is on fire')"
    (package / "__init__.py").write_text(fails)
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    errors = errors_of(first, "import nas_asc.features.native_libraries")
    assert f"{error}: the disk is on fire" in errors
    assert "During handling" not in errors

import subprocess
import sys
import textwrap

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
from nas_asc.features.torchaudio_native import NATIVE, torchaudio
mel = torchaudio.transforms.MelSpectrogram(16000, n_fft=512, n_mels=20)(torch.ones(1, 16000))
assert mel.shape == (1, 20, 63), mel.shape
assert sys.modules["torchaudio"] is torchaudio
"""


def run(*programs: str) -> subprocess.CompletedProcess[str]:
    code = "".join(textwrap.dedent(program) for program in programs)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )


def test_the_native_part_is_used_where_it_loads():
    result = run(
        EXTENSION_LOADS,
        "torch.version.cuda = '12.6'",
        USE,
        "assert NATIVE\n"
        "assert torchaudio._extension.__file__.endswith('_extension/__init__.py')\n"
        "assert 'torch.ops' in str(type(torchaudio.functional.filtering._lfilter_core_loop)) or "
        "'_ops' in str(type(torchaudio.functional.filtering._lfilter_core_loop))\n",
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "cannot_load",
    [EXTENSION_LACKS_CUDA, EXTENSION_LOADS + "torch.version.cuda = '13.0'\n"],
    ids=["cpu torch: OSError", "newer CUDA: RuntimeError"],
)
def test_torchaudio_works_where_the_native_part_cannot_load(cannot_load):
    result = run(
        cannot_load,
        USE,
        "assert not NATIVE\n"
        "ones = torch.ones(1, 100)\n"
        "filtered = torchaudio.functional.lfilter(ones, torch.tensor([1.0, 0.0]), "
        "torch.tensor([0.5, 0.0]))\n"
        "assert torch.allclose(filtered, 0.5 * ones)\n",
    )

    assert result.returncode == 0, result.stderr


def test_the_failing_import_is_the_one_that_torchaudio_makes_itself():
    result = run(EXTENSION_LACKS_CUDA, "import torchaudio")

    assert "OSError: libcudart.so.12" in result.stderr


def test_nothing_half_imported_is_left_behind():
    result = run(
        EXTENSION_LACKS_CUDA,
        USE,
        "assert 'torchaudio._extension.utils' not in sys.modules\n"
        "assert not hasattr(sys.modules['torchaudio._extension'], '__path__')\n",
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "ImportError"])
def test_an_error_from_elsewhere_in_torchaudio_is_not_masked(tmp_path, error):
    package = tmp_path / "torchaudio"
    (package / "_extension").mkdir(parents=True)
    (package / "_extension" / "__init__.py").write_text("_IS_TORCHAUDIO_EXT_AVAILABLE = False")
    (package / "__init__.py").write_text(
        f"from . import _extension\nraise {error}('the disk is on fire')"
    )

    result = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import nas_asc.features.torchaudio_native"
    )

    assert f"{error}: the disk is on fire" in result.stderr
    assert "During handling" not in result.stderr

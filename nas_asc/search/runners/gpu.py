"""Whether there is a GPU, how much of its memory is free, and which device is meant.

Conventions: a device is "cpu" or "cuda". Torch alone knows whether it can use a GPU, and is asked
in a process that ends with its answer: the driver of a search needs no torch, and what CUDA takes
for a process it would hold to the end. It is asked only where the system has an NVIDIA GPU at all.
"""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nas_asc.errors import ConfigError

# of the driver on Linux, and of a Windows whose GPU a Linux in it may use
_SIGNS = ("/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia/version", "/dev/dxg")
_QUESTION = """
import json, torch
found = None
if torch.cuda.is_available():
    found = [torch.cuda.get_device_name(0), torch.cuda.mem_get_info(0)[0]]
print(json.dumps(found))
"""
_LONGEST_S = 120.0


class Gpu(NamedTuple):
    """The first GPU of this machine, and what of its memory nobody uses."""

    name: str
    free_bytes: int


@cache
def find_gpu() -> Gpu | None:
    """Return the GPU that torch can use; None where there is none."""
    if not (shutil.which("nvidia-smi") or any(Path(sign).exists() for sign in _SIGNS)):
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return None if found is None else Gpu(*found)


def resolve_device(asked: str) -> str:
    """Return the device that is meant by "auto", "cpu" or "cuda".

    Raises:
        ConfigError: a GPU is asked for, and there is none that can be used.
    """
    if asked == "cpu" or (asked == "auto" and find_gpu() is None):
        return "cpu"
    if find_gpu() is None:
        raise ConfigError(
            "device: expected a GPU that PyTorch can use, found none - --device cpu trains without "
            "one; results differ by rounding from those of a GPU"
        )
    return "cuda"

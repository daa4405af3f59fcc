"""Whether there is a GPU, how much of its memory is free, and which device is meant.

Conventions: a device is "cpu" or "cuda". Torch alone knows whether it can use a GPU, and is asked
in a process that ends with its answer: the driver of a search needs no torch, and what CUDA takes
for a process it would hold to the end. It is asked only where the system has an NVIDIA GPU at all,
and trains a small network there for some seconds: a driver may be too old for what trainings need,
which is better known before than by every trial.
"""

import json
import logging
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
    fault = ""
    try:
        from nas_asc.training import measured_speed
        measured_speed("cuda")
    except Exception as error:
        fault = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    found = [torch.cuda.get_device_name(0), torch.cuda.mem_get_info(0)[0], fault]
print(json.dumps(found))
"""
_LONGEST_S = 120.0

_log = logging.getLogger(__name__)


class Gpu(NamedTuple):
    """The first GPU of this machine, what of its memory nobody uses, and why none can train."""

    name: str
    free_bytes: int
    fault: str = ""


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
    if asked == "cpu":
        return "cpu"
    gpu = find_gpu()
    if gpu is not None and not gpu.fault:
        return "cuda"
    if asked == "auto":
        if gpu is not None:
            _log.warning(
                "the GPU, %s, is left alone, since no training works there (%s): the CPU trains",
                gpu.name,
                gpu.fault,
            )
        return "cpu"
    found = "none" if gpu is None else f"{gpu.name}, on which no training works ({gpu.fault})"
    raise ConfigError(
        f"device: expected a GPU that PyTorch can use, found {found} - --device cpu does without "
        "one; results differ by rounding from those of a GPU"
    )


def tell_gpu_full(left: int) -> None:
    """Say that so many trainings are left side by side, one less than fitted into the memory."""
    _log.warning(
        "the memory of the GPU is full: %d side by side from now on, no longer %d", left, left + 1
    )

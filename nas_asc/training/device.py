"""The device that trainings run on: how it is set up, what is moved to it, and its kind.

Conventions: a device is a value. A job names it as plain data, "cpu" or "cuda" (the first GPU),
`prepare` makes a `torch.device` of that, and whoever computes asks a tensor where it lies. Nothing
in the code of a network names one. What is drawn by chance is drawn on the CPU, so that orders,
augmentations and initial weights are the same on all devices; dropout alone draws where it is.
"""

import gc
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
import torch.utils.deterministic
from torch import Tensor

from nas_asc.errors import TrainingError
from nas_asc.training.compute_mode import computes_in_bfloat16
from nas_asc.units import number_of

CPU = torch.device("cpu")


def prepare(name: str) -> torch.device:
    """Return the device of a name, set up so that one seed gives one result on GPUs of one kind.

    Raises:
        TrainingError: a GPU is asked for, and PyTorch can use none.
    """
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise TrainingError(
                f"expected a GPU, found none that PyTorch {torch.__version__} can use - go on with "
                "--resume --device cpu, or on a machine with one"
            )
        _decide_everything_by_the_seed()
        # Products of float32 matrices and convolutions by tensor cores, rounded to 10 bits of
        # mantissa before and summed in float32. Set for the GPU alone: `set_float32_matmul_
        # precision` would be for the CPU too, where features are computed that other runs share.
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        torch.backends.cudnn.conv.fp32_precision = "tf32"  # type: ignore[attr-defined]  # of a module in disguise
    return device


def _decide_everything_by_the_seed() -> None:
    """Let libraries choose algorithms by shapes alone, and only those that sum in one order."""
    # cuBLAS reads it when it begins; with several streams, or without it, sums may be split anew
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False  # else the faster one of today is chosen, by a clock
    torch.backends.cudnn.deterministic = True
    # Only told where an operator has no such algorithm. None of ours is among those that PyTorch
    # names (pooling to a given size, interpolation, reflecting padding).
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would fill all new memory with NaN, a kernel each; nothing here reads what it did not write
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Return values that lie in the CPU's memory in a device's, without waiting for it.

    A GPU fetches what is pinned by itself, in the order of its work, and PyTorch keeps such memory
    until that is done. From any other memory a copy waits until the GPU has caught up.
    """
    if device.type != "cuda" or not values.numel():
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's global generators that a training on a device draws from."""
    states = {"chance": torch.get_rng_state()}
    if device.type == "cuda":
        states["device_chance"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put states back; those of another device, of a training that was begun there, are left."""
    torch.set_rng_state(states["chance"])
    if device.type == "cuda" and "device_chance" in states:
        torch.cuda.set_rng_state(states["device_chance"], device)


def give_back_memory(device: torch.device) -> None:
    """Give a GPU's memory that nothing here uses any more to the trials beside this one."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def machine_kind(device: torch.device = CPU) -> str:
    """Describe what decides how results on a device are rounded: equal words, equal results."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"{torch.cuda.get_device_name(device)}, compute capability {major}.{minor}"
    vectors, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return f"{processor()}, {vectors}, {bfloat16_in_words()}, {number_of(threads, 'thread')}"


def bfloat16_in_words() -> str:
    """Say whether networks may be trained in bfloat16 on this processor."""
    return f"{'with' if computes_in_bfloat16() else 'without'} bfloat16"


@cache
def processor() -> str:
    """Return the name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

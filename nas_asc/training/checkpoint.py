"""Where a training is, as a file: it goes on from there as if it had never been interrupted.

Conventions: one safetensors file, with the numbers as JSON in its metadata. Nothing is pickled, and
a file that is torn or of another training is none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nas_asc.files import write_atomically

_NUMBERS = "numbers 2"  # counted up when other tensors are kept: an older file is none, too


@dataclass(frozen=True)
class Checkpoint:
    """What a training is after an epoch.

    Attributes:
        tensors: weights, what the optimizer remembers, generators, by name.
        numbers: the rest, as JSON: the epochs so far and their reports, steps, rates.
    """

    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]

    def save(self, path: Path, training: str) -> None:
        """Write the checkpoint of a training, named so that no other goes on from it.

        Raises:
            OSError: the folder is absent, full or cannot be written.
        """
        numbers = json.dumps({**self.numbers, "training": training})
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        write_atomically(path, save(tensors, {_NUMBERS: numbers}))


def load_checkpoint(path: Path, training: str) -> Checkpoint | None:
    """Read the checkpoint of a training; None where there is none that is whole and its own."""
    try:
        with safe_open(path, "pt") as file:
            numbers = json.loads(file.metadata()[_NUMBERS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    return Checkpoint(tensors, numbers) if numbers.pop("training", "") == training else None

"""In which order the clips of an epoch are drawn.

Conventions: each is a table of settings, a function of the number of clips, the epoch, a
`torch.Generator` on the CPU and these settings, and a row in `ORDERS`. It returns each clip once,
by its place in the data set, int64, (clips,).
"""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import NoSettings, Part, Table

Order = Callable[[int, int, torch.Generator], Tensor]


def shuffled(
    clips: int, epoch: int, generator: torch.Generator, settings: NoSettings | None = None
) -> Tensor:
    """Return all clips by chance, anew in each epoch."""
    return torch.randperm(clips, generator=generator)


def fixed(clips: int, epoch: int, generator: torch.Generator, settings: NoSettings) -> Tensor:
    """Return the clips as they stand in the data set, always, as SRPOL trained its third system.

    A data set stands class by class where it lies in class folders: such batches are of one class.
    """
    return torch.arange(clips)


class Buffer(Table):
    """Settings of the buffer: how large it is, as a share of all clips; one clip at least."""

    share: float = Field(gt=0, le=1)


def buffer(clips: int, epoch: int, generator: torch.Generator, settings: Buffer) -> Tensor:
    """Return the clips as a shuffle buffer of TensorFlow gives them, as in SRPOL's fourth system.

    The buffer is filled with the first clips; one of it is drawn by chance and replaced by the next
    clip, until there is none. So a clip never comes much too early, but may come late.
    """
    size = max(1, round(settings.share * clips))
    waiting, order = list(range(size)), []
    draws = torch.rand(clips, generator=generator, dtype=torch.float64).tolist()
    for number, draw in enumerate(draws):
        at = int(draw * len(waiting))
        order.append(waiting[at])
        if number + size < clips:
            waiting[at] = number + size
        else:
            waiting[at] = waiting[-1]
            waiting.pop()
    return torch.tensor(order)


ORDERS: dict[str, Part[Callable[..., Tensor]]] = {
    "shuffled": Part(NoSettings, shuffled),
    "fixed": Part(NoSettings, fixed),
    "buffer": Part(Buffer, buffer),
}

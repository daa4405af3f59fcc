"""Block mixing: clips that are put together of pieces of other clips of their class."""

from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.study import Share, Table
from nas_asc.training.augmentations.clipwise import column, drawn, with_first, with_time_last
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved


class BlockMixing(Table):
    """Settings of block mixing: which share of the clips is replaced, and by how many pieces."""

    probability: Share
    pieces: int = Field(ge=1, le=1000)


def block_mixing(batch: Batch, generator: torch.Generator, settings: BlockMixing) -> Batch:
    """Replace a clip by pieces of others of its class (NTU report, DCASE 2020), joined in time.

    The pieces are equally long and cut at random places of random clips. The report, with ten of a
    second, draws them from all clips of the class, cities in rotation, and adds such clips to the
    data. Here they come from the other clips of the class in the batch, whatever their city, and
    stand in the place of a clip; the only one of its class is put together of pieces of itself.
    """
    clips, pieces, maps = len(batch.targets), settings.pieces, batch.inputs[0]
    changed = moved(drawn(settings.probability, clips, generator), maps.device)
    which = moved(torch.rand(clips, pieces, generator=generator), maps.device)
    where = moved(torch.rand(clips, pieces, generator=generator), maps.device)
    source = _of_same_class(batch.targets.argmax(1), which)

    def joined(plane: Tensor) -> Tensor:
        size = plane.shape[-1]
        position = torch.arange(size, device=maps.device)
        piece = position * pieces // size
        begin = -(-piece * size // pieces)  # the first position of the piece, likewise
        length = -(-(piece + 1) * size // pieces) - begin
        first = (where[:, piece] * (size - length + 1)).floor().long().clamp(max=size - 1)
        place = (first + position - begin).clamp(max=size - 1)
        together = plane.movedim(-1, 1)[source[:, piece], place]
        return torch.where(column(changed, plane).bool(), together.movedim(1, -1), plane)

    if (teacher := batch.teacher) is not None:  # what it says of the pieces
        taught = teacher[source].mean(1)
        teacher = torch.where(column(changed, teacher).bool(), taught, teacher)
        batch = replace(batch, teacher=teacher)
    return with_first(batch, with_time_last(batch, joined))


def _of_same_class(labels: Tensor, which: Tensor) -> Tensor:
    """Choose a clip of the same class, another one if there is one, by numbers from 0 to 1.

    labels: (clip,); which, and what is returned: (clip, piece).
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    others = same & ~itself
    candidates = torch.where(others.any(1, keepdim=True), others, itself).long().cumsum(1)
    count = candidates[:, -1:]
    rank = (which * count).floor().long().clamp(max=count - 1)
    return torch.searchsorted(candidates, rank + 1)

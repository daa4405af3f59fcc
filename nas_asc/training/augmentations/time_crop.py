"""Crops in time: a network is trained on shorter clips than it is judged on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from nas_asc.architectures import FrontEnd
from nas_asc.errors import ConfigError
from nas_asc.networks import Network
from nas_asc.study import Table
from nas_asc.training.augmentations.clipwise import front_end_of, with_first
from nas_asc.training.batches import Batch
from nas_asc.training.device import moved
from nas_asc.units import MOST_S

_NAME = "recipe.augmentations.time_crop"


class TimeCrop(Table):
    """Settings of the crop.

    Attributes:
        length_s: how long it is; clips that are no longer stay whole.
        places: so many, evenly spaced from the first to the last there is room for, it begins at;
            a single one is in the middle. None for anywhere. Teachers hear the crops of places.
    """

    length_s: float = Field(gt=0, le=MOST_S)
    places: int | None = Field(default=None, ge=1, le=100)


def time_crop(batch: Batch, generator: torch.Generator, settings: TimeCrop) -> Batch:
    """Cut a stretch out of each clip at a place of its own (Deepsound report, DCASE 2021).

    8 s of 10 s there, 1 s of 10 s in the NetEase report. A crop has as many frames as a clip of its
    length. Clips that are judged stay whole, so that it is for networks that pool over time. Of
    what teachers say of the crops, (batch, place, class), that of the crop drawn stays.

    Raises:
        ConfigError: there is a second plane, whose mel bins stand for the frames of the first.
        ValueError: teachers have heard the crops of another number of places.
    """
    maps, size, beyond = batch.inputs[0], *_size_and_room(batch, settings)
    if settings.places is None:
        firsts = torch.randint(beyond + 1, (len(maps), 1), generator=generator)
    else:
        drawn = torch.randint(settings.places, (len(maps), 1), generator=generator)
        firsts = _firsts(beyond, settings.places)[drawn]
        if batch.teacher is not None and batch.teacher.dim() == 3:
            batch = replace(batch, teacher=_of_place(batch.teacher, drawn, settings.places))
    return _cut(batch, firsts, size)


def every_crop(batch: Batch, settings: TimeCrop) -> Iterator[Batch]:
    """Yield the clips of a batch cut at each of the places, in their order.

    Raises:
        ConfigError: as of `time_crop`.
    """
    size, beyond = _size_and_room(batch, settings)
    column = torch.ones(len(batch.inputs[0]), 1, dtype=torch.int64)
    for first in _firsts(beyond, settings.places or 1):
        yield _cut(batch, first * column, size)


def check_takes_crops(network: Network, augmentations: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that a network takes crops of its clips, if `augmentations` of a recipe have them.

    Raises:
        ConfigError: it takes clips of its own length alone.
    """
    if "time_crop" not in augmentations or network.frontend is None:
        return
    settings = TimeCrop.model_validate(augmentations["time_crop"])
    if not takes_crops(network, settings, within=network.input_shapes[0][-1]):
        raise ConfigError(
            f"{_NAME}: expected a network that takes clips of any length, got one for "
            f"{network.clip_s:g} s alone - pool over time in its head (not flatten), cut clips "
            "into windows as long as a crop (--window), or leave it out"
        )


def takes_crops(network: Network, settings: TimeCrop, within: int | None = None) -> bool:
    """Tell whether a network with a front end takes crops, of at most `within` frames.

    None for as many as a crop has, which may be longer than the network's own clips.
    """
    assert network.frontend is not None, "who asks knows that there is one"
    size = _length(network.frontend, settings)
    first, *others = network.example_inputs()
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(first.new_zeros(*first.shape[:-1], min(size, within or size)), *others)
    except RuntimeError:
        return False
    finally:
        network.train(was_training)
    return True


def _size_and_room(batch: Batch, settings: TimeCrop) -> tuple[int, int]:
    """Return how many frames a crop has, and how many more a clip."""
    if batch.second_plane:
        raise ConfigError(
            f"{_NAME}: expected one spectrogram a clip, got two (frontend.second_window), whose "
            "shapes hold for whole clips alone - leave it out"
        )
    whole = batch.inputs[0].shape[-1]
    size = min(whole, _length(front_end_of(batch), settings))
    return size, whole - size


def _firsts(beyond: int, places: int) -> Tensor:
    """Return the first frame of the crop at each place, rounded, int64, (place,)."""
    last = torch.tensor(beyond, dtype=torch.float64)
    spaced = torch.arange(places) * last / (places - 1) if places > 1 else last[None] / 2
    return spaced.round().long()


def _cut(batch: Batch, firsts: Tensor, size: int) -> Batch:
    """Cut so many frames out of each clip, from its first one on: int64, (clip, 1), on the CPU."""
    maps = batch.inputs[0]
    if size == maps.shape[-1]:
        return batch
    place = torch.arange(size, device=maps.device) + moved(firsts, maps.device)
    place = place.view(len(maps), *[1] * (maps.dim() - 2), size)
    return with_first(batch, maps.gather(-1, place.expand(*maps.shape[:-1], size)))


def _of_place(teacher: Tensor, drawn: Tensor, places: int) -> Tensor:
    """Return what teachers say, (clip, place, class), of the place drawn for each: (clip, 1)."""
    if teacher.shape[1] != places:
        raise ValueError(f"expected what teachers say of {places} crops, got {teacher.shape[1]}")
    index = moved(drawn, teacher.device)[:, :, None]
    return teacher.gather(1, index.expand(-1, -1, teacher.shape[2]))[:, 0]


def _length(frontend: FrontEnd, settings: TimeCrop) -> int:
    """Count the frames, or samples, of a crop."""
    return frontend.input_shapes(settings.length_s)[0][-1]

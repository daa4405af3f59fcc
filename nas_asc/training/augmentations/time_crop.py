"""Crops in time: a network is trained on shorter clips than it is judged on."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

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
    """Settings of the crop: how long it is; clips that are no longer stay whole."""

    length_s: float = Field(gt=0, le=MOST_S)


def time_crop(batch: Batch, generator: torch.Generator, settings: TimeCrop) -> Batch:
    """Cut a stretch out of each clip at a place of its own (Deepsound report, DCASE 2021).

    8 s of 10 s there, 1 s of 10 s in the NetEase report. A crop has as many frames as a clip of its
    length. Clips that are judged stay whole, so that it is for networks that pool over time.

    Raises:
        ConfigError: there is a second plane, whose mel bins stand for the frames of the first.
    """
    frontend, maps = front_end_of(batch), batch.inputs[0]
    size, whole = _length(frontend, settings), maps.shape[-1]
    if batch.second_plane:
        raise ConfigError(
            f"{_NAME}: expected one spectrogram a clip, got two (frontend.second_window), whose "
            "shapes hold for whole clips alone - leave it out"
        )
    places = max(1, whole - size + 1)
    draws = torch.randint(places, (len(maps), 1), generator=generator)
    if size >= whole:
        return batch
    place = torch.arange(size, device=maps.device) + moved(draws, maps.device)
    place = place.view(len(maps), *[1] * (maps.dim() - 2), size)
    return with_first(batch, maps.gather(-1, place.expand(*maps.shape[:-1], size)))


def check_takes_crops(network: Network, augmentations: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that a network takes crops of its clips, if `augmentations` of a recipe have them.

    Raises:
        ConfigError: it takes clips of its own length alone.
    """
    if "time_crop" not in augmentations or network.frontend is None:
        return
    settings = TimeCrop.model_validate(augmentations["time_crop"])
    first, *others = network.example_inputs()
    size = min(_length(network.frontend, settings), first.shape[-1])
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(first[..., :size], *others)
    except RuntimeError:
        raise ConfigError(
            f"{_NAME}: expected a network that takes clips of any length, got one for "
            f"{network.clip_s:g} s alone - pool over time in its head (not flatten), crop less or "
            "leave it out"
        ) from None
    finally:
        network.train(was_training)


def _length(frontend: FrontEnd, settings: TimeCrop) -> int:
    """Count the frames, or samples, of a crop."""
    return frontend.input_shapes(settings.length_s)[0][-1]

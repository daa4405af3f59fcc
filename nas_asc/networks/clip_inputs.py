"""From sound files to what a network is fed, as in its training, but without data set or cache."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nas_asc.architectures import FrontEnd
from nas_asc.features import (
    Features,
    feature_function,
    inputs_of,
    one_torch_thread,
    read_clip,
    round_to_float16,
)
from nas_asc.networks.ensemble_network import VotingNetwork
from nas_asc.networks.network import Network


def read_inputs(network: Network | VotingNetwork, *paths: str | Path) -> tuple[Tensor, ...]:
    """Read sound files as the inputs of a network, as its training saw clips.

    Args:
        network: as `build` or `load_model` gives it; says at what rate, and how, clips are read.
        *paths: WAV, FLAC or OGG files. What is longer than the network's clips is cut at its end,
            what is shorter is padded there with zeros.

    Returns:
        For each input float32, (clip, ...).

    Raises:
        DatasetError: a file cannot be decoded; names it.
        ValueError: there is no file, or the network was not built for clips.
    """
    frontend = network.frontend
    if frontend is None or not paths:
        found = "no file" if frontend else "a network made by hand"
        raise ValueError(f"expected sound files and a network for them, found {found}")
    samples = frontend.samples(network.clip_s)
    with one_torch_thread():
        asked = (frontend.sample_rate_hz, frontend.channels, samples)
        audio = np.stack([round_to_float16(read_clip(Path(path), *asked)) for path in paths])

        def features_of(plane: FrontEnd) -> Features:
            return feature_function([plane], samples)(audio)[0]

        arrays = inputs_of(frontend, network.clip_s, features_of)
    return tuple(torch.from_numpy(array).float() for array in arrays)

"""A trained model on disk: `models/TRIAL/` of a run.

Conventions: `architecture.json` holds the architecture with its class names, clip length and rule;
`weights.safetensors` exactly the bytes that the rule `plain` counts; `metrics.json` what it
reached; `standard.json`, where the front end standardises, the mean and deviation of each mel bin,
of a second plane too, with which the module that is loaded standardises its inputs.
An ensemble's folder holds `ensemble.json`, which says how its networks vote, `metrics.json`, and
each network as such a folder, `1`, `2` and so on.
Nothing is a pickle. The folder appears at once, complete, or not at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from nas_asc.architectures import Architecture, FrontEnd
from nas_asc.errors import ConfigError, ExportError
from nas_asc.features import (
    Features,
    feature_function,
    inputs_of,
    one_torch_thread,
    read_clip,
    round_to_float16,
)
from nas_asc.files import folder_atomically
from nas_asc.networks.compression import restore
from nas_asc.networks.ensemble_network import VotingNetwork
from nas_asc.networks.network import Network, build
from nas_asc.reports import ENSEMBLE, Ensemble, ensemble_json, read_saved_ensemble
from nas_asc.spaces import ARCHITECTURE, architecture_json, read_architecture

WEIGHTS, METRICS, STANDARD = "weights.safetensors", "metrics.json", "standard.json"


@dataclass(frozen=True)
class SavedModel:
    """A trained model.

    Attributes:
        classes: names, in the order of the logits.
        arrays: the stored weights, as `nas_asc.networks.compression.store` gives them.
        standards: mean and deviation per mel bin, (2, mel), of each plane; none where the front end
            does not standardise.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    clip_s: float
    rule: str
    arrays: Mapping[str, NDArray[np.generic]]
    metrics: Mapping[str, object]
    standards: tuple[NDArray[np.float32], ...] = ()

    def network(self) -> Network:
        """Build the module with the stored weights and standards, in evaluation mode.

        Raises:
            ExportError: they are not those of the architecture.
        """
        network = build(self.architecture, len(self.classes), self.clip_s)
        restore(network, self.arrays)
        network.classes = self.classes
        standards = [torch.from_numpy(standard) for standard in self.standards]
        if network.standardisation is not None:
            network.standardisation.load(standards)
        return network.eval()


def save_model(folder: Path, model: SavedModel) -> None:
    """Write a model into `folder`, replacing what stood there."""
    described = architecture_json(model.architecture, model.classes, model.clip_s, model.rule)
    with folder_atomically(folder) as part:
        _write_json(part / ARCHITECTURE, described)
        _write_json(part / METRICS, model.metrics)
        if model.standards:
            pairs = [standard.tolist() for standard in model.standards]
            planes = [{"mean": mean, "deviation": deviation} for mean, deviation in pairs]
            _write_json(part / STANDARD, planes)
        save_file(dict(model.arrays), part / WEIGHTS)


def save_ensemble(
    folder: Path,
    ensemble: Ensemble,
    models: Sequence[SavedModel],
    metrics: Mapping[str, object],
) -> None:
    """Write an ensemble's networks, in the order of their votes, into `folder`."""
    with folder_atomically(folder) as part:
        for number, model in enumerate(models, 1):
            save_model(part / str(number), model)
        _write_json(part / ENSEMBLE, ensemble_json(ensemble, models[0].rule))
        _write_json(part / METRICS, metrics)


def load_saved(folder: Path) -> SavedModel:
    """Read a model that `save_model` wrote.

    Raises:
        ExportError: the folder holds no complete model.
    """
    try:
        described = read_architecture(folder / ARCHITECTURE)
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        planes = []
        if (folder / STANDARD).is_file():
            planes = json.loads((folder / STANDARD).read_text(encoding="utf-8"))
        return SavedModel(
            architecture=described.architecture,
            classes=described.class_names,
            clip_s=described.clip_s,
            rule=described.rule,
            arrays=arrays,
            metrics=metrics,
            standards=tuple(
                np.array([plane["mean"], plane["deviation"]], dtype=np.float32) for plane in planes
            ),
        )
    except OSError as error:
        raise ExportError(f"{folder}: expected a saved model, {error.strerror or error}") from None
    except ConfigError as error:
        raise ExportError(str(error)) from None
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ExportError(f"{folder}: expected a complete saved model, found {error}") from None


def load_model(folder: str | Path) -> Network | VotingNetwork:
    """Load the module of a saved model, `RUN/models/TRIAL`, with its stored weights.

    Raises:
        ExportError: the folder holds no complete model or ensemble, or an ensemble of networks
            that take different inputs.
    """
    folder = Path(folder)
    if not (folder / ENSEMBLE).is_file():
        return _network(folder)
    try:
        ensemble = read_saved_ensemble(folder)
    except ConfigError as error:
        raise ExportError(str(error)) from None
    numbers = range(1, len(ensemble.networks) + 1)
    networks = [_network(folder / str(number)) for number in numbers]
    return VotingNetwork(ensemble, networks).eval()


def _network(folder: Path) -> Network:
    saved = load_saved(folder)
    try:
        return saved.network()
    except ExportError as error:
        raise ExportError(f"{folder}: {error}") from None


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


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

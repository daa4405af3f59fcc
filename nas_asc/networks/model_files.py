"""A trained model on disk: `models/TRIAL/` of a run.

Conventions: `architecture.json` holds the architecture with its class names, clip length and rule,
and how files become clips: `align` where that is not "start", `hop_s` where clips are windows;
`weights.safetensors` exactly the bytes that the rule `plain` counts; `metrics.json` what it
reached; `standard.json`, where the front end standardises, mean and deviation of each mel bin of
each plane; `validation.npy` the class probabilities of the search's validation clips, float32,
(clip, class), as they were judged when it was trained. An ensemble's folder holds `ensemble.json`,
which says how its networks vote, `metrics.json`, and each network as such a folder, `1`, `2` and so
on. Nothing is a pickle. The folder appears at once, complete, or not at all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from nas_asc.architectures import Architecture, FrontEnd
from nas_asc.datasets import windows_of_file
from nas_asc.errors import ConfigError, ExportError, StorageError
from nas_asc.features import (
    Features,
    feature_function,
    inputs_of,
    one_torch_thread,
    read_clip,
    round_to_float16,
)
from nas_asc.files import folder_atomically
from nas_asc.networks.network import Network, VotingNetwork, build
from nas_asc.networks.stored import restore
from nas_asc.reports import ENSEMBLE, Ensemble, ensemble_json, read_saved_ensemble
from nas_asc.spaces import ARCHITECTURE, architecture_json, read_architecture

WEIGHTS, METRICS, STANDARD = "weights.safetensors", "metrics.json", "standard.json"
VALIDATION = "validation.npy"


@dataclass(frozen=True)
class SavedModel:
    """A trained model, its weights as `store` gives them, its classes in the order of the logits.

    Attributes:
        standards: mean and deviation per mel bin, (2, mel), of each plane; none where the front end
            does not standardise.
        align, hop_s: how files become clips, as of `Dataset`.
        validation: its probabilities of validation clips, (clip, class), to be written beside it;
            None for none, and where it was read.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    clip_s: float
    rule: str
    arrays: Mapping[str, NDArray[np.generic]]
    metrics: Mapping[str, object]
    standards: tuple[NDArray[np.float32], ...] = ()
    align: str = "start"
    hop_s: float | None = None
    validation: NDArray[np.float64] | None = None

    def network(self) -> Network:
        """Build the module with the stored weights and standards, in evaluation mode.

        Raises:
            ExportError: they are not those of the architecture.
        """
        network = build(self.architecture, len(self.classes), self.clip_s)
        arrays = dict(self.arrays)
        if network.activations is not None:
            network.activations.load(arrays)
        restore(network, arrays)
        network.classes = self.classes
        network.align, network.hop_s = self.align, self.hop_s
        if network.standardisation is not None:
            network.standardisation.load([torch.from_numpy(each) for each in self.standards])
        return network.eval()


def save_model(folder: Path, model: SavedModel) -> None:
    """Write a model into `folder`, replacing what stood there.

    Raises:
        StorageError: there is no room, or the folder cannot be written.
    """
    reading = (model.clip_s, model.rule, model.align, model.hop_s)
    described = architecture_json(model.architecture, model.classes, *reading)
    with _written(folder) as part:
        _write_json(part / ARCHITECTURE, described)
        _write_json(part / METRICS, model.metrics)
        if model.standards:
            pairs = (standard.tolist() for standard in model.standards)
            _write_json(part / STANDARD, [{"mean": m, "deviation": d} for m, d in pairs])
        if model.validation is not None:
            np.save(part / VALIDATION, model.validation.astype(np.float32))
        tensors = {name: _tensor(array) for name, array in model.arrays.items()}
        (part / WEIGHTS).write_bytes(save(tensors))  # a full disk is an OSError


def _tensor(array: NDArray[np.generic]) -> Tensor:
    """Return a stored array as the tensor that a file holds: NumPy has no bfloat16."""
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.uint16 else tensor


def _array(tensor: Tensor) -> NDArray[np.generic]:
    """Undo `_tensor`; files of before have the bits of bfloat16 as they are."""
    array: NDArray[np.generic] = (
        tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    ).numpy()
    return array


def save_ensemble(
    folder: Path, ensemble: Ensemble, models: Sequence[SavedModel], metrics: Mapping[str, object]
) -> None:
    """Write an ensemble's networks, in the order of their votes, into `folder`.

    Raises:
        StorageError: there is no room, or the folder cannot be written.
    """
    with _written(folder) as part:
        for number, model in enumerate(models, 1):
            save_model(part / str(number), model)
        _write_json(part / ENSEMBLE, ensemble_json(ensemble, models[0].rule))
        _write_json(part / METRICS, metrics)


@contextmanager
def _written(folder: Path) -> Iterator[Path]:
    """Create a folder that appears whole, and say in one line where it cannot be written."""
    try:
        with folder_atomically(folder) as part:
            yield part
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{folder}: expected a folder that can be written, found {reason} - put that right"
        ) from error


def load_saved(folder: Path) -> SavedModel:
    """Read a model that `save_model` wrote.

    Raises:
        ExportError: the folder holds no complete model.
    """
    try:
        described = read_architecture(folder / ARCHITECTURE)
        metrics = _read_json(folder / METRICS)
        planes = _read_json(folder / STANDARD) if (folder / STANDARD).is_file() else []
        return SavedModel(
            described.architecture,
            described.class_names,
            described.clip_s,
            described.rule,
            {name: _array(tensor) for name, tensor in load_file(folder / WEIGHTS).items()},
            metrics,
            tuple(np.array([each["mean"], each["deviation"]], np.float32) for each in planes),
            described.align,
            described.hop_s,
        )
    except OSError as error:
        raise ExportError(f"{folder}: expected a saved model, {error.strerror or error}") from None
    except ConfigError as error:
        raise ExportError(str(error)) from None
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ExportError(f"{folder}: expected a complete saved model, found {error}") from None


def read_validation(folder: Path) -> NDArray[np.float32] | None:
    """Read the probabilities of validation clips that stand beside a model; None without any."""
    try:
        values: NDArray[np.float32] = np.load(folder / VALIDATION, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values


def load_model(folder: str | Path) -> Network | VotingNetwork:
    """Load the module of a saved model, `RUN/models/TRIAL`, with its stored weights, to run it.

    Batch norms have their statistics folded into their weights, so it is not to be trained further.

    Raises:
        ExportError: it is no complete model or ensemble.
    """
    folder = Path(folder)
    if not (folder / ENSEMBLE).is_file():
        return _network(folder)
    try:
        ensemble = read_saved_ensemble(folder)
    except ConfigError as error:
        raise ExportError(str(error)) from None
    folders = [folder / str(number) for number, _ in enumerate(ensemble.networks, 1)]
    return VotingNetwork(ensemble, list(map(_network, folders))).eval()


def _network(folder: Path) -> Network:
    saved = load_saved(folder)
    try:
        return saved.network()
    except ExportError as error:
        raise ExportError(f"{folder}: {error}") from None


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_inputs(network: Network | VotingNetwork, *paths: str | Path) -> tuple[Tensor, ...]:
    """Read WAV, FLAC or OGG files as a network's training saw clips: float32, (clip, ...), each.

    What is longer than its clips is cut at its end, what is shorter is padded with zeros, there or
    on both sides as in training. For a network that was trained on windows of files, clips are the
    windows of one file: the mean of their probabilities is that of the file.

    Raises:
        DatasetError: a file cannot be decoded; names it.
        ValueError: there is no file, or several for a network of windows, or the network was not
            built for clips.
    """
    if not network.frontends or not paths:
        found = "no file" if network.frontends else "a network made by hand"
        raise ValueError(f"expected sound files and a network for them, found {found}")
    places = [(Path(path), 0.0) for path in paths]
    if network.hop_s is not None:
        if len(paths) > 1:
            raise ValueError(f"expected one file for a network of windows, found {len(paths)}")
        starts_s = windows_of_file(places[0][0], network.clip_s, network.hop_s)
        places = [(places[0][0], start_s) for start_s in starts_s]
    with one_torch_thread():
        return tuple(
            torch.from_numpy(array).float()
            for frontend in network.frontends
            for array in _read_clips(frontend, network.clip_s, network.align, places)
        )


def _read_clips(
    frontend: FrontEnd, clip_s: float, align: str, places: Sequence[tuple[Path, float]]
) -> list[Features]:
    """Return what a front end makes of clips, each a file and where it begins there."""
    samples = frontend.samples(clip_s)
    asked = (frontend.sample_rate_hz, frontend.channels, samples)
    function_of = cache(lambda plane: feature_function([plane], samples))

    def read(path: Path, start_s: float) -> tuple[Features, ...]:
        clip = read_clip(path, *asked, start_s, align, frontend.resampling)
        audio = round_to_float16(clip)[np.newaxis]
        return inputs_of(frontend, clip_s, lambda plane: function_of(plane)(audio)[0])

    # Clip by clip: the spectra of an hour would fill the memory.
    return [np.concatenate(each) for each in zip(*(read(*p) for p in places), strict=True)]

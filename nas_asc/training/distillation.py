"""Distillation: what networks learn from teachers, besides from the labels.

Conventions: a teacher is any saved network or ensemble that tells the same classes apart, with a
front end and a clip length of its own. It hears each training clip once, unaugmented and from where
the clip begins, a window like any other; or, where a recipe crops clips at some `places`, each of
these crops, cut out of its own features of the whole clip, or joined recording, that a network is
trained on. Validation and test clips it never hears. Its logits are kept beside features, found by
its weights and what it hears; what a search needs of all its teachers, their mean probabilities at
its temperature, is one file of the run folder.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from nas_asc.architectures import FEATURES_VERSION
from nas_asc.datasets import Dataset, JoinedClips, hash_files
from nas_asc.errors import ConfigError, StorageError
from nas_asc.features import (
    FeatureCache,
    Features,
    MappedPages,
    in_order,
    key_of,
    load_inputs,
    one_torch_thread,
)
from nas_asc.files import write_atomically
from nas_asc.networks import Network, load_model, vote
from nas_asc.reports import ENSEMBLE, read_saved_ensemble, weights_digest
from nas_asc.study import Distillation, Recipe
from nas_asc.training.augmentations import TimeCrop, every_crop, takes_crops
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.joining import joined_training

_BATCH_SIZE = 64  # clips that a teacher hears at a time


@dataclass(frozen=True)
class TeacherFile:
    """What teachers say, as `keep_probabilities` wrote it for a recipe."""

    path: Path
    recipe: Recipe


def distilled(
    logits: Tensor,
    batch: Batch,
    hard: Callable[[Tensor, Batch], Tensor],
    settings: Distillation,
) -> Tensor:
    """Return (1 - weight) x hard loss + weight x T^2 x KL(teacher || network), both at T.

    Hinton, Vinyals and Dean 2015 (arXiv 1503.02531): q = softmax(logits / T), and T^2 keeps the
    gradient, which shrinks as 1 / T^2, as large as that of the labels. KL differs from their
    cross-entropy by what no network can change, and is 0 where it says what the teacher says. The
    mean is over clips. Smoothing and class weights are of the hard loss alone.

    NetEase's report has a weight of 0.5 and a temperature of 2. It does not say what its soft loss
    is, whether it has the factor T^2, and whether four teachers are averaged at temperature 1 or
    at T. Here, and so in its study, it is this one, and they are averaged at T.

    Args:
        logits: float32, (batch, class).
        batch: with the teachers' mean probabilities at T.
        hard: the loss against the targets.
        settings: temperature and weight; with a weight of 0 the loss is the hard one to the bit.
    """
    if settings.weight == 0:
        return hard(logits, batch)
    if batch.teacher is None or batch.teacher.shape != logits.shape:
        found = "none" if batch.teacher is None else str(tuple(batch.teacher.shape))
        raise ValueError(f"expected a batch with what teachers say of each clip, got {found}")
    temperature, weight = settings.temperature, settings.weight
    own = (logits / temperature).log_softmax(dim=1)
    soft = temperature**2 * kl_div(own, batch.teacher, reduction="batchmean")
    return (1 - weight) * hard(logits, batch) + weight * soft


def keep_probabilities(
    path: Path, dataset: Dataset, folders: Sequence[Path], recipe: Recipe
) -> None:
    """Write what saved models, `RUN/models/TRIAL`, say of training clips into a file, as `.npy`.

    That is the mean over them of softmax(logits / temperature), float32, (training clip, class), in
    the order of the data set; where they hear crops, (training clip or joined recording, place,
    class). A file that is there is left as it is.

    Raises:
        ExportError: a folder holds no complete model.
        ConfigError: what a teacher says are no numbers, or it takes no crops.
        DatasetError: a clip is gone, or cannot be decoded.
        StorageError: the file or the cache cannot be written, or there is no room.
        ValueError: the recipe has no teachers.
    """
    if path.is_file():
        return
    if recipe.distillation is None:
        raise ValueError("expected a recipe with teachers, got one without")
    crop, joined = _what_is_heard(recipe, dataset)
    heard = joined.dataset if crop and joined else dataset
    total = np.zeros(())
    for folder in folders:
        logits = teacher_logits(folder, heard, crop) / recipe.distillation.temperature
        total = total + logits.softmax(dim=-1).numpy()
    file = io.BytesIO()
    np.save(file, (total / len(folders)).astype(np.float32), allow_pickle=False)
    try:
        write_atomically(path, file.getvalue())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{path}: expected a file that can be written, found {reason} - put that right"
        ) from error


def check_they_take_crops(recipe: Recipe, dataset: Dataset, teachers: Mapping[str, Path]) -> None:
    """Check that teachers, folders by their names, can hear crops, if they are to.

    Raises:
        ExportError: a folder holds no complete model.
        ConfigError: one cannot.
    """
    crop, _ = _what_is_heard(recipe, dataset)
    if crop is None:
        return
    for name, folder in teachers.items():
        for each in _network_folders(folder):
            _check_takes(load_model(each), crop, name)


def _what_is_heard(recipe: Recipe, dataset: Dataset) -> tuple[TimeCrop | None, JoinedClips | None]:
    """Return the crops that teachers hear, None for whole clips, and what a training joins."""
    recipe, joined = joined_training(recipe, dataset)
    clip_s = joined.dataset.clip_s if joined else dataset.clip_s
    table = recipe.augmentations.get("time_crop")
    crop = None if table is None else TimeCrop.model_validate(table)
    if crop is None or crop.places is None or crop.length_s >= clip_s:
        return None, joined
    return crop, joined


def read_taught(file: TeacherFile, dataset: Dataset, recipe: Recipe) -> Tensor:
    """Read what teachers say as a training by a recipe needs it, maybe not that of the file.

    It is (clip, class), or (clip, place, class) where the recipe has the crops that were heard;
    for others it is the mean over places. Clips are those of the data, or recordings where the
    recipe joins clips; of a recording it is the mean over its parts, of a part that of the whole,
    where one has not been heard by itself.

    Raises:
        StorageError: the file is not there, or of others.
    """
    crop, joined = _what_is_heard(file.recipe, dataset)
    own_crop, own_joined = _what_is_heard(recipe, dataset)
    clips, classes = len(dataset.indices("train")), len(dataset.classes)
    if crop is None or crop.places is None:
        said = read_probabilities(file.path, (clips, classes))
    else:
        heard = len(joined.parts) if joined else clips
        said = read_probabilities(file.path, (heard, crop.places, classes))
        if (crop, joined is None) == (own_crop, own_joined is None):
            return said
        said = said.mean(dim=1)
        if joined:
            of_recordings, said = said, torch.empty(clips, classes)
            said[torch.tensor(joined.parts)] = of_recordings[:, None]
    return said[torch.tensor(own_joined.parts)].mean(dim=1) if own_joined else said


def read_probabilities(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Read what `keep_probabilities` wrote, if it has the shape.

    Raises:
        StorageError: it is not there, or of others.
    """
    try:
        found = np.load(path, allow_pickle=False)
        if found.shape != shape:
            raise ValueError(f"an array of {found.shape}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(
            f"{path}: expected what teachers say of {shape[0]} training clips, found "
            f"{reason.lower()} - delete it, it is made again"
        ) from None
    return torch.from_numpy(found)


def teacher_logits(folder: Path, dataset: Dataset, crop: TimeCrop | None = None) -> Tensor:
    """Return the logits of a saved model for training clips: float64, (clip[, place], class).

    Its classes are those of the data, in whose order they are returned. Of an ensemble they are the
    logarithms of what it votes.

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: they are no numbers, or it takes no such crops.
    """
    found = [_network_logits(each, dataset, crop) for each in _network_folders(folder)]
    logits, classes = found[0]
    if (folder / ENSEMBLE).is_file():
        ensemble = read_saved_ensemble(folder)
        votes = [own.softmax(dim=-1).numpy() for own, _ in found]
        logits, classes = torch.from_numpy(vote(ensemble, votes)).log(), ensemble.classes
    if logits.isnan().any():
        raise ConfigError(f"{folder}: expected a teacher whose logits are numbers, got others")
    return logits[..., [classes.index(name) for name in dataset.classes]]


def _network_folders(folder: Path) -> list[Path]:
    """Return the folder of a saved network, or those of the networks of an ensemble."""
    if not (folder / ENSEMBLE).is_file():
        return [folder]
    networks = read_saved_ensemble(folder).networks
    return [folder / str(number) for number, _ in enumerate(networks, 1)]


def _check_takes(network: nn.Module, crop: TimeCrop, name: str) -> None:
    """Check that a network can hear crops.

    Raises:
        ConfigError: it cannot.
    """
    assert isinstance(network, Network), "ensembles hold networks"
    assert network.frontend is not None, "a saved model has one"
    found = f"one for {network.clip_s:g} s alone"
    if network.frontend.second_window:
        found = "one whose two spectrograms (frontend.second_window) hold for whole clips alone"
    elif takes_crops(network, crop):
        return
    raise ConfigError(
        f"{name}: expected a teacher that can hear crops of {crop.length_s:g} s, got {found} - "
        "take one that pools over time in its head, or leave out recipe.augmentations.time_crop."
        "places: it then hears whole clips"
    )


def _network_logits(
    folder: Path, dataset: Dataset, crop: TimeCrop | None
) -> tuple[Tensor, tuple[str, ...]]:
    """Return the logits of one saved network for the training clips, and its classes.

    They are kept with the largest of a clip at 0, which changes no probability, and leaves to
    float16 all of its precision for the classes that count.
    """
    network = load_model(folder)
    assert isinstance(network, Network), "ensembles hold networks"
    store, chosen = FeatureCache(), [dataset.clips[i] for i in dataset.indices("train")]
    paths = [path for clip in chosen for path in (clip.path, *clip.further)]
    files = hash_files(dataset.root, paths, store.folder)
    digests = {path: file.digest for path, file in zip(paths, files, strict=True)}
    decides = {
        "teacher": weights_digest(folder),
        "clips": [(digests[c.path], c.start_s, *map(digests.get, c.further)) for c in chosen],
        "features": FEATURES_VERSION,
        "versions": [version(package) for package in ("torch", "torchaudio")],
    }
    shape = [len(chosen), len(network.classes)]
    if crop:
        _check_takes(network, crop, str(folder))
        of_clips = {"clip_s": dataset.clip_s, "align": dataset.align}
        decides["crops"] = {**crop.model_dump(), **of_clips}
        shape.insert(1, crop.places or 1)
    key = key_of(decides)

    def compute() -> None:
        with store.create({key: tuple(shape)}) as written:
            for logits in _heard(network, dataset, crop):
                written[key](logits)

    found = store.once(key, tuple(shape), compute)
    return torch.from_numpy(found).double(), network.classes


def _heard(network: Network, dataset: Dataset, crop: TimeCrop | None) -> Iterator[Features]:
    """Yield the logits of a network for the training clips, some clips at a time.

    Crops are of clips as they are for networks that learn, not as long as the teacher's own. A
    thread takes some clips by itself, so that the result does not depend on how many there are.
    """
    frontend = network.frontend
    assert frontend is not None, "a saved model has one"
    if crop is None:
        dataset = replace(dataset, clip_s=network.clip_s, align=network.align)
    arrays = load_inputs(dataset, frontend.feature_key)
    inputs = tuple(torch.from_numpy(each) for each in arrays)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    clips = Clips(inputs, labels, len(dataset.classes), pages=MappedPages(arrays))
    has_level, no_targets = frontend.normalisation != "peak", torch.empty(0)

    def logits_of(parts: tuple[Tensor, ...]) -> Features:
        inputs = tuple(part.float() for part in parts)
        with torch.inference_mode():
            if crop is None:
                logits = network(*inputs)
            else:
                batch = Batch(inputs, no_targets, has_level=has_level, frontend=frontend)
                each = [network(*cut.inputs) for cut in every_crop(batch, crop)]
                logits = torch.stack(each, dim=1)
            below_0: Features = (logits - logits.amax(dim=-1, keepdim=True)).half().numpy()
            return below_0

    parts = clips.subset(dataset.indices("train")).parts(_BATCH_SIZE)
    with one_torch_thread() as threads, closing(in_order(logits_of, parts, threads)) as found:
        yield from found

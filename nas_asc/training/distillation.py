"""Distillation: what networks learn from teachers, besides from the labels.

Conventions: a teacher is any saved network or ensemble that tells the same classes apart, with a
front end and a clip length of its own. It hears each training clip once, unaugmented and from where
the clip begins, a window like any other; validation and test clips it never hears. Its logits are
kept beside features, found by its weights and the clips; what a search needs of all its teachers,
their mean probabilities at its temperature, is one file of the run folder.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from nas_asc.architectures import FEATURES_VERSION
from nas_asc.datasets import Dataset, hash_files
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
from nas_asc.study import Distillation
from nas_asc.training.batches import Batch, Clips

_BATCH_SIZE = 64  # clips that a teacher hears at a time


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
    if batch.teacher is None:
        raise ValueError("expected a batch with what teachers say, got none")
    temperature, weight = settings.temperature, settings.weight
    own = (logits / temperature).log_softmax(dim=1)
    soft = temperature**2 * kl_div(own, batch.teacher, reduction="batchmean")
    return (1 - weight) * hard(logits, batch) + weight * soft


def keep_probabilities(
    path: Path, dataset: Dataset, folders: Sequence[Path], temperature: float
) -> None:
    """Write what saved models, `RUN/models/TRIAL`, say of training clips into a file, as `.npy`.

    That is the mean over them of softmax(logits / temperature), float32, (training clip, class), in
    the order of the data set. A file that is there is left as it is.

    Raises:
        ExportError: a folder holds no complete model.
        ConfigError: what a teacher says are no numbers.
        DatasetError: a clip is gone, or cannot be decoded.
        StorageError: the file or the cache cannot be written, or there is no room.
    """
    if path.is_file():
        return
    total = np.zeros((len(dataset.indices("train")), len(dataset.classes)))
    for folder in folders:
        total += (teacher_logits(folder, dataset) / temperature).softmax(dim=1).numpy()
    file = io.BytesIO()
    np.save(file, (total / len(folders)).astype(np.float32), allow_pickle=False)
    try:
        write_atomically(path, file.getvalue())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{path}: expected a file that can be written, found {reason} - put that right"
        ) from error


def read_probabilities(path: Path, shape: tuple[int, int]) -> Tensor:
    """Read what `keep_probabilities` wrote, of so many training clips and classes.

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


def teacher_logits(folder: Path, dataset: Dataset) -> Tensor:
    """Return the logits of a saved model for the training clips: float64, (clip, class).

    Its classes are those of the data, in whose order they are returned. Of an ensemble they are the
    logarithms of what it votes.

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: they are no numbers.
    """
    if (folder / ENSEMBLE).is_file():
        ensemble = read_saved_ensemble(folder)
        networks = [folder / str(number) for number, _ in enumerate(ensemble.networks, 1)]
        votes = [_network_logits(each, dataset)[0].softmax(dim=1).numpy() for each in networks]
        logits, classes = torch.from_numpy(vote(ensemble, votes)).log(), ensemble.classes
    else:
        logits, classes = _network_logits(folder, dataset)
    if logits.isnan().any():
        raise ConfigError(f"{folder}: expected a teacher whose logits are numbers, got others")
    return logits[:, [classes.index(name) for name in dataset.classes]]


def _network_logits(folder: Path, dataset: Dataset) -> tuple[Tensor, tuple[str, ...]]:
    """Return the logits of one saved network for the training clips, and its classes.

    They are kept with the largest of a clip at 0, which changes no probability, and leaves to
    float16 all of its precision for the classes that count.
    """
    network = load_model(folder)
    assert isinstance(network, Network), "ensembles hold networks"
    store, chosen = FeatureCache(), dataset.indices("train")
    files = hash_files(dataset.root, [dataset.clips[i].path for i in chosen], store.folder)
    starts_s = [dataset.clips[i].start_s for i in chosen]
    decides = {
        "teacher": weights_digest(folder),
        "clips": [(file.digest, start) for file, start in zip(files, starts_s, strict=True)],
        "features": FEATURES_VERSION,
        "versions": [version(package) for package in ("torch", "torchaudio")],
    }
    key, shape = key_of(decides), (len(chosen), len(network.classes))

    def compute() -> None:
        with store.create({key: shape}) as written:
            for logits in _heard(network, dataset):
                written[key](logits)

    return torch.from_numpy(store.once(key, shape, compute)).double(), network.classes


def _heard(network: Network, dataset: Dataset) -> Iterator[Features]:
    """Yield the logits of a network for the training clips, some clips at a time.

    A thread takes some clips by itself, so that the result does not depend on how many there are.
    """
    assert network.frontend is not None, "a saved model has one"
    heard = replace(dataset, clip_s=network.clip_s, align=network.align)
    arrays = load_inputs(heard, network.frontend.feature_key)
    inputs = tuple(torch.from_numpy(each) for each in arrays)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    clips = Clips(inputs, labels, len(dataset.classes), pages=MappedPages(arrays))

    def logits_of(parts: tuple[Tensor, ...]) -> Features:
        with torch.inference_mode():
            logits = network(*[part.float() for part in parts])
            below_0: Features = (logits - logits.amax(dim=1, keepdim=True)).half().numpy()
            return below_0

    parts = clips.subset(dataset.indices("train")).parts(_BATCH_SIZE)
    with one_torch_thread() as threads, closing(in_order(logits_of, parts, threads)) as found:
        yield from found

"""How good a network is on the clips of one split, and a saved model on data that it was made for.

Conventions: as of `metrics`; devices that no training clip comes from are unseen. The split `all`
is every clip, for data that a model was neither trained on nor chosen by.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from nas_asc.datasets import SPLITS, Dataset, dataset_of, hash_files
from nas_asc.errors import ConfigError, NasAscError
from nas_asc.features import MappedPages, load_inputs
from nas_asc.networks import Network, VotingNetwork, load_model
from nas_asc.study import STUDY_FILE, read_study
from nas_asc.training.batches import Clips
from nas_asc.training.device import prepare
from nas_asc.training.metrics import Metrics, Probabilities, compute_metrics, predict_proba

EVERY = "all"


def split_metrics(dataset: Dataset, split: str, probabilities: Probabilities) -> Metrics:
    """Compute the metrics of class probabilities, (clip, class), of the clips of a split."""
    chosen = indices_of(dataset, split)
    clips = [dataset.clips[i] for i in chosen]
    numbers = dataset.file_numbers if dataset.windowed else None
    return compute_metrics(
        probabilities,
        np.array([clip.label for clip in clips]),
        dataset.classes,
        devices=[clip.device for clip in clips],
        training_devices=[clip.device for clip in dataset.clips if clip.split == "train"],
        files=None if numbers is None else [numbers[i] for i in chosen],
    )


def metrics_of(dataset: Dataset, probabilities: Mapping[str, Probabilities]) -> dict[str, object]:
    """Return the metrics of the validation clips and, under the name of each other split, its own.

    `probabilities`, (clip, class), are of the clips of each split.
    """
    found = {
        split: split_metrics(dataset, split, each).to_dict()
        for split, each in probabilities.items()
    }
    return {**found.pop("validation"), **found}


def evaluate_model(
    folder: str | Path, dataset: Dataset, split: str = "test", device: str = "cpu"
) -> Metrics:
    """Judge a saved model, `RUN/models/TRIAL`, on the clips of one split of a data set.

    It is computed on the `device`, "cpu" or "cuda". The features are those of the search, where it
    read the same data set. The data are to be split as the search did: `load_dataset(study.data,
    study.seed)` of the run's study.

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: the data set has other classes, clips that are read otherwise, or clips in the
            split that the model was trained or chosen by.
        TrainingError: there is no such device.
    """
    own = own_data(folder, dataset)
    check_unseen(folder, dataset, split, own)
    chosen = indices_of(dataset, split)
    return split_metrics(dataset, split, predict_clips(folder, dataset, chosen, device))


def indices_of(dataset: Dataset, split: str) -> tuple[int, ...]:
    """Return the positions of the clips of a split, or those of every clip for "all"."""
    return tuple(range(len(dataset.clips))) if split == EVERY else dataset.indices(split)


def predict_clips(
    folder: str | Path, dataset: Dataset, indices: Sequence[int], device: str = "cpu"
) -> Probabilities:
    """Compute the class probabilities, (clip, class), that a saved model gives for some clips.

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: the data set has other classes, or clips that are read otherwise.
        TrainingError: there is no such device.
    """
    network = load_model(folder).to(prepare(device))
    _check_classes(folder, network.classes, dataset)
    for name in ("clip_s", "align", "hop_s"):
        wanted, found = getattr(network, name), getattr(dataset, name)
        if wanted != found:
            raise ConfigError(
                f"{folder}: expected a data set with {name} {wanted}, as the model was trained "
                f"on, got {found} - load it likewise"
            )
    return predict_network(network, dataset, indices)


def predict_network(
    network: Network | VotingNetwork, dataset: Dataset, indices: Sequence[int]
) -> Probabilities:
    """Compute the class probabilities of a loaded network, (clip, class), of some clips.

    On the device of the network.
    """
    arrays = [
        array
        for frontend in network.frontends  # a saved model has one, an ensemble several
        for array in load_inputs(dataset, frontend.feature_key)
    ]
    inputs = tuple(torch.from_numpy(array) for array in arrays)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    clips = Clips(inputs, labels, len(dataset.classes), pages=MappedPages(arrays))
    return predict_proba(network, clips.subset(indices))


def _check_classes(folder: str | Path, wanted: tuple[str, ...], dataset: Dataset) -> None:
    """Check that a data set has the classes of a model, in their order."""
    found = dataset.classes
    if wanted == found:
        return
    lacking, new = ([c for c in a if c not in b] for a, b in ((wanted, found), (found, wanted)))
    said = [f"no {', '.join(lacking)}"] if lacking else []
    said += [f"also {', '.join(new)}"] if new else []
    raise ConfigError(
        f"{folder}: expected a data set with the {len(wanted)} classes that the model was trained "
        f"on, {', '.join(wanted)}, got {' and '.join(said) or 'them in another order'} - give "
        "clips of these classes, and only of them"
    )


def own_data(folder: str | Path, dataset: Dataset) -> Dataset | None:
    """Return the recordings of the run that a model is of, as they were split for it.

    None where it is of no run, or where its recordings are elsewhere now. `dataset` is returned
    itself if it is these.
    """
    path = Path(folder).absolute()
    run = path.parent.parent
    if path.parent.name != "models" or not (run / STUDY_FILE).is_file():
        return None
    study = read_study(run / STUDY_FILE)
    if study.storage is None and not (run / "study.db").is_file():
        return None
    if (dataset.source, dataset.split_seed) == (study.data, study.seed):
        return dataset
    try:
        own = dataset_of(study.data, study.seed)
    except NasAscError:
        return None
    scenes = not study.data.paths
    return dataset if scenes and own.source == dataset.source else own


def check_unseen(folder: str | Path, dataset: Dataset, split: str, own: Dataset | None) -> None:
    """Check that no clip of a split was one that a model's own search trained on or chose by.

    Files are the same if they lie at the same place or have the same bytes; silent ones are alike.

    Raises:
        ConfigError: there are such clips.
    """
    if own is None or (own is dataset and split != EVERY):
        return
    earlier = SPLITS[: SPLITS.index(split)] if split != EVERY else SPLITS[:-1]
    seen = [clip.path for clip in own.files if clip.split in earlier]
    kept = [clip.path for clip in own.files if clip.split not in earlier]
    paths = {path.resolve() for path in seen}
    # What the run itself has in both is told when its data are read.
    contents = {*_hashes(own, seen).values()} - {"", *_hashes(own, kept).values()}
    asked = [dataset.clips[i].path for i in indices_of(dataset, split)]
    again = sum(
        path.resolve() in paths or digest in contents
        for path, digest in _hashes(dataset, asked).items()
    )
    if again:
        what = "every clip" if split == EVERY else f"the {split} split"
        raise ConfigError(
            f"{folder}: expected clips that the model has not seen, found {again} in {what} "
            "that its search trained on or chose by - leave them out, or split the data as it "
            f"did: study = load_study({str(Path(folder).absolute().parent.parent / STUDY_FILE)!r});"
            " load_dataset(study.data, study.seed)"
        )


def _hashes(dataset: Dataset, paths: Iterable[Path]) -> dict[Path, str]:
    """Return the hash of each file, empty of one that is silent or cannot be read."""
    files = list(dict.fromkeys(paths))
    found = zip(files, hash_files(dataset.root, files), strict=True)
    return {path: "" if each.decoded and each.peak == 0 else each.digest for path, each in found}

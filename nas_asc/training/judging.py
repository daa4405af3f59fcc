"""How good a network is on the clips of one split, and a saved model on data that it was made for.

Conventions: as of `metrics`; devices that no training clip comes from are unseen.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from nas_asc.datasets import SPLITS, Dataset, load_dataset
from nas_asc.errors import ConfigError, NasAscError
from nas_asc.features import MappedPages, load_inputs
from nas_asc.networks import Network, VotingNetwork, load_model
from nas_asc.study import STUDY_FILE, read_study
from nas_asc.training.batches import Clips
from nas_asc.training.device import prepare
from nas_asc.training.metrics import Metrics, Probabilities, compute_metrics, predict_proba


def split_metrics(dataset: Dataset, split: str, probabilities: Probabilities) -> Metrics:
    """Compute the metrics of class probabilities, (clip, class), of the clips of a split."""
    chosen = dataset.indices(split)
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
    network = load_model(folder).to(prepare(device))
    _check_unseen(Path(folder), dataset, split)
    wanted = {"classes": network.classes, "clip_s": network.clip_s}
    wanted |= {"align": network.align, "hop_s": network.hop_s}
    for name, value in wanted.items():
        if getattr(dataset, name) != value:
            raise ConfigError(
                f"{folder}: expected a data set with {name} {_shown(value)}, as the model was "
                f"trained on, got {_shown(getattr(dataset, name))} - load it likewise"
            )
    return split_metrics(dataset, split, predict_split(network, dataset, split))


def predict_split(network: Network | VotingNetwork, dataset: Dataset, split: str) -> Probabilities:
    """Compute the class probabilities of a saved network, (clip, class), of the clips of a split.

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
    return predict_proba(network, clips.subset(dataset.indices(split)))


def _check_unseen(folder: Path, dataset: Dataset, split: str) -> None:
    """Check that no clip of a split was in an earlier one for the run of a model, if it has one."""
    run = folder.absolute().parent.parent
    file = run / STUDY_FILE
    if not (folder.parent.name == "models" and file.is_file() and (run / "study.db").is_file()):
        return
    study = read_study(file)
    if (dataset.source, dataset.split_seed) == (study.data, study.seed) or not study.data.paths:
        return
    try:
        own = load_dataset(study.data, study.seed)
    except NasAscError:  # the recordings are elsewhere now
        return
    earlier = SPLITS[: SPLITS.index(split)]
    seen = {clip.path.resolve() for clip in own.files if clip.split in earlier}
    again = sum(clip.path.resolve() in seen for clip in dataset.files if clip.split == split)
    if again:
        raise ConfigError(
            f"{folder}: expected clips that the model has not seen, found {again} in the {split} "
            f"split that its search trained on or chose by - split the data as it did: study = "
            f"load_study({str(file)!r}); load_dataset(study.data, study.seed)"
        )


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)

"""How good a network is on the clips of one split, and a saved model on data that it was made for.

Conventions: as of `metrics`; devices that no training clip comes from are unseen.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from nas_asc.datasets import Dataset
from nas_asc.errors import ConfigError
from nas_asc.features import load_inputs
from nas_asc.networks import load_model
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


def evaluate_model(folder: str | Path, dataset: Dataset, split: str = "test") -> Metrics:
    """Judge a saved model, `RUN/models/TRIAL`, on the clips of one split of a data set.

    The features are those of the search, where it read the same data set.

    Raises:
        ExportError: the folder holds no complete model.
        ConfigError: the data set has other classes, or clips that are read otherwise.
    """
    network = load_model(folder)
    wanted = {"classes": network.classes, "clip_s": network.clip_s}
    wanted |= {"align": network.align, "hop_s": network.hop_s}
    for name, value in wanted.items():
        if getattr(dataset, name) != value:
            raise ConfigError(
                f"{folder}: expected a data set with {name} {_shown(value)}, as the model was "
                f"trained on, got {_shown(getattr(dataset, name))} - load it likewise"
            )
    assert network.frontend is not None  # a saved model has one
    arrays = load_inputs(dataset, network.frontend.feature_key)
    chosen = list(dataset.indices(split))
    inputs = tuple(torch.from_numpy(array[chosen]) for array in arrays)
    return split_metrics(dataset, split, predict_proba(network, inputs))


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)

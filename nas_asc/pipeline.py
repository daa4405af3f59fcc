"""One network through the whole pipeline: features, training, compression, evaluation.

Conventions: training data trains, validation data judges; the test split is not touched here.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from nas_asc.architecture import Architecture
from nas_asc.complexity import Complexity, count
from nas_asc.compression import restore, store
from nas_asc.datasets import Dataset
from nas_asc.evaluation import Metrics, Probabilities, judge, predict_proba
from nas_asc.execution import execution_for
from nas_asc.features import load_inputs
from nas_asc.frontend import FrontEnd
from nas_asc.fvcore import reference_count
from nas_asc.job import OnEpoch
from nas_asc.library import load_space
from nas_asc.model_files import SavedModel
from nas_asc.network import Network, build
from nas_asc.recipe import Recipe
from nas_asc.training import EpochReport, train


@dataclass(frozen=True)
class TrialSettings:
    """What all networks of a trial share.

    Attributes:
        space: name or path of the search space.
        rule: id of the counting rule.
        epochs: of full training.
        judged_epochs: after which the validation clips are judged.
    """

    dataset: Dataset
    space: str
    rule: str
    recipe: Recipe
    epochs: int
    judged_epochs: Collection[int]


@dataclass(frozen=True)
class Fitted:
    """A trained and compressed network.

    Attributes:
        model: as it is saved; its metrics are those of this network alone.
        complexity: as counted, and proved by the stored bytes.
        probabilities: of the validation clips, (clip, class).
        curve: what was reported after each epoch.
        stopped_epoch: after which training was stopped early; None when it went to its end.
    """

    model: SavedModel
    complexity: Complexity
    probabilities: Probabilities
    curve: tuple[dict[str, object], ...]
    stopped_epoch: int | None


def fit(
    architecture: Architecture, settings: TrialSettings, seed: int, on_epoch: OnEpoch
) -> Fitted:
    """Train a network, compress it as it will be stored, and judge what is stored.

    Raises:
        NasAscError: a clip cannot be decoded, or the training cannot go on.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    dataset = settings.dataset
    classes = dataset.classes
    complexity = count(architecture, len(classes), dataset.clip_s, settings.rule)
    torch.manual_seed(seed)
    network = build(architecture, len(classes), dataset.clip_s)
    check_count(network, complexity)

    frontend = architecture.frontend
    inputs, labels = _tensors(dataset, frontend.feature_key, settings.space, architecture.family)
    training, validation = (list(dataset.indices(split)) for split in ("train", "validation"))
    to_train, to_judge = (
        tuple(each[chosen] for each in inputs) for chosen in (training, validation)
    )
    standardisation = network.standardisation
    if standardisation is not None:
        standardisation.fit(to_train[0])

    course: list[dict[str, object]] = []

    def forward(entry: EpochReport) -> bool:
        course.append(vars(entry))
        return on_epoch(course[-1])

    train(
        network,
        to_train,
        labels[training],
        settings.recipe,
        epochs=settings.epochs,
        seed=seed,
        n_classes=len(classes),
        pruning=complexity.pruning,
        validation=(to_judge, labels[validation]),
        judged_epochs=settings.judged_epochs,
        report=forward,
        execution=execution_for(complexity),
        second_plane=frontend.second_window > 0,
    )

    arrays = store(network, precision=complexity.precision, pruning=complexity.pruning)
    stored_bytes = sum(array.nbytes for array in arrays.values())
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    restore(network, arrays)
    probabilities = predict_proba(network, to_judge)
    model = SavedModel(
        architecture,
        classes,
        dataset.clip_s,
        complexity.rule.id,
        arrays,
        judged(dataset, probabilities).to_dict(),
        () if standardisation is None else tuple(s.numpy() for s in standardisation.statistics),
    )
    stopped = len(course) if len(course) < settings.epochs else None
    return Fitted(model, complexity, probabilities, tuple(course), stopped)


def judged(dataset: Dataset, probabilities: Probabilities) -> Metrics:
    """Judge class probabilities of the validation clips, (clip, class)."""
    training, validation = (list(dataset.indices(split)) for split in ("train", "validation"))
    devices = [clip.device for clip in dataset.clips]
    return judge(
        probabilities,
        labels_of(dataset)[validation].numpy(),
        dataset.classes,
        devices=[devices[i] for i in validation],
        training_devices=[devices[i] for i in training],
    )


def check_count(network: Network, complexity: Complexity) -> None:
    """Hold the closed form against the module's own parameters and fvcore's count.

    Raises:
        AssertionError: they differ; a fault of this program, not of its user.
    """
    params = sum(p.numel() for p in network.parameters())
    assert params == complexity.params, ("parameters", params, complexity.params)
    reference = reference_count(network)
    assert reference.macs == complexity.macs, ("MACs", reference.macs, complexity.macs)
    total = complexity.macs_fvcore_total
    assert reference.total == total, ("fvcore total", reference.total, total)


@lru_cache(maxsize=4)
def _tensors(
    dataset: Dataset, frontend: FrontEnd, space: str, family: str | None
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Give inputs, float16 (clip, ...) each, and labels, int64 (clip,), of all clips, mapped."""
    inputs = load_inputs(dataset, frontend, siblings=siblings(space, frontend, family))
    return tuple(torch.from_numpy(each) for each in inputs), labels_of(dataset)


def labels_of(dataset: Dataset) -> Tensor:
    """Give the class of each clip, int64, (clip,)."""
    return torch.tensor([clip.label for clip in dataset.clips])


def siblings(space: str, frontend: FrontEnd, family: str | None = None) -> list[FrontEnd]:
    """Give the front ends of a space that can share a spectrogram pass with `frontend`."""
    prefix = "" if family is None else f"{family}."
    for parameter in load_space(space).parameters():
        if parameter.path == f"{prefix}frontend.n_mels":
            return [replace(frontend, n_mels=int(n)) for n in parameter.options]
    return []

"""One trial: a network, or the networks of an ensemble, through the whole pipeline, and saved.

Conventions: training data trains, validation data judges; the test split is not touched here. One
torch thread, so that the result does not depend on how many workers there are.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from nas_asc.architectures import Architecture, FrontEnd
from nas_asc.complexity import Complexity, count
from nas_asc.datasets import Dataset, load_dataset
from nas_asc.errors import ConfigError
from nas_asc.features import load_inputs
from nas_asc.networks import (
    Network,
    SavedModel,
    build,
    reference_count,
    restore,
    save_ensemble,
    save_model,
    store,
    vote,
)
from nas_asc.reports import Ensemble, count_ensemble, ensembles_of
from nas_asc.spaces import load_space
from nas_asc.study import Job, JobResult, OnEpoch, Recipe, trial_seed
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.loop import EpochReport, Hooks, train
from nas_asc.training.metrics import Metrics, Probabilities, compute_metrics, predict_proba


@dataclass(frozen=True)
class TrialSettings:
    """What all networks of a trial share.

    Attributes:
        space: name or path of the search space.
        rule: id of the counting rule.
        epochs: of full training.
        validation_epochs: after which the validation clips are judged.
    """

    dataset: Dataset
    space: str
    rule: str
    recipe: Recipe
    epochs: int
    validation_epochs: Collection[int]


@dataclass(frozen=True)
class TrainedNetwork:
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
) -> TrainedNetwork:
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
    assert_costs_agree(network, complexity)

    frontend = architecture.frontend
    clips = _clips(dataset, frontend, settings.space, architecture.family)
    training, validation = (
        clips.subset(list(dataset.indices(split))) for split in ("train", "validation")
    )
    standardisation = network.standardisation
    if standardisation is not None:
        standardisation.fit(training.inputs[0])

    history: list[dict[str, object]] = []

    def note(report: EpochReport) -> bool:
        history.append(vars(report))
        return on_epoch(history[-1])

    hooks = Hooks(
        pruning=complexity.pruning,
        validation=validation,
        validation_epochs=settings.validation_epochs,
        on_epoch=note,
    )
    train(
        network,
        training,
        settings.recipe,
        hooks,
        epochs=settings.epochs,
        seed=seed,
        execution=execution_for(complexity),
    )

    arrays = store(network, precision=complexity.precision, pruning=complexity.pruning)
    stored_bytes = sum(array.nbytes for array in arrays.values())
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    restore(network, arrays)
    probabilities = predict_proba(network, validation.inputs)
    model = SavedModel(
        architecture,
        classes,
        dataset.clip_s,
        complexity.rule.id,
        arrays,
        validation_metrics(dataset, probabilities).to_dict(),
        () if standardisation is None else tuple(s.numpy() for s in standardisation.statistics),
    )
    stopped = len(history) if len(history) < settings.epochs else None
    return TrainedNetwork(model, complexity, probabilities, tuple(history), stopped)


def validation_metrics(dataset: Dataset, probabilities: Probabilities) -> Metrics:
    """Compute the metrics of class probabilities, (clip, class), of the validation clips."""
    training, validation = (list(dataset.indices(split)) for split in ("train", "validation"))
    devices = [clip.device for clip in dataset.clips]
    return compute_metrics(
        probabilities,
        _labels(dataset)[validation].numpy(),
        dataset.classes,
        devices=[devices[i] for i in validation],
        training_devices=[devices[i] for i in training],
    )


def assert_costs_agree(network: Network, complexity: Complexity) -> None:
    """Compare the closed form with the module's own parameters and fvcore's count.

    Raises:
        AssertionError: they differ; a fault of this program, not of its user.
    """
    params = sum(p.numel() for p in network.parameters())
    assert params == complexity.params, ("parameters", params, complexity.params)
    reference = reference_count(network)
    assert reference.macs == complexity.macs, ("MACs", reference.macs, complexity.macs)
    total = complexity.macs_fvcore_total
    assert reference.total == total, ("fvcore total", reference.total, total)


def _clips(dataset: Dataset, frontend: FrontEnd, space: str, family: str | None) -> Clips:
    """Return all clips of a data set, their features float16, mapped from the cache."""
    inputs = _inputs(dataset, frontend.feature_key, space, family)
    second_plane = frontend.second_window > 0
    return Clips(inputs, _labels(dataset), len(dataset.classes), second_plane)


@lru_cache(maxsize=4)
def _inputs(
    dataset: Dataset, frontend: FrontEnd, space: str, family: str | None
) -> tuple[Tensor, ...]:
    arrays = load_inputs(dataset, frontend, siblings=siblings(space, frontend, family))
    return tuple(torch.from_numpy(each) for each in arrays)


def _labels(dataset: Dataset) -> Tensor:
    return torch.tensor([clip.label for clip in dataset.clips])


def siblings(space: str, frontend: FrontEnd, family: str | None = None) -> list[FrontEnd]:
    """Return the front ends of a space that can share a spectrogram pass with `frontend`."""
    prefix = "" if family is None else f"{family}."
    for parameter in load_space(space).parameters():
        if parameter.path == f"{prefix}frontend.n_mels":
            return [replace(frontend, n_mels=int(n)) for n in parameter.options]
    return []


def run_job(job: Job, on_epoch: OnEpoch) -> JobResult:
    """Train what a job asks for and save the model into the run folder.

    Raises:
        NasAscError: a clip cannot be decoded, or the training cannot go on.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    torch.set_num_threads(1)
    context = job.context
    dataset = _dataset(str(context["data"]), context["clip_s"], bool(context["skip_bad"]))
    settings = TrialSettings(
        dataset,
        str(context["space"]),
        str(context["rule"]),
        Recipe.model_validate(context["recipe"]),
        job.epochs,
        job.validation_epochs,
    )
    folder = Path(str(context["run"])) / "models" / str(job.number)
    architecture = Architecture.from_dict(job.architecture)
    if architecture.ensemble is None:
        return _train_network(architecture, settings, job, on_epoch, folder)
    return _train_ensemble(_ensemble(architecture, settings), settings, job, on_epoch, folder)


def _ensemble(architecture: Architecture, settings: TrialSettings) -> Ensemble:
    """Return the ensemble that an architecture stands for, adapted to the data."""
    found = ensembles_of(settings.space).get(architecture.ensemble or "")
    if found is not None:
        found = found.adapted(settings.dataset.classes, settings.dataset.clip_s)
    if found is None or found.as_architecture(architecture.space) != architecture:
        raise ConfigError(
            f"{settings.space}: expected the ensemble {architecture.ensemble} as the run was "
            f"started with it, found {'none' if found is None else 'another'}"
        )
    return found


def _train_network(
    architecture: Architecture, settings: TrialSettings, job: Job, on_epoch: OnEpoch, folder: Path
) -> JobResult:
    began = perf_counter()
    fitted = fit(architecture, settings, job.seed, on_epoch)
    if fitted.stopped_epoch is None:
        save_model(folder, fitted.model)
    return JobResult(
        fitted.model.metrics,
        fitted.complexity.to_dict(),
        fitted.curve,
        perf_counter() - began,
        fitted.stopped_epoch,
    )


def _train_ensemble(
    ensemble: Ensemble, settings: TrialSettings, job: Job, on_epoch: OnEpoch, folder: Path
) -> JobResult:
    """Train each network by itself, from a seed of its own, and judge their vote.

    There is no curve: there is no vote before the last network has been trained.
    """
    began = perf_counter()
    fitted = [
        fit(member.model.architecture, settings, trial_seed(job.seed, number, "member"), on_epoch)
        for number, member in enumerate(ensemble.networks)
    ]
    complexity = count_ensemble(ensemble, settings.rule)
    assert all(each.stopped_epoch is None for each in fitted), "an ensemble has no rungs"
    stored_bytes = sum(each.complexity.stored_bytes for each in fitted)
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    probabilities = vote(ensemble, [each.probabilities for each in fitted])
    metrics = validation_metrics(settings.dataset, probabilities).to_dict()
    save_ensemble(folder, ensemble, [each.model for each in fitted], metrics)
    return JobResult(metrics, complexity.to_dict(), (), perf_counter() - began)


@lru_cache(maxsize=2)
def _dataset(root: str, clip_s: float | None, skip_bad: bool) -> Dataset:
    return load_dataset(Path(root), clip_s, skip_bad)

"""One trial: a network, or the networks of an ensemble, through the whole pipeline, and saved.

Conventions: training data trains, validation data judges; the test split is touched only by a
training after the search, which leaves no model. One torch thread, so that the result does not
depend on how many workers there are. A training that is cut, or ends at a rung, goes on from its
last checkpoint when its trial is run again, with the same result. Weights are drawn, statistics of
features measured and stored bytes made on the CPU, whatever device trains.
"""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from nas_asc.architectures import Architecture, FrontEnd, as_trained
from nas_asc.complexity import ChannelRemoval, Complexity, count
from nas_asc.datasets import Dataset, cross_validation, load_dataset
from nas_asc.errors import ConfigError, DatasetError, DivergedError
from nas_asc.features import MappedPages, load_inputs
from nas_asc.files import digest
from nas_asc.networks import (
    Network,
    SavedModel,
    build,
    reference_count,
    remove_channels,
    restore,
    save_ensemble,
    save_model,
    store,
    vote,
)
from nas_asc.reports import (
    Ensemble,
    EnsembleReference,
    count_ensemble,
    ensembles_of,
    read_candidate,
)
from nas_asc.spaces import load_space
from nas_asc.study import (
    TEACHER_FILE,
    DataSource,
    Job,
    JobResult,
    OnEpoch,
    Recipe,
    trial_seed,
)
from nas_asc.training.augmentations import check_takes_crops
from nas_asc.training.batches import Clips
from nas_asc.training.calibration import best_temperature, fold_temperature
from nas_asc.training.checkpoint import Checkpoint, load_checkpoint
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.device import CPU, give_back_memory, machine_kind, prepare
from nas_asc.training.distillation import TeacherFile, read_taught
from nas_asc.training.history import Selection
from nas_asc.training.joining import joined_clips, joined_training
from nas_asc.training.judging import metrics_of
from nas_asc.training.loop import Hooks, train
from nas_asc.training.metrics import Probabilities, predict_proba

_SLOWER = 0.1  # times the learning rate, where a training has diverged
_RANGE_CLIPS = 256  # of training, that show the ranges of int8 activations
_CHECKPOINT_S = 10.0  # between two: seldom enough to cost nothing


@dataclass(frozen=True)
class TrialSettings:
    """What all networks of a trial share; `space` and `rule` by name, `epochs` of full training.

    Networks of an ensemble may have recipes of their own, by the id of their model. Validation
    clips are judged after the `rungs`, too. `tested` says whether test clips judge what
    was trained as well. Features of a split lie in the memory of the `device` while it is in use.
    Where the recipe has teachers, what they say of the training clips is in the file `teacher`.
    """

    dataset: Dataset
    space: str
    rule: str
    recipe: Recipe
    epochs: int
    until: int
    rungs: Collection[int]
    tested: bool = False
    device: torch.device = CPU
    teacher: TeacherFile | None = None
    member_recipes: Mapping[str, Recipe] = field(default_factory=dict)

    def at_rate(self, learning_rate: float) -> "TrialSettings":
        """Return the settings with another learning rate, and those of members in proportion."""
        share = learning_rate / self.recipe.learning_rate

        def at(recipe: Recipe, rate: float) -> Recipe:
            return recipe.model_copy(update={"learning_rate": rate})

        members = {n: at(r, r.learning_rate * share) for n, r in self.member_recipes.items()}
        return replace(self, recipe=at(self.recipe, learning_rate), member_recipes=members)

    def of_member(self, model_id: str) -> "TrialSettings":
        """Return the settings of a network of an ensemble; all learn from the same teachers."""
        recipe = self.member_recipes.get(model_id, self.recipe)
        learns = {"distillation": self.recipe.distillation}
        return replace(self, recipe=recipe.model_copy(update=learns))


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained and compressed network, and its probabilities, (clip, class), by split.

    `curve` is what was reported after each epoch.
    """

    model: SavedModel
    complexity: Complexity
    probabilities: Mapping[str, Probabilities]
    curve: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class UnfinishedTraining:
    """A training that ended at a rung, and what was reported after each epoch."""

    complexity: Complexity
    curve: tuple[dict[str, object], ...]


def fit(
    architecture: Architecture,
    settings: TrialSettings,
    seed: int,
    on_epoch: OnEpoch,
    checkpoint: Path,
) -> TrainedNetwork | UnfinishedTraining:
    """Train a network, compress it as it will be stored, and judge what is stored.

    The file `checkpoint` has where the training is, from time to time, and where it ended.

    Raises:
        NasAscError: a clip cannot be decoded, or the training cannot go on.
        ConfigError: clips are cropped, and the network takes whole ones alone.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    dataset, frontend = settings.dataset, architecture.frontend
    classes = dataset.classes
    complexity = count(architecture, len(classes), dataset.clip_s, settings.rule)
    whole = as_trained(architecture)
    torch.manual_seed(seed)
    network = build(whole, len(classes), dataset.clip_s)
    final = network if whole is architecture else build(architecture, len(classes), dataset.clip_s)
    epochs, (recipe, joined) = settings.epochs, joined_training(settings.recipe, dataset)
    check_takes_crops(network, recipe.augmentations)
    named = digest(json.dumps([architecture.key, seed, epochs, recipe.to_dict()]), 16)
    before = load_checkpoint(checkpoint, named)
    if before is None:  # else it was done then
        assert_costs_agree(final, complexity)

    inputs, pages = _inputs(dataset, frontend.feature_key, settings.space, architecture.family)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    files = torch.tensor(dataset.file_numbers) if dataset.windowed else None
    second_plane, has_level = frontend.second_window > 0, frontend.normalisation != "peak"
    weights = recipe.class_weights(classes)
    clips = Clips(
        *(inputs, labels, len(classes), second_plane, files, has_level),
        pages=pages,
        frontend=frontend,
        named_weights=None if weights is None else torch.tensor(weights),
    )
    training, validation = (
        clips.subset(dataset.indices(split)) for split in ("train", "validation")
    )
    if joined:
        asked = (joined.dataset, frontend.feature_key, settings.space, architecture.family)
        training = joined_clips(training, joined, *_inputs(*asked))
    if settings.teacher is not None:
        training = replace(training, teacher=read_taught(settings.teacher, dataset, recipe))
    if (standardisation := network.standardisation) is not None and before is None:
        parts = training.parts(standardisation.part_clips)
        standardisation.fit_parts(first for first, *_ in parts)
    device, until = settings.device, settings.until
    network.to(device)
    training, validation = training.to(device), validation.to(device)
    hooks = Hooks(
        pruning=complexity.pruning,
        precision=complexity.precision,
        validation=validation,
        validation_epochs={*settings.rungs, until},
        on_epoch=lambda report: on_epoch(vars(report)),
        go_on_from=before,
        on_checkpoint=_now_and_then(checkpoint, named, until),
    )
    reports = train(
        *(network, training, recipe, hooks),
        epochs=epochs,
        seed=seed,
        until=until,
        execution=execution_for(count(whole, len(classes), dataset.clip_s), device),
    )
    curve = tuple(vars(report) for report in reports)
    if until < epochs and not Selection(recipe, epochs, complexity.pruning).has_ended(reports):
        return UnfinishedTraining(complexity, curve)

    if isinstance(complexity.pruning, ChannelRemoval):
        remove_channels(network, final, complexity.pruning)
        network = final.to(device)
    calibrated: dict[str, object] = {}
    if recipe.calibration == "temperature":
        calibrated["temperature"] = _calibrate(network, validation)
    arrays = store(network, precision=complexity.precision, pruning=complexity.pruning)
    restore(network, arrays)
    if network.activations is not None:
        with network.activations.measured():
            predict_proba(network, clips.subset(_range_clips(dataset)))
        arrays |= network.activations.arrays
    stored_bytes = sum(array.nbytes for array in arrays.values())
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    probabilities = {"validation": predict_proba(network, validation)}
    if settings.tested:
        test = clips.subset(dataset.indices("test"))
        probabilities["test"] = predict_proba(network, test)
    statistics = standardisation.statistics if standardisation else ()
    standards = tuple(each.cpu().numpy() for each in statistics)
    if not all(np.isfinite(each).all() for each in probabilities.values()):
        raise DivergedError("expected finite probabilities, got others")
    metrics = metrics_of(dataset, probabilities) | calibrated
    model = SavedModel(
        architecture,
        classes,
        dataset.clip_s,
        complexity.rule.id,
        arrays,
        metrics,
        standards,
        dataset.align,
        dataset.hop_s,
        probabilities["validation"],
    )
    return TrainedNetwork(model, complexity, probabilities, curve)


def _range_clips(dataset: Dataset) -> tuple[int, ...]:
    """Return the training clips, evenly spread, that the ranges of int8 activations are of."""
    training = dataset.indices("train")
    number = min(len(training), _RANGE_CLIPS)
    return tuple(training[place * len(training) // number] for place in range(number))


def _calibrate(network: Network, validation: Clips) -> float:
    """Divide the logits by the temperature of the lowest log loss, and return it."""
    files = None if validation.files is None else validation.files.cpu().numpy()
    labels = validation.labels.cpu().numpy()
    temperature = best_temperature(predict_proba(network, validation), labels, files)
    fold_temperature(network, temperature)
    return temperature


def _now_and_then(
    path: Path, training: str, until: int
) -> Callable[[int, Callable[[], Checkpoint]], None]:
    """Return what writes a checkpoint at the end and where the last one is old.

    On a full disk there is none: the training is begun anew then.
    """
    last = perf_counter()

    def keep(epoch: int, take: Callable[[], Checkpoint]) -> None:
        nonlocal last
        if epoch == until or perf_counter() - last > _CHECKPOINT_S:
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                take().save(path, training)
            last = perf_counter()

    return keep


def assert_costs_agree(network: Network, complexity: Complexity) -> None:
    """Compare the closed form with the module's own parameters and fvcore's count.

    Raises:
        AssertionError: they differ; a fault of this program, not of its user.
    """
    macs, total = reference_count(network)
    params = sum(p.numel() for p in network.parameters())
    found = {"params": params, "macs": macs, "macs_fvcore_total": total}
    counted = {name: getattr(complexity, name) for name in found}
    assert found == counted, (found, counted)


_loaded = lru_cache(maxsize=1)(load_dataset)
_folds = lru_cache(maxsize=1)(cross_validation)


@lru_cache(maxsize=2)
def _dataset(
    source: DataSource,
    split_seed: int,
    clips: int | None,
    validation_clips: int | None,
    fold: int | None,
) -> Dataset:
    dataset = _loaded(source, split_seed)
    if clips not in (None, found := len(dataset.clips)):
        _loaded.cache_clear()  # they may be back when it is asked for again
        raise DatasetError(
            f"{dataset.root}: expected the {clips} clips that the search began with, found {found} "
            "- put back what is missing"
        )
    if fold is not None:  # with all clips: they differ by their splits alone, and share features
        return _folds(dataset)[0][fold]
    return dataset.with_validation(validation_clips)


@lru_cache(maxsize=4)
def _inputs(
    dataset: Dataset, frontend: FrontEnd, space: str, family: str | None
) -> tuple[tuple[Tensor, ...], MappedPages]:
    """Return the features of all clips of a data set, float16, mapped from the cache."""
    arrays = load_inputs(dataset, frontend, siblings=siblings(space, frontend, family))
    return tuple(torch.from_numpy(each) for each in arrays), MappedPages(arrays)


def siblings(space: str, frontend: FrontEnd, family: str | None = None) -> list[FrontEnd]:
    """Return the front ends of a space that can share a spectrogram pass with `frontend`.

    None where the space's file is gone or being edited: they only save time.
    """
    path = "frontend.n_mels" if family is None else f"{family}.frontend.n_mels"
    try:
        found = [each for each in load_space(space).parameters() if each.path == path]
    except ConfigError:
        return []
    return [replace(frontend, n_mels=int(n)) for each in found for n in each.options]


def run_job(job: Job, on_epoch: OnEpoch) -> JobResult:
    """Train as far as a job asks for; at the end save the model, but of no final training.

    What diverges is begun anew once, with the same seed and a tenth of the learning rate. A GPU
    that the job names is used, or the job fails: it is never trained elsewhere.

    Raises:
        DatasetError: a clip is gone, or cannot be decoded.
        StorageError: the cache or the folder of the run is full, or cannot be written.
        NasAscError: the training cannot go on.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    torch.set_num_threads(1)
    device = prepare(str(job.context.get("device", "cpu")))
    try:
        result = _with_two_tries(job, _settings(job, device), on_epoch)
    finally:
        give_back_memory(device)
    return replace(result, machine=machine_kind(device))


def _settings(job: Job, device: torch.device) -> TrialSettings:
    context, final = job.context, job.context.get("final")
    shared, sections = Recipe.model_validate(context["recipe"]), job.architecture["sections"]
    recipe = shared.of(cast(Mapping[str, Mapping[str, Any]], sections))
    said = TeacherFile(Path(str(context["run"])) / TEACHER_FILE, shared)
    return TrialSettings(
        _dataset(
            DataSource.model_validate(context["data"]),
            context["split_seed"],
            context.get("clips"),
            context["validation_clips"],
            final["fold"] if final else None,
        ),
        str(context["space"]),
        str(context["rule"]),
        recipe,
        job.epochs,
        job.until,
        job.rungs,
        tested=final is not None,
        device=device,
        teacher=said if recipe.distillation else None,
        member_recipes={
            model_id: Recipe.model_validate(recipe)
            for model_id, recipe in context.get("member_recipes", {}).items()
        },
    )


def _with_two_tries(job: Job, settings: TrialSettings, on_epoch: OnEpoch) -> JobResult:
    slower = job.learning_rate or settings.recipe.learning_rate * _SLOWER
    if job.learning_rate is None:
        try:
            return _trained(job, settings, on_epoch)
        except DivergedError:
            pass
    try:
        result = _trained(job, settings.at_rate(slower), on_epoch)
    except DivergedError as error:
        raise DivergedError(f"diverged, and again with {_SLOWER:g} of the rate: {error}") from None
    return replace(result, retries=1, learning_rate=slower)


def _trained(job: Job, settings: TrialSettings, on_epoch: OnEpoch) -> JobResult:
    context, final = job.context, job.context.get("final")
    run = Path(str(context["run"]))
    folder, checkpoint = run / "models" / job.name, run / "checkpoints" / job.name
    candidate = read_candidate(job.architecture)
    if isinstance(candidate, EnsembleReference):
        ensemble = _ensemble(candidate, settings)
        return _train_ensemble(ensemble, settings, job.seed, on_epoch, folder, checkpoint)
    began = perf_counter()
    fitted = fit(candidate, settings, job.seed, on_epoch, checkpoint)
    costs, curve = fitted.complexity.to_dict(), fitted.curve
    if isinstance(fitted, UnfinishedTraining):
        metrics = {name: curve[-1][name] for name in ("log_loss", "accuracy")}
        return JobResult(metrics, costs, curve, perf_counter() - began, job.until)
    if not final:
        save_model(folder, fitted.model)
    checkpoint.unlink(missing_ok=True)
    return JobResult(fitted.model.metrics, costs, curve, perf_counter() - began)


def _ensemble(reference: EnsembleReference, settings: TrialSettings) -> Ensemble:
    """Return the ensemble of the space that a run has a reference to, adapted to the data."""
    found = ensembles_of(settings.space).get(reference.id)
    if found is not None:
        dataset = settings.dataset
        found = found.adapted(dataset.classes, dataset.clip_s, dict(dataset.class_map))
    if found is None or found.reference(reference.space) != reference:
        raise ConfigError(
            f"{settings.space}: expected the ensemble {reference.id} as the run was "
            f"started with it, found {'none' if found is None else 'another'}"
        )
    return found


def _train_ensemble(
    ensemble: Ensemble,
    settings: TrialSettings,
    seed: int,
    on_epoch: OnEpoch,
    folder: Path,
    checkpoint: Path,
) -> JobResult:
    """Train each network by itself, from a seed of its own, and judge their vote.

    There is no curve: there is no vote before the last network has been trained.
    """
    began = perf_counter()
    fitted, checkpoints = [], []
    for number, member in enumerate(ensemble.networks):
        checkpoints.append(path := checkpoint.with_name(f"{checkpoint.name}-{number}"))
        own_seed = trial_seed(seed, number, "member")
        own = settings.of_member(member.model.id)
        if member.class_map is not None:
            # teachers tell the classes of the data apart, not the finer ones
            recipe = own.recipe.model_copy(update={"distillation": None})
            fine = settings.dataset.with_fine_labels
            own = replace(own, recipe=recipe, dataset=fine, teacher=None)
        network = fit(member.model.architecture, own, own_seed, on_epoch, path)
        assert isinstance(network, TrainedNetwork), "an ensemble has no rungs"
        fitted.append(network)
    complexity = count_ensemble(ensemble, settings.rule)
    stored_bytes = sum(each.complexity.stored_bytes for each in fitted)
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    probabilities = {
        split: vote(ensemble, [each.probabilities[split] for each in fitted])
        for split in fitted[0].probabilities
    }
    metrics = metrics_of(settings.dataset, probabilities)
    if not settings.tested:
        save_ensemble(folder, ensemble, [each.model for each in fitted], metrics)
    for path in checkpoints:
        path.unlink(missing_ok=True)
    return JobResult(metrics, complexity.to_dict(), (), perf_counter() - began)

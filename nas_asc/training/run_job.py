"""One trial: a network, or the networks of an ensemble, trained, judged and saved.

Conventions: one torch thread, so that the result does not depend on how many workers there are.
"""

from functools import lru_cache
from pathlib import Path
from time import perf_counter

import torch

from nas_asc.architectures import Architecture
from nas_asc.datasets import Dataset, load_dataset
from nas_asc.errors import ConfigError
from nas_asc.networks import save_ensemble, save_model, vote
from nas_asc.reports import Ensemble, count_ensemble, ensembles_of
from nas_asc.study import Job, JobResult, OnEpoch, Recipe, trial_seed
from nas_asc.training.fit import TrialSettings, fit, validation_metrics


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

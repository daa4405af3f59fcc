"""One trial: a network, or the networks of an ensemble, trained, judged and saved.

Conventions: one torch thread, so that the result does not depend on how many workers there are.
"""

from functools import lru_cache
from pathlib import Path
from time import perf_counter

import torch

from nas_asc.architecture import Architecture
from nas_asc.datasets import Dataset, load_dataset
from nas_asc.ensemble import Ensemble, count_ensemble
from nas_asc.features import leave_out_faulty
from nas_asc.job import Job, JobResult, Report, trial_seed
from nas_asc.library import ensembles_of
from nas_asc.model_files import save_ensemble, save_model
from nas_asc.pipeline import Task, fit, judged
from nas_asc.recipe import read_recipe
from nas_asc.voting import vote


def run_job(job: Job, report: Report) -> JobResult:
    """Train what a job asks for and save the model into the run folder.

    Raises:
        NasAscError: a clip cannot be decoded, or the training cannot go on.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    torch.set_num_threads(1)
    context = job.context
    dataset = _dataset(str(context["data"]), context["clip_s"], bool(context["skip_bad"]))
    task = Task(
        dataset,
        str(context["space"]),
        str(context["rule"]),
        read_recipe(context["recipe"]),  # type: ignore[arg-type]
        job.epochs,
        job.judged_epochs,
    )
    folder = Path(str(context["run"])) / "models" / str(job.number)
    architecture = Architecture.from_dict(job.architecture)
    if architecture.ensemble is None:
        return _train_network(architecture, task, job, report, folder)
    ensemble = ensembles_of(task.space)[architecture.ensemble]
    return _train_ensemble(
        ensemble.adapted(dataset.classes, dataset.clip_s), task, job, report, folder
    )


def _train_network(
    architecture: Architecture, task: Task, job: Job, report: Report, folder: Path
) -> JobResult:
    began = perf_counter()
    fitted = fit(architecture, task, job.seed, report)
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
    ensemble: Ensemble, task: Task, job: Job, report: Report, folder: Path
) -> JobResult:
    """Train each network by itself, from a seed of its own, and judge their vote.

    There is no curve: there is no vote before the last network has been trained.
    """
    began = perf_counter()
    fitted = [
        fit(member.model.architecture, task, trial_seed(job.seed, number, "member"), report)
        for number, member in enumerate(ensemble.networks)
    ]
    complexity = count_ensemble(ensemble, task.rule)
    stored_bytes = sum(each.complexity.stored_bytes for each in fitted)
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    probabilities = vote(ensemble, [each.probabilities for each in fitted])
    metrics = judged(task.dataset, probabilities).to_dict()
    save_ensemble(folder, ensemble, [each.model for each in fitted], metrics)
    return JobResult(metrics, complexity.to_dict(), (), perf_counter() - began)


@lru_cache(maxsize=2)
def _dataset(root: str, clip_s: float | None, skip_bad: bool) -> Dataset:
    dataset = load_dataset(Path(root), clip_s, skip_bad)
    return leave_out_faulty(dataset) if skip_bad else dataset

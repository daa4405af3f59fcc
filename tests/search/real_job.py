"""Searches on tones with real trainings, and jobs in whose midst something goes wrong."""

import os
import signal
import time
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

from study_cases import study, trials_of

from nas_asc.datasets import Dataset
from nas_asc.results.summary import Summary
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import JOB_FUNCTION, run_search
from nas_asc.study.job import Job, JobResult, OnEpoch

# Two candidates are trained at once, six rest after three of six epochs, and some of them go on.
OPTIONS = {
    "budget": "24KB,4MMAC",
    "trials": 8,
    "epochs": 6,
    "sampler": "random",
    "warm_start": False,
}

_training = import_module("nas_asc.training.run_job")


def search_tones(
    run: Path,
    dataset: Dataset,
    *,
    job: str = JOB_FUNCTION,
    kind: str = "inline",
    workers: int = 1,
    resume: bool = False,
    progress: object = None,
    **options: object,
) -> Summary:
    """Search, by default with the job of a real search."""
    return run_search(
        study(**OPTIONS | options),
        dataset,
        run=run,
        workers=RUNNERS[kind](workers, job),
        resume=resume,
        **({} if progress is None else {"progress": progress}),
    )


def results(run: Path) -> tuple[list[object], dict[str, bytes]]:
    """The trials of a run without how long they took, and the weights of its models."""
    trials = []
    for trial in trials_of(run):
        result = trial.result
        if result is not None:
            curve = [{**entry, "seconds": 0} for entry in result.curve]
            result = replace(result, seconds=0, curve=curve)
        trials.append(replace(trial, result=result, elapsed_s=0.0, spent_s=0.0))
    weights = (run / "models").glob("*/weights.safetensors")
    return trials, {path.parent.name: path.read_bytes() for path in weights}


def _killing(epoch: int, job: Job, report: OnEpoch) -> JobResult:
    """Kill the driver when a trial has done an epoch; note each epoch that is done."""
    _training._CHECKPOINT_S = 0.0  # one after each epoch
    run = Path(str(job.context["run"]))

    def note(entry: dict[str, object]) -> None:
        with (run / "epochs").open("a", encoding="utf-8") as file:
            file.write(f"{job.number} {entry['epoch']}\n")
        if entry["epoch"] == epoch and not (run / "killed").exists():
            (run / "killed").write_text(str(job.number), encoding="utf-8")
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(3600)  # a worker ends with its driver
        report(entry)

    return _training.run_job(job, note)


kills_in_epoch_2, kills_in_epoch_5 = partial(_killing, 2), partial(_killing, 5)


def truncates_cache(job: Job, report: OnEpoch) -> JobResult:
    """Truncate all features, which this process has mapped, before a trial is taken up again."""
    run = Path(str(job.context["run"]))
    done, rested = run / "truncated", run / "checkpoints" / job.name
    if rested.exists() and not done.exists():
        done.touch()
        for path in (Path(os.environ["NAS_ASC_CACHE"]) / "features").iterdir():
            os.truncate(path, 4096)
    return _training.run_job(job, report)

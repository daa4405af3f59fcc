"""What the tests of the search share: a small study, a data set without clips, a run of both."""

from pathlib import Path

from fake_job import CLASSES, CLIP_S

from nas_asc.datasets import Dataset
from nas_asc.results.summary import Summary
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import run_search
from nas_asc.search.storage.run_folder import read_trials
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task, read_task
from nas_asc.study.config import StudyConfig, load_study, with_options

DATASET = Dataset("nothing", Path("nowhere"), CLASSES, (), CLIP_S, True, 44100, 1, (), ())


def study(**options: object) -> StudyConfig:
    """A study of short trainings in mbconv under 32 KB."""
    values = {
        "space": "mbconv",
        "budget": "32KB",
        "trials": 30,
        "epochs": 6,
        "startup_trials": 8,
        "early_stopping": {"enabled": True, "rungs": [0.34], "keep": 0.5, "min_history": 4},
        **options,
    }
    return with_options(load_study("quick"), values)


def task(dataset: Dataset = DATASET, **options: object) -> Task:
    """The task of such a study."""
    return read_task(study(**options), lambda: dataset)


def search(
    run: Path,
    *,
    job: str = "run_job",
    kind: str = "inline",
    workers: int = 1,
    resume: bool = False,
    progress: object = None,
    **options: object,
) -> Summary:
    """Run a search with a job of fake_job."""
    return run_search(
        study(**options),
        DATASET,
        run=run,
        workers=RUNNERS[kind](workers, f"fake_job:{job}"),
        resume=resume,
        **({} if progress is None else {"progress": progress}),
    )


def trials_of(run: Path) -> list[Trial]:
    """Read the trials of a run."""
    return read_trials(run)[0]

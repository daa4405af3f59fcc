"""Which trial comes next, who runs it, where it is kept."""

from nas_asc.search.ensembles import TrainedRun, trained_run
from nas_asc.search.progress import Progress, progress_line
from nas_asc.search.runners import (
    RUNNERS,
    Runner,
    find_gpu,
    fitting_workers,
    held_workers,
    resolve_device,
)
from nas_asc.search.search import JOB_FUNCTION, run_search, run_task
from nas_asc.search.storage.optuna_tables import finish_trial, insert_trial
from nas_asc.search.storage.run_folder import (
    check_new,
    ended_trials,
    resumed_config,
    saved_study,
)
from nas_asc.search.storage.run_summary import (
    failures,
    is_data_of,
    load_front,
    load_trials,
    model_folder,
)
from nas_asc.search.storage.shared_study import check_storage, restore_run
from nas_asc.search.task import Task, read_task

__all__ = [
    "JOB_FUNCTION", "RUNNERS", "Progress", "Runner", "Task", "TrainedRun", "check_new",
    "check_storage", "ended_trials", "failures", "find_gpu", "finish_trial", "fitting_workers",
    "held_workers", "insert_trial", "is_data_of", "load_front", "load_trials", "model_folder",
    "progress_line", "read_task", "resolve_device", "restore_run", "resumed_config", "run_search",
    "run_task", "saved_study", "trained_run",
]  # fmt: skip

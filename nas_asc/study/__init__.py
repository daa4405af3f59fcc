"""All settings of a search and of a training, and what driver and workers exchange."""

from nas_asc.study.config import (
    RAISABLE,
    StudyConfig,
    load_study,
    read_study,
    study_toml,
    with_options,
)
from nas_asc.study.early_stopping import Rung, loss_of, make_rung
from nas_asc.study.job import (
    EpochReported,
    Event,
    Job,
    JobFailed,
    JobFinished,
    JobResult,
    OnEpoch,
    trial_seed,
)
from nas_asc.study.recipe import MOST, NoSettings, Part, Recipe, Share, Table

__all__ = [
    "MOST",
    "RAISABLE",
    "EpochReported",
    "Event",
    "Job",
    "JobFailed",
    "JobFinished",
    "JobResult",
    "NoSettings",
    "OnEpoch",
    "Part",
    "Recipe",
    "Rung",
    "Share",
    "StudyConfig",
    "Table",
    "load_study",
    "loss_of",
    "make_rung",
    "read_study",
    "study_toml",
    "trial_seed",
    "with_options",
]

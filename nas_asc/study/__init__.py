"""All settings of a search and of a training, and what driver and workers exchange."""

from nas_asc.study.config import (
    RAISABLE,
    STUDY_FILE,
    StudyConfig,
    faults_of,
    load_study,
    read_study,
    study_toml,
    with_options,
)
from nas_asc.study.data_source import DataSource, Table
from nas_asc.study.job import (
    TEACHER_FILE,
    EpochReported,
    Event,
    Job,
    JobFailed,
    JobFinished,
    JobResult,
    JobWaiting,
    OnEpoch,
    loss_of,
    trial_seed,
)
from nas_asc.study.planning import (
    CORES,
    WARM_START_SHARE,
    DataFacts,
    TrainingWork,
    plan,
)
from nas_asc.study.recipe import Distillation, NoSettings, Part, Recipe
from nas_asc.study.recipe_tables import (
    L2,
    MOST,
    USUAL_PRUNING,
    Curriculum,
    Keep,
    PruningSchedule,
    Share,
    Stop,
)
from nas_asc.study.reproduction import reproduction
from nas_asc.study.storage_url import split_password

__all__ = [
    "CORES", "L2", "MOST", "RAISABLE", "STUDY_FILE", "TEACHER_FILE", "USUAL_PRUNING",
    "WARM_START_SHARE", "Curriculum", "DataFacts", "DataSource", "Distillation", "EpochReported",
    "Event", "Job", "JobFailed", "JobFinished", "JobResult", "JobWaiting", "Keep", "NoSettings",
    "OnEpoch", "Part", "PruningSchedule", "Recipe", "Share", "Stop", "StudyConfig", "Table",
    "TrainingWork", "faults_of", "load_study", "loss_of", "plan", "read_study", "reproduction",
    "split_password", "study_toml", "trial_seed", "with_options",
]  # fmt: skip

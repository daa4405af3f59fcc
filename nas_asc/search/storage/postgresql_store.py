"""The trials of one run as a study in a PostgreSQL database, kept through optuna's public storage.

Conventions: everything of a trial that changes stands in one of its attributes, PROGRESS, which is
written in one step, before optuna's state and values, which repeat it for optuna's own tools. So a
trial is what PROGRESS says; where a kill fell between the two, the rest is written when the study
is opened again. To optuna a trial that has ended is closed for ever. Its states mean, therefore:
COMPLETE trained to the end; FAIL failed; RUNNING in training, or lost with its session and to be
run again; WAITING all that may go on: at rest after a rung, a report model not begun or left out,
failed of something that may be otherwise later.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from nas_asc.errors import RunError, nearest
from nas_asc.search.storage.optuna_trials import (
    DIRECTIONS,
    TrialTemplates,
    jobs_of,
    name_objectives,
    outcome_of,
    read_trial,
)
from nas_asc.search.storage.postgresql_database import connect, hold, open_tables, reading, release
from nas_asc.search.storage.trials import ELAPSED, Trial
from nas_asc.spaces import SearchSpace

_PROGRESS = "progress"  # of a trial
_FACTS = "facts"  # of a study: all but how long it has taken
_FILE = "file "  # of a study: a file of its run folder, by name


class PostgresqlStore:
    """The trials of one run in a database, opened to write by the one driver that may."""

    def __init__(self, url: str, password: str | None, study: str, space: SearchSpace) -> None:
        """Take hold of a study, or make it; the choices of the space become optuna's parameters.

        Raises:
            RunError: another driver has it, or the database cannot be reached or written.
        """
        self._study = study
        self._place = f"{study} in {url}"
        self._templates = TrialTemplates(space)
        self._ids: dict[int, int] = {}
        self._count = 0
        self._connection = connect(url, password)
        try:
            self._storage = open_tables(self._connection, url)
            hold(self._connection, url, study)
            try:
                self._study_id = self._storage.get_study_id_from_name(study)
            except KeyError:
                self._study_id = self._storage.create_new_study(DIRECTIONS, study)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the study."""
        self._storage.remove_session()
        release(self._connection, self._study)
        self._storage.engine.dispose()

    def add_facts(self, facts: Mapping[str, Any], objectives: Sequence[str]) -> None:
        """Store what the objectives are called, then JSON facts about the run, all or none."""
        name_objectives(self._storage, self._study, objectives)
        before = self._storage.get_study_user_attrs(self._study_id).get(_FACTS, {})
        self._set(_FACTS, {**before, **facts})

    def facts(self) -> dict[str, Any]:
        """Read what was stored about the run."""
        return _facts(self._storage, self._study_id)

    def set_elapsed(self, seconds: float) -> None:
        """Store how long the run has taken, in all sessions, as one of the facts."""
        self._set(ELAPSED, seconds)

    def keep_file(self, name: str, text: str) -> None:
        """Store a file of the run folder, so that the run can go on without the folder."""
        self._set(f"{_FILE}{name}", text)

    def add(self, trial: Trial) -> None:
        """Store a new trial, in one write; trials are added in the order of their numbers."""
        changing = {_PROGRESS: _progress(trial, None)}
        template = self._templates.template(trial, _state(trial), changing)
        with self._undeleted():
            self._ids[trial.number] = self._storage.create_new_trial(self._study_id, template)
        self._count = trial.number + 1

    def start(self, trial: Trial) -> None:
        """Store that a job of a trial starts, whether it is new, rests, or was lost."""
        if trial.number < self._count:
            self._write(trial, None)
        else:
            self.add(trial)

    def finish(self, trial: Trial, loss: float | None) -> None:
        """Store how a job of a trial ended, and the loss of a trial that completed."""
        self._write(trial, None if loss is None else [loss, float(trial.size_bytes)])

    def load(self) -> list[Trial]:
        """Read all trials, in order; of each whose end was written in part the rest is written.

        Raises:
            RunError: somebody else has added trials to the study.
        """
        stored = self._storage.get_all_trials(self._study_id, deepcopy=False)
        trials = _trials(stored, self._place)
        self._count = len(trials)
        for trial, found in zip(trials, stored, strict=True):
            if found.state != _state(trial):
                self._write_state(trial, found.user_attrs[_PROGRESS]["values"])
        return trials

    def _set(self, attribute: str, value: object) -> None:
        with self._undeleted():
            self._storage.set_study_user_attr(self._study_id, attribute, value)

    def _write(self, trial: Trial, values: Sequence[float] | None) -> None:
        progress = _progress(trial, values)
        with self._undeleted():
            self._storage.set_trial_user_attr(self._id(trial.number), _PROGRESS, progress)
            self._write_state(trial, values)

    def _write_state(self, trial: Trial, values: Sequence[float] | None) -> None:
        trial_id = self._id(trial.number)
        self._storage.set_trial_state_values(trial_id, _state(trial), values)

    @contextmanager
    def _undeleted(self) -> Iterator[None]:
        """Report a study that somebody has deleted, which optuna-dashboard has a button for."""
        try:
            yield
        except KeyError:
            raise RunError(
                f"{self._place}: expected the study that the search began with, found it deleted - "
                "--resume fills a new one with the same trials"
            ) from None

    def _id(self, number: int) -> int:
        """Return the id of a trial in the database."""
        if number not in self._ids:
            found = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
            self._ids[number] = found
        return self._ids[number]


def read_postgresql(
    url: str, password: str | None, study: str
) -> tuple[list[Trial], dict[str, Any]]:
    """Read the trials of a study and the facts about it, also while it goes on; changes none.

    A study that is not there yet has neither.

    Raises:
        RunError: the database cannot be read, or somebody else has added trials to the study.
    """
    with reading(url, password) as storage:
        if storage is None:
            return [], {}
        try:
            study_id = storage.get_study_id_from_name(study)
        except KeyError:
            return [], {}
        stored = storage.get_all_trials(study_id, deepcopy=False)
        return _trials(stored, f"{study} in {url}"), _facts(storage, study_id)


def read_kept_files(url: str, password: str | None, study: str) -> dict[str, str]:
    """Read the files of the run folder that a study keeps, by name.

    Raises:
        RunError: the database cannot be read, or there is no such study in it.
    """
    with reading(url, password) as storage:
        studies = [] if storage is None else storage.get_all_studies()
        kept = {each.study_name: each.user_attrs for each in studies}
    if study not in kept:
        raise RunError(
            f"{url}: expected the study {study}, found none of that name{nearest(study, kept)} - "
            "study.toml of its run folder and optuna-dashboard have the names"
        )
    files = {name: text for name, text in kept[study].items() if name.startswith(_FILE)}
    return {name.removeprefix(_FILE): text for name, text in files.items()}


def _progress(trial: Trial, values: Sequence[float] | None) -> dict[str, Any]:
    """Return the attribute of all that changes; values are those that optuna shows."""
    begun_anew = not trial.finished and trial.result is None
    return {
        "state": trial.state,
        **jobs_of(trial),
        "after_end": trial.after_end,
        "ended": None if begun_anew else outcome_of(trial),
        "values": values,
    }


def _state(trial: Trial) -> TrialState:
    """Return the state that optuna has of a trial; a last one only if it will never change."""
    if trial.state == "completed":
        return TrialState.COMPLETE
    if trial.state == "failed" and not trial.lost:
        return TrialState.FAIL
    return TrialState.RUNNING if trial.state == "running" else TrialState.WAITING


def _trials(stored: Sequence[FrozenTrial], place: str) -> list[Trial]:
    trials = []
    for number, found in enumerate(stored):
        if found.number != number or _PROGRESS not in found.user_attrs:
            raise RunError(
                f"{place}: expected the trials of a search, found trial {found.number}, which is "
                "none of them - leave a study of nas-asc to it alone, and begin anew"
            )
        attributes = {**found.user_attrs, **found.user_attrs[_PROGRESS]}
        state = attributes["state"]
        unended = state if state in ("waiting", "running") else None
        trials.append(read_trial(number, attributes, unended))
    return trials


def _facts(storage: RDBStorage, study_id: int) -> dict[str, Any]:
    attributes = storage.get_study_user_attrs(study_id)
    elapsed = {name: value for name, value in attributes.items() if name == ELAPSED}
    return {**attributes.get(_FACTS, {}), **elapsed}

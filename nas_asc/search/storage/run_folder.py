"""The folder of one run: who may use it, what it was started with, and what it keeps.

Conventions: `study.toml` holds the resolved study, `study.db` the trials, unless the study says
that they are in a database; `run.lock` is held by the process that searches and lets go of itself
when that process dies in any way. The password of a database is an argument; None stands for that
of PGPASSWORD or ~/.pgpass.
"""

import errno
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from filelock import FileLock, Timeout

from nas_asc.architectures import FEATURES_VERSION
from nas_asc.datasets import Dataset, hash_files
from nas_asc.errors import RunError
from nas_asc.files import remove_unfinished, write_atomically
from nas_asc.reports import EnsembleReference
from nas_asc.search.storage.ensembles import ENSEMBLES_FOLDER
from nas_asc.search.storage.finals import FINALS_FOLDER
from nas_asc.search.storage.sqlite_store import (
    SqliteStore,
    is_locked,
    locked_in_words,
    read_sqlite,
)
from nas_asc.search.storage.trials import Trial, TrialStore
from nas_asc.search.task import Task
from nas_asc.search.warm_start import adaptations, skipped_ensembles
from nas_asc.spaces import SearchSpace
from nas_asc.study import RAISABLE, STUDY_FILE, StudyConfig, read_study, study_toml, with_options

_TRIALS_FILE = "study.db"
_LOCK_FILE = "run.lock"

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_DATABASE_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# Raised by one with every change of which trainings are stopped, and of what comes of a training.
EARLY_STOPPING_VERSION, TRAINING_VERSION = 3, 4

# What a resumed run must find as it was, and what it is called.
_UNCHANGING = {
    "data": "recordings",
    "classes": "recordings",
    "recordings": "recordings",
    "content": "recordings",
    "choices": "search space",
    "fixed": "search space",
    "ensembles": "search space",
    "teachers": "teachers",
}
# What a resumed run is told of when it has changed, since that only makes its parts differ.
_TOLD = {
    "features": "features now differ a little from those of the run's earlier trials",
    "early_stopping": "trainings are now stopped by another rule than the run's earlier trials",
    "training": "networks are now trained or stored otherwise than in the run's earlier trials",
}
# What holds of a run that was begun before it was stored.
_BEFORE: Mapping[str, object] = {
    "early_stopping": 1,
    "features": 1,
    "training": 1,
}

_log = logging.getLogger(__name__)


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run folder, made if there is none, for this process alone; unfinished models go.

    Raises:
        RunError: another process holds it, or it cannot be written.
    """
    lock = FileLock(run / _LOCK_FILE, blocking=False)
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{run}: expected a run that nobody works on, another search does; wait for its end or "
            "stop it"
        ) from None
    except (FileExistsError, NotADirectoryError):
        raise RunError(f"{run}: expected a folder, got a file - choose another --out") from None
    except OSError as error:
        raise RunError(f"{run}: expected a folder that can be written, {error.strerror}") from None
    try:
        # Of a process that was killed while it wrote.
        for name in (".", "models", "checkpoints", FINALS_FOLDER, ENSEMBLES_FOLDER):
            remove_unfinished(run / name)
        yield
    finally:
        lock.release()


@contextmanager
def storage_faults_in_one_line(run: Path, study: StudyConfig | None = None) -> Iterator[None]:
    """Report a disk or a database that cannot be used as the user's to put right.

    Raises:
        RunError: there is no room for the trials of the run, another program has locked them, or
            their file is damaged; or the study is in a database that cannot be written any more.
    """
    try:
        yield
    except Exception as error:
        if reason := _disk_fault(error):
            begun = (run / STUDY_FILE).is_file()
            raise RunError(
                f"{run}: expected room for the trials of the run, found {reason} - make room and "
                f"{'go on with --resume' if begun else 'try again'}"
            ) from error
        if is_locked(error):
            raise RunError(locked_in_words(run / _TRIALS_FILE)) from error
        if reason := _damage(error):
            raise RunError(
                f"{run / _TRIALS_FILE}: expected the trials of a run, found a damaged file "
                f"({reason}) - restore it, or begin anew with --study {run / STUDY_FILE} --out NEW"
            ) from error
        if study is not None and study.storage is not None:
            from nas_asc.search.storage.postgresql_database import fault_in_words

            if words := fault_in_words(error):
                raise RunError(f"{study.study_name} in {study.storage}: {words}") from error
        raise


def _disk_fault(error: BaseException | None) -> str:
    """Return what a disk cannot do, if that is what an error comes from, else nothing."""
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return (error.strerror or str(error)).lower()
    if isinstance(error, sqlite3.OperationalError):
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is the detail
        return str(error) if primary in _DATABASE_ERRORS else ""
    return _disk_fault(error.__cause__) if error else ""


def _damage(error: BaseException | None) -> str:
    """Return what SQLite finds wrong with a file, if that is what an error comes from."""
    if isinstance(error, sqlite3.DatabaseError):
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return str(error) if primary in _DAMAGE else ""
    return _damage(error.__cause__) if error else ""


def check_new(run: Path) -> None:
    """Check that a run can be started in a folder, new or empty.

    Raises:
        RunError: something is there already.
    """
    if run.exists() and not run.is_dir():
        raise RunError(f"{run}: expected a folder, got a file - choose another --out")
    if run.is_dir() and {path.name for path in run.iterdir()} - {_LOCK_FILE}:
        is_run = (run / STUDY_FILE).is_file()
        what, resumable = (
            ("a run", "add --resume to go on with it, or ") if is_run else ("files", "")
        )
        raise RunError(
            f"{run}: expected a new folder, it holds {what} - {resumable}choose another --out"
        )


def save_study(run: Path, study: StudyConfig) -> None:
    """Write the resolved study into a run folder; a kill leaves the old one or the new one."""
    write_atomically(run / STUDY_FILE, study_toml(study))


def saved_study(run: Path) -> StudyConfig:
    """Read the study that a run was started with.

    Raises:
        RunError: there is no run in the folder.
        ConfigError: its study is not valid.
    """
    if not (run / STUDY_FILE).is_file():
        raise RunError(f"{run}: expected the folder of a run, found no {STUDY_FILE} in it")
    return read_study(run / STUDY_FILE)


def check_same(run: Path, saved: StudyConfig, given: StudyConfig) -> None:
    """Check that a resumed run goes on as it was started.

    `trials` and `time_s` may change, the place of the recordings and teachers (what they are is in
    the manifest), and the device: results on another differ by rounding, which is told. What is
    asked for after the search may be given or raised, not taken back.

    Raises:
        RunError: names the first setting that differs, and both its values.
    """
    may_change = (*RAISABLE, "device")

    def settings(study: StudyConfig) -> dict[str, object]:
        values = {n: getattr(study, n) for n in StudyConfig.model_fields if n not in may_change}
        reading, recipe = values.pop("data").reading, dict(values.pop("recipe"))
        if learns := recipe["distillation"]:
            recipe["distillation"] = learns.model_dump(exclude={"teachers"})
        values |= {f"data.{name}": value for name, value in reading}
        return values | {f"recipe.{name}": value for name, value in recipe.items()}

    now_set = settings(given)
    for name, before in settings(saved).items():
        now = now_set[name]
        if before != now:
            raise RunError(
                f"{run}: the run was started with {name} = {_short(before)}, got {_short(now)} - "
                "leave it out to resume, or choose another --out"
            )
    for name in ("final_seeds", "cv"):
        asked, now = getattr(saved, name) or 0, getattr(given, name) or 0
        if now < asked:
            raise RunError(
                f"{run}: expected {name} of at least {asked}, as was asked for before, got {now} "
                "- leave it out to resume"
            )


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def open_store(
    run: Path, space: SearchSpace, study: StudyConfig | None = None, password: str | None = None
) -> TrialStore:
    """Open the trials of a run to write, or make them; the caller holds the folder.

    Raises:
        RunError: the database that the study names cannot be used, or another driver is at it.
        ConfigError: the package that reaches a database is not installed.
    """
    if study is None or study.storage is None:
        return SqliteStore(run / _TRIALS_FILE, space)
    from nas_asc.search.storage.postgresql_store import PostgresqlStore

    assert study.study_name is not None, "a study in a database has a name"
    return PostgresqlStore(study.storage, password, study.study_name, space)


def read_trials(run: Path, password: str | None = None) -> tuple[list[Trial], dict[str, Any]]:
    """Read the trials of a run and the facts about it, also while it goes on; changes none.

    Raises:
        RunError: they cannot be read.
        ConfigError: the package that reaches a database is not installed.
    """
    study = saved_study(run) if (run / STUDY_FILE).is_file() else None
    if study is not None and study.storage is not None and study.study_name is not None:
        from nas_asc.search.storage.postgresql_store import read_postgresql

        return read_postgresql(study.storage, password, study.study_name)
    path = run / _TRIALS_FILE
    return read_sqlite(path) if path.is_file() else ([], {})


def resumed_config(
    run: Path, options: Mapping[str, Any], password: str | None = None
) -> StudyConfig:
    """Return the study of a saved run with options that were given anew.

    Raises:
        RunError: there is no run, or an option contradicts what it was started with.
    """
    saved = saved_study(run)
    config = with_options(saved, options)
    check_same(run, saved, config)
    # Path.exists raises where a folder above cannot be entered.
    if gone := [path for path in config.data.paths if not os.path.exists(path)]:  # noqa: PTH110
        raise RunError(
            f"{run}: expected its recordings in {gone[0]}, found nothing of that name - if they "
            "were moved, say where to with --resume --data NEW"
        )
    ended = ended_trials(run, password=password)
    if config.trials is not None and config.trials < ended:
        raise RunError(
            f"{run}: expected at least {ended} trials, as many have ended, got {config.trials}"
        )
    return config


def ended_trials(run: Path, at_rest: bool = True, password: str | None = None) -> int:
    """Count the trials of a run that ended, those at rest among them or not.

    Report models that the search had no room for are none, trained after its end or not.
    """
    trials, _ = read_trials(run, password)
    ended = {"completed", "failed", *(["stopped_early"] if at_rest else [])}
    return sum(trial.state in ended and not trial.beside_search for trial in trials)


def run_manifest(
    task: Task, warm_start: list[Trial], over_budget: list[dict[str, object]]
) -> dict[str, object]:
    """Return what a run is about, with the report models and ensembles that fit the budget or not.

    `over_budget` is as `Summary` lists it.
    """
    space, dataset, used = task.space, task.dataset, task.config.warm_start
    fitting = {trial.model for trial in warm_start}
    models = [model for model in space.models.values() if model.id in fitting]
    return {
        "data": dataset.describe(),
        "classes": list(dataset.classes),
        **content_of(dataset),
        "choices": {p.path: list(p.options) for p in space.parameters()},
        "fixed": space.fixed(),
        "ensembles": {
            t.model: t.architecture.key
            for t in warm_start
            if isinstance(t.architecture, EnsembleReference)
        },
        **({"teachers": [t.digest for t in task.teachers]} if task.teachers else {}),
        "early_stopping": EARLY_STOPPING_VERSION,
        "features": FEATURES_VERSION,
        "training": TRAINING_VERSION,
        "seeds_over_budget": over_budget if used else [],
        "seeds_adapted": adaptations(models, dataset) if used else [],
        "ensembles_skipped": skipped_ensembles(task.ensembles, dataset) if used else [],
    }


def check_manifest(
    run: Path, store: TrialStore, manifest: Mapping[str, object], objective: str
) -> Mapping[str, Any]:
    """Store the manifest of a new run, or check that a resumed one still is about the same.

    What an older program did not store is taken from now on. Returns what held when the run began.

    Raises:
        RunError: it was about something else.
    """
    stored = store.facts()
    before = {**_BEFORE, **stored} if stored else {}
    anew = f"begin anew with --study {run / 'study.toml'} --out NEW"
    _check_unchanged(run, before, manifest, anew)
    for name, line in _TOLD.items():
        if name in before and before[name] != manifest[name]:
            _log.warning("%s", line)
    missing = {name: value for name, value in manifest.items() if name not in before}
    if missing:
        loss = objective if objective == "log_loss" else "1 - accuracy"
        store.add_facts(missing, (loss, "size_bytes"))
    return {**manifest, **before}


def check_recordings(run: Path, facts: Mapping[str, object], dataset: Dataset) -> None:
    """Check that a data set is the one that a run is about, wherever it lies.

    Raises:
        RunError: it is another.
    """
    now = {"data": dataset.describe(), "classes": list(dataset.classes), **content_of(dataset)}
    _check_unchanged(run, facts, now, "put them back")


def _check_unchanged(
    run: Path, before: Mapping[str, object], now: Mapping[str, object], advice: str
) -> None:
    """Check what may not change, as far as both have it."""
    for name, what in _UNCHANGING.items():
        known = name in before and name in now
        if not known or (name == "content" and "recordings" in before):
            continue
        then, found = _unplaced(before[name]), _unplaced(now[name])
        if then != found:
            raise RunError(
                f"{run}: expected the {what} that the run was started with, got others: "
                f"{_differences(name, then, found)} - {advice}"
            )


def _unplaced(value: object) -> object:
    """Return a fact about a data set without its name, which is that of the place where it lies."""
    return {**value, "name": ""} if isinstance(value, dict) and "name" in value else value


def content_of(dataset: Dataset) -> dict[str, str]:
    """Hash what the files are: their bytes, labels of both kinds, splits, folds and devices.

    `content` has their names too: runs of before stored that alone.
    """
    clips = dataset.files
    files = hash_files(dataset.root, [clip.path for clip in clips])
    content, unnamed = hashlib.sha256(), []
    for clip, file in zip(clips, files, strict=True):
        name = PurePath(os.path.relpath(clip.path, dataset.root)).as_posix()
        fine = () if clip.fine is None else (dataset.fine_classes[clip.fine],)
        label = dataset.classes[clip.label]
        known = (file.digest, label, clip.split, clip.fold, clip.device, *fine)
        content.update(f"{json.dumps((name, *known))}\n".encode())
        unnamed.append(json.dumps(known))
    recordings = hashlib.sha256()
    for line in sorted(unnamed):
        recordings.update(f"{line}\n".encode())
    return {"recordings": recordings.hexdigest(), "content": content.hexdigest()}


def _differences(name: str, before: object, now: object) -> str:
    """Describe what differs between two JSON values, shortly."""
    if name in ("recordings", "content"):
        return "as many, but the audio, labels or splits have changed"
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return f"{before} before, {now} now"
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(f"{n} {before.get(n)} before, {now.get(n)} now" for n in names[:2])

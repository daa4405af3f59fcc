"""The folder of one run: who may use it, and what it was started with.

Conventions: `study.toml` holds the resolved study, `study.db` the trials; `run.lock` is held by the
process that searches and lets go of itself when that process dies in any way.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nas_asc.architecture_file import UNFINISHED
from nas_asc.errors import RunError
from nas_asc.study_config import RAISABLE, StudyConfig, read_study, study_toml

STUDY_FILE = "study.toml"
TRIALS_FILE = "study.db"
_LOCK_FILE = "run.lock"
_OWNER_FILE = "run.pid"


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
        _write(run / _OWNER_FILE, f"{os.getpid()}\n")
    except Timeout:
        raise RunError(
            f"{run}: expected a run that nobody works on, another search{_owner(run)} does; wait "
            "for its end or stop it"
        ) from None
    except (FileExistsError, NotADirectoryError):
        raise RunError(f"{run}: expected a folder, got a file - choose another --out") from None
    except OSError as error:
        raise RunError(f"{run}: expected a folder that can be written, {error.strerror}") from None
    try:
        # Models that were being saved when their process was killed.
        for folder in run.glob(f"models/*{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        yield
    finally:
        (run / _OWNER_FILE).unlink(missing_ok=True)
        lock.release()


def check_new(run: Path) -> None:
    """Make sure that a run can be started in a folder.

    Raises:
        RunError: something is there already.
    """
    if run.is_dir() and {path.name for path in run.iterdir()} - {_LOCK_FILE, _OWNER_FILE}:
        what = "a run" if (run / STUDY_FILE).is_file() else "files"
        raise RunError(
            f"{run}: expected a new folder, it holds {what} - add --resume to go on with a run, or "
            "choose another --out"
        )


def save_study(run: Path, study: StudyConfig) -> None:
    """Write the resolved study into a run folder; a kill leaves the old one or the new one."""
    _write(run / STUDY_FILE, study_toml(study))


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
    """Make sure that a resumed run goes on as it was started; `trials` and `time_s` may change.

    Raises:
        RunError: names the first setting that differs, and both its values.
    """
    for name in StudyConfig.model_fields:
        before, now = getattr(saved, name), getattr(given, name)
        if name not in RAISABLE and before != now:
            raise RunError(
                f"{run}: the run was started with {name} = {_short(before)}, got {_short(now)} - "
                "leave it out to resume, or choose another --out"
            )


def _short(value: object) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def _owner(run: Path) -> str:
    with suppress(OSError, ValueError):
        return f" (process {int((run / _OWNER_FILE).read_text(encoding='utf-8'))})"
    return ""


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)

"""A run whose trials are in a database: what it is called there, and its folder made anew.

Conventions: the database has all of a run but its models, checkpoints and pictures: the trials, and
as attributes of the study the files that say what is searched, how the front was trained again, and
which ensembles were made of the trials.
"""

import re
from pathlib import Path
from secrets import token_hex

from nas_asc.errors import RunError, printable
from nas_asc.files import write_atomically
from nas_asc.search.storage.ensembles import ENSEMBLES_FOLDER
from nas_asc.search.storage.finals import FINALS_FOLDER
from nas_asc.search.storage.run_folder import check_new, locked, save_study, saved_study
from nas_asc.study import STUDY_FILE, StudyConfig

# A file of another name would be one that somebody else has put into the database.
_KEPT = re.compile(
    rf"{re.escape(STUDY_FILE)}|({re.escape(FINALS_FOLDER)}|{re.escape(ENSEMBLES_FOLDER)})/[\w-]+\.json"
)


def check_storage(study: StudyConfig, password: str | None) -> None:
    """Check that the database of a study, if it has one, can keep trials.

    Raises:
        RunError: it cannot be reached, or tables cannot be made in it.
        ConfigError: the package that reaches a database is not installed.
    """
    if study.storage is not None:
        from nas_asc.search.storage.postgresql_database import check_database

        check_database(study.storage, password)


def with_study_name(run: Path, study: StudyConfig, resume: bool) -> StudyConfig:
    """Return a study with what it is called in its database; one in no database has no name.

    That is what a resumed run was called, or the name of the new folder and eight random hex
    digits: folders of one name may be on many machines.
    """
    if study.storage is None:
        name = None
    elif resume:
        name = study.study_name or saved_study(run).study_name
    else:
        name = f"{printable(run.resolve().name)}-{token_hex(4)}"
    return study.model_copy(update={"study_name": name})


def restore_run(run: Path, storage: str, password: str | None, name: str) -> None:
    """Make the folder of a run anew from its study in a database; one that is there stays as it is.

    What is not in the database is not in the folder either: models, pictures, and checkpoints, so
    that what was in training or rests is trained again from its start.

    Raises:
        RunError: the database cannot be read or has no such study, or the folder holds another run.
        ConfigError: the package that reaches a database is not installed.
    """
    if (run / STUDY_FILE).is_file():
        found = saved_study(run)
        if (found.storage, found.study_name) != (storage, name):
            raise RunError(
                f"{run}: expected the folder of study {name}, or a new one, found that of another "
                "run - choose another --out"
            )
        return
    from nas_asc.search.storage.postgresql_store import read_kept_files

    files = read_kept_files(storage, password, name)
    if STUDY_FILE not in files:
        raise RunError(
            f"{name} in {storage}: expected the study of a search, found one of something else - "
            "give the name of another"
        )
    kept = {file: text for file, text in files.items() if _KEPT.fullmatch(file)}
    study = kept.pop(STUDY_FILE)
    with locked(run):
        check_new(run)
        for file, text in kept.items():
            (run / file).parent.mkdir(exist_ok=True)
            write_atomically(run / file, text)
        write_atomically(run / STUDY_FILE, study)  # last: with it the folder is that of a run
        moved = {"storage": storage, "study_name": name}
        save_study(run, saved_study(run).model_copy(update=moved))

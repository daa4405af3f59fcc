"""What comes after a search, in its run folder: each training of the front again is one file.

```
finals/asked.json       where the search had ended, and what is trained again since then
finals/KIND-NUMBER-TRIAL.json     one training, written whole when it has ended
```

Conventions: a file that cannot be read is as if it were not there; its training is done again, from
the same seed. Where the trials do not lie in the run folder their store keeps each file, too, and
first.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nas_asc.files import write_atomically
from nas_asc.results import Finals, Retraining
from nas_asc.search.storage.trials import TrialStore
from nas_asc.study import StudyConfig

FINALS_FOLDER = "finals"
_ASKED_FILE = "asked.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """Where a search had ended, by its study, and what was asked for then; as of `Finals`."""

    trials: int | None
    time_s: float | None
    asked: Mapping[str, int]
    folds: str = ""


def save_asked(
    run: Path, store: TrialStore, study: StudyConfig, asked: Mapping[str, int], folds: str
) -> None:
    """Store that the search of a study has ended, and what is trained again now."""
    _write(run, store, _ASKED_FILE, Asked(study.trials, study.time_s, asked, folds))


def search_has_ended(run: Path, study: StudyConfig) -> bool:
    """Return whether the front was final when it was trained again, and no more was asked since."""
    found = _read_asked(run)
    return found is not None and (found.trials, found.time_s) == (study.trials, study.time_s)


def save_retraining(run: Path, store: TrialStore, retraining: Retraining) -> None:
    """Store a training that has ended."""
    name = f"{retraining.kind}-{retraining.number}-{retraining.trial}.json"
    _write(run, store, name, retraining)


def read_finals(run: Path) -> Finals | None:
    """Return what was trained again so far; None where that was never asked for."""
    asked = _read_asked(run)
    if asked is None:
        return None
    found = []
    for path in (run / FINALS_FOLDER).glob("*-*-*.json"):
        try:
            found.append(Retraining(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s cannot be read (%s): its training is to be done again", path, error)
    found.sort(key=lambda each: (each.kind, each.number, each.trial))
    return Finals(asked.asked, tuple(found), asked.folds)


def _read_asked(run: Path) -> Asked | None:
    path = run / FINALS_FOLDER / _ASKED_FILE
    try:
        return Asked(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        _log.warning("%s cannot be read (%s): it is written anew by --resume", path, error)
        return None


def _write(run: Path, store: TrialStore, name: str, content: Asked | Retraining) -> None:
    folder = run / FINALS_FOLDER
    folder.mkdir(exist_ok=True)
    text = json.dumps(asdict(content), allow_nan=False, ensure_ascii=False) + "\n"
    store.keep_file(f"{FINALS_FOLDER}/{name}", text)
    write_atomically(folder / name, text)

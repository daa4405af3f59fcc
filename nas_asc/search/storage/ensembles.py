"""Ensembles of a run's own networks, in its run folder: each is one file beside its saved model.

```
ensembles/NUMBER.json    what it is and what it reached, written whole when its model is there
models/NUMBER/           its networks, and how they vote
```

Conventions: they are trials that no search has made. Their numbers begin where those of a search
end, so that a search that goes on gives its trials the numbers, and with them the seeds, that it
would have given them without; and they are no trials of the store, so nothing of the search ever
sees or counts them. Where the trials do not lie in the run folder their store keeps each file, too,
and first. A file that cannot be read is as if it were not there.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas_asc.files import write_atomically
from nas_asc.reports import EnsembleReference, read_candidate
from nas_asc.search.storage.trials import Trial, TrialStore
from nas_asc.study import MOST, JobResult

ENSEMBLES_FOLDER = "ensembles"
FIRST_ENSEMBLE = MOST + 1  # a search has MOST trials at most

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunEnsemble:
    """An ensemble of trials of a run.

    Attributes:
        number: of the trial that it is.
        members: trial and weight of each.
        budget: that it was chosen for, in words.
        over: the limit of the run's own budget that it exceeds, so that it is on no front; None
            where it keeps to it.
        architecture: as `EnsembleReference.to_dict` returns it.
        complexity: by the rule of the run, as `Costs.to_dict` returns it.
        metrics: of the validation clips.
    """

    number: int
    members: Sequence[tuple[int, int]]
    budget: str
    over: str | None
    architecture: Mapping[str, Any]
    complexity: Mapping[str, Any]
    metrics: Mapping[str, Any]
    source: str = "ensemble"

    @property
    def trial(self) -> Trial:
        """It as a trial that was trained to the end."""
        reference = read_candidate(self.architecture)
        assert isinstance(reference, EnsembleReference), "it was written of one"
        result = JobResult(self.metrics, self.complexity, (), 0.0)
        costs, done = self.complexity, "completed"
        return Trial(self.number, reference, None, 0, costs, state=done, result=result)


def save_run_ensemble(run: Path, store: TrialStore, ensemble: RunEnsemble) -> None:
    """Store an ensemble whose model is saved."""
    name = f"{ensemble.number}.json"
    text = json.dumps(asdict(ensemble), allow_nan=False, ensure_ascii=False) + "\n"
    store.keep_file(f"{ENSEMBLES_FOLDER}/{name}", text)
    (run / ENSEMBLES_FOLDER).mkdir(exist_ok=True)
    write_atomically(run / ENSEMBLES_FOLDER / name, text)


def read_run_ensembles(run: Path) -> list[RunEnsemble]:
    """Return the ensembles of a run, in order."""
    found = []
    for path in (run / ENSEMBLES_FOLDER).glob("*.json"):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            members = tuple((int(trial), int(weight)) for trial, weight in values.pop("members"))
            found.append(RunEnsemble(members=members, **values))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            _log.warning("%s cannot be read (%s): the ensemble is left out", path, error)
    return sorted(found, key=lambda each: each.number)


def next_number(run: Path) -> int:
    """Return the number of the next ensemble: after all that are there, also in part."""
    places = [*(run / ENSEMBLES_FOLDER).glob("*.json"), *(run / "models").glob("*")]
    used = [int(path.stem) for path in places if path.stem.isdecimal()]
    return max([FIRST_ENSEMBLE - 1, *used]) + 1

"""What a run is about, stored when it begins: what must still be so when it is resumed.

Conventions: JSON values by name, in the study of `study.db`.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from nas_asc.datasets import Dataset, hash_files
from nas_asc.errors import RunError
from nas_asc.space import SearchSpace
from nas_asc.trials import Trial, TrialStore

# What a resumed run must find as it was, and what it is called.
_UNCHANGING = {
    "data": "recordings",
    "classes": "recordings",
    "content": "recordings",
    "choices": "search space",
    "fixed": "search space",
    "ensembles": "search space",
}


def what_must_stay(
    space: SearchSpace, dataset: Dataset, seeds: Iterable[Trial]
) -> dict[str, object]:
    """Give what trials of two sessions must have in common to stand on one front."""
    return {
        "data": dataset.describe(),
        "classes": list(dataset.classes),
        "content": _content(dataset),
        "choices": {p.path: list(p.options) for p in space.parameters()},
        "fixed": space.fixed(),
        "ensembles": {t.model: t.architecture.key for t in seeds if t.architecture.ensemble},
    }


def facts_of_run(
    run: Path, store: TrialStore, facts: Mapping[str, object], objective: str
) -> Mapping[str, object]:
    """Store what a new run is about, or make sure that a resumed one still is about the same.

    Facts that an older program did not store are those of now.

    Returns:
        The facts as they were when the run began.

    Raises:
        RunError: it was about something else.
    """
    before = store.facts()
    for name, what in _UNCHANGING.items():
        if name in before and before[name] != facts[name]:
            raise RunError(
                f"{run}: expected the {what} that the run was started with, got others: "
                f"{_differences(name, before[name], facts[name])} - choose another --out"
            )
    missing = {name: value for name, value in facts.items() if name not in before}
    if missing:
        loss = objective if objective == "log_loss" else "1 - accuracy"
        store.describe(missing, (loss, "size_bytes"))
    return {**facts, **before}


def _content(dataset: Dataset) -> str:
    """Hash what the clips are: their bytes, names, labels, splits, folds and devices."""
    files = hash_files(dataset.root, [clip.path for clip in dataset.clips])
    whole = hashlib.sha256()
    for clip, file in zip(dataset.clips, files, strict=True):
        name = PurePath(os.path.relpath(clip.path, dataset.root)).as_posix()
        label = dataset.classes[clip.label]
        row = (name, file.digest, label, clip.split, clip.fold, clip.device)
        whole.update(json.dumps(row).encode() + b"\n")
    return whole.hexdigest()


def _differences(name: str, before: object, now: object) -> str:
    """Name what differs between two JSON values, shortly."""
    if name == "content":
        return "as many, but the audio, names, labels or splits have changed"
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        pairs = [f"{name} {before.get(name)} before, {now.get(name)} now" for name in names[:2]]
        return "; ".join(pairs)
    return f"{before} before, {now} now"

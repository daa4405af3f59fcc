"""The manifest of a run, stored when it begins: what must still be so when it is resumed.

Conventions: JSON values by name, in the study of `study.db`.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from nas_asc.architectures import FEATURES_VERSION
from nas_asc.datasets import Dataset, hash_files
from nas_asc.errors import RunError
from nas_asc.files import digest
from nas_asc.search.storage.trials import Trial, TrialStore
from nas_asc.search.task import Task
from nas_asc.search.warm_start import adaptations, skipped_ensembles

_log = logging.getLogger(__name__)

EARLY_STOPPING_VERSION = 1  # raised by one with every change of which trainings are stopped

# What a resumed run must find as it was, and what it is called.
_UNCHANGING = {
    "data": "recordings",
    "classes": "recordings",
    "content": "recordings",
    "choices": "search space",
    "fixed": "search space",
    "ensembles": "search space",
    "early_stopping": "rule of early stopping",
}
# What holds of a run that was begun before it was stored.
_BEFORE: Mapping[str, object] = {"early_stopping": 1, "features": 1}


def run_manifest(
    task: Task, warm_start: Iterable[Trial], over_budget: list[dict[str, object]]
) -> dict[str, object]:
    """Return what a run is about.

    Args:
        task: of the run.
        warm_start: report models and ensembles that fit the budget.
        over_budget: those that do not, as `Summary` lists them.
    """
    space, dataset = task.space, task.dataset
    warm_start = list(warm_start)
    fitting = {trial.model for trial in warm_start}
    models = [model for model in space.models.values() if model.id in fitting]
    used = task.config.warm_start
    return {
        "data": dataset.describe(),
        "classes": list(dataset.classes),
        "content": _content(dataset),
        "choices": {p.path: list(p.options) for p in space.parameters()},
        "fixed": space.fixed(),
        "ensembles": {t.model: t.architecture.key for t in warm_start if t.architecture.ensemble},
        "early_stopping": EARLY_STOPPING_VERSION,
        "features": FEATURES_VERSION,
        "seeds_over_budget": over_budget if used else [],
        "seeds_adapted": adaptations(models, dataset) if used else [],
        "ensembles_skipped": skipped_ensembles(task.ensembles) if used else [],
    }


def check_manifest(
    run: Path, store: TrialStore, manifest: Mapping[str, object], objective: str
) -> Mapping[str, Any]:
    """Store the manifest of a new run, or check that a resumed one still is about the same.

    What an older program did not store is taken from now on.

    Returns:
        The manifest as it was when the run began.

    Raises:
        RunError: it was about something else.
    """
    before = store.facts()
    if before:
        before = {**_BEFORE, **before}
    for name, what in _UNCHANGING.items():
        if name in before and before[name] != manifest[name]:
            raise RunError(
                f"{run}: expected the {what} that the run was started with, got others: "
                f"{_differences(name, before[name], manifest[name])} - begin anew with "
                f"--study {run / 'study.toml'} --out NEW"
            )
    if "features" in before and before["features"] != manifest["features"]:
        _log.warning("features now differ by rounding from those of the run's earlier trials")
    missing = {name: value for name, value in manifest.items() if name not in before}
    if missing:
        loss = objective if objective == "log_loss" else "1 - accuracy"
        store.add_facts(missing, (loss, "size_bytes"))
    return {**manifest, **before}


def _content(dataset: Dataset) -> str:
    """Hash what the clips are: their bytes, names, labels, splits, folds and devices."""
    files = hash_files(dataset.root, [clip.path for clip in dataset.clips])
    lines = []
    for clip, file in zip(dataset.clips, files, strict=True):
        name = PurePath(os.path.relpath(clip.path, dataset.root)).as_posix()
        label = dataset.classes[clip.label]
        lines.append(
            json.dumps((name, file.digest, label, clip.split, clip.fold, clip.device)) + "\n"
        )
    return digest("".join(lines))


def _differences(name: str, before: object, now: object) -> str:
    """Name what differs between two JSON values, shortly."""
    if name == "content":
        return "as many, but the audio, names, labels or splits have changed"
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        pairs = [f"{name} {before.get(name)} before, {now.get(name)} now" for name in names[:2]]
        return "; ".join(pairs)
    return f"{before} before, {now} now"

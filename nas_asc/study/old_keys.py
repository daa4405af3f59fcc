"""What the keys of a study were called before, and those that are gone.

Files of that time, the `study.toml` of a run among them, are read as if written today.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

OLD_TO_NEW = {
    "seeds": "warm_start",
    "clip_s": "data.clip_s",
    "skip_bad": "data.skip_bad",
    "recipe.weight_decay": "recipe.optimizer.weight_decay",
    "recipe.label_smoothing": "recipe.loss.label_smoothing",
    "recipe.time_shift": "recipe.augmentations.time_shift.width",
    "recipe.mel_masks": "recipe.augmentations.spec_augment.mel_masks",
    "recipe.mel_mask_width": "recipe.augmentations.spec_augment.mel_mask_width",
    "recipe.frame_masks": "recipe.augmentations.spec_augment.frame_masks",
    "recipe.frame_mask_width": "recipe.augmentations.spec_augment.frame_mask_width",
    "recipe.mixup_alpha": "recipe.augmentations.mixup.alpha",
}
# What had a meaning once, by table.
_GONE = {"early_stopping": ["min_history"]}
# An augmentation was off where these were all 0.
_OFF = {"time_shift": ["width"], "spec_augment": ["mel_masks", "frame_masks"], "mixup": ["alpha"]}


def with_new_keys(study: Mapping[str, Any]) -> dict[str, Any]:
    """Return the TOML of a study with its old keys replaced; what is not valid stays so."""
    renewed = deepcopy(dict(study))
    if isinstance(renewed.get("data"), str):  # a folder; how it is read stood beside it
        renewed["data"] = {"paths": [renewed["data"]]}
    for old, new in OLD_TO_NEW.items():
        table, _, key = old.rpartition(".")
        holder = renewed.get(table) if table else renewed
        if isinstance(holder, dict) and key in holder and not _has(renewed, new.split(".")):
            _place(renewed, new.split("."), holder.pop(key))
    for name, keys in _GONE.items():
        if isinstance(renewed.get(name), dict):
            renewed[name] = {key: v for key, v in renewed[name].items() if key not in keys}
    if renewed == study:
        return renewed
    recipe = _table(renewed, "recipe")
    if loss := _table(recipe, "loss"):
        loss.setdefault("name", "cross_entropy")  # there was no other
    tables = _table(recipe, "augmentations")
    for name, strengths in _OFF.items():
        if (held := _table(tables, name)) and all(held.get(key) == 0 for key in strengths):
            del tables[name]
    return renewed


def _table(holder: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table; an empty one where there is none, or something else."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _has(table: dict[str, Any], path: list[str]) -> bool:
    """Return whether a value is given by its new name too; then the old one is a fault."""
    for name in path[:-1]:
        table = _table(table, name)
    return path[-1] in table


def _place(table: dict[str, Any], path: list[str], value: object) -> None:
    """Set a value, making the tables on its path; a part's bare name becomes the table's."""
    for name in path[:-1]:
        inner = table.setdefault(name, {})
        if isinstance(inner, str):
            inner = table[name] = {"name": inner}
        if not isinstance(inner, dict):
            return
        table = inner
    table.setdefault(path[-1], value)

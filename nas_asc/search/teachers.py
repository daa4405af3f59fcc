"""The teachers of a search: which trained models they are, and that they may teach.

Conventions: what a teacher says of a validation or test clip that it was trained on is the label,
and a network that learns from it would know more than it could. So a teacher's search has split the
same recordings likewise, or had others. Trials know teachers by what these compute, not by where
they lie.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from nas_asc.datasets import SPLITS, Dataset, hash_files, load_dataset
from nas_asc.errors import ConfigError, NasAscError
from nas_asc.reports import find_trained, weights_digest
from nas_asc.study import STUDY_FILE, TEACHER_FILE, Recipe, read_study
from nas_asc.units import number_of

# Named, not imported: a room that this one does not meet.
_KEEP_PROBABILITIES = "nas_asc.training.distillation:keep_probabilities"
_CHECK_THEY_TAKE_CROPS = "nas_asc.training.distillation:check_they_take_crops"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Teacher:
    """A trained model that networks learn from.

    Attributes:
        name: as the study has it.
        digest: of what it computes.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    digest: str


def find_teachers(recipe: Recipe) -> tuple[Teacher, ...]:
    """Find the teachers of a recipe; none where it has none.

    Raises:
        ConfigError: a name is of no trained model, or it cannot be read.
        RunError: a run has no such trial.
    """
    names = recipe.distillation.teachers if recipe.distillation else ()
    found = [(name, *find_trained(name)) for name in names]
    return tuple(
        Teacher(name, folder, classes, weights_digest(folder)) for name, folder, classes in found
    )


def check_teachers(teachers: Sequence[Teacher], dataset: Dataset) -> None:
    """Check that teachers tell the classes of the data apart, and have not seen what judges.

    Raises:
        ConfigError: one does not, or has.
    """
    for teacher in teachers:
        if {*teacher.classes} != {*dataset.classes}:
            raise ConfigError(
                f"{teacher.name}: expected a teacher of the classes of the data, "
                f"{', '.join(dataset.classes)}, got one of {', '.join(teacher.classes) or 'none'}"
            )
        _check_unseen(teacher, dataset)


def check_hearing(teachers: Sequence[Teacher], recipe: Recipe, dataset: Dataset) -> None:
    """Check that teachers can hear crops of clips, if networks learn by a recipe what they say.

    Raises:
        ConfigError: one takes whole clips alone, or crops with places differ between candidates.
    """
    if not teachers:
        return
    first, *others = [e.augmentations.get("time_crop", {}) for e in recipe.with_each_option()]
    if any("places" in crop for crop in (first, *others)):
        if any(crop != first for crop in others):
            raise ConfigError(
                "recipe.augmentations.time_crop: expected one crop for all candidates, at whose "
                "places teachers hear clips, got a list - leave out places: they then hear whole "
                "clips"
            )
        folders = {teacher.name: teacher.folder for teacher in teachers}
        resolve_name(_CHECK_THEY_TAKE_CROPS)(recipe, dataset, folders)


def _check_unseen(teacher: Teacher, dataset: Dataset) -> None:
    """Check that no clip was in an earlier split for the teacher's search than it is here."""
    folder = teacher.folder.absolute()
    file = folder.parent.parent / STUDY_FILE
    if folder.parent.name != "models" or not file.is_file():
        raise ConfigError(
            f"{teacher.name}: expected a teacher in the folder of its run, whose {STUDY_FILE} says "
            "which clips it has seen, got one by itself"
        )
    study = read_study(file)
    likewise = (study.data, study.seed) == (dataset.source, dataset.split_seed)
    if likewise or not study.data.paths:  # the synthetic scenes are split in one way
        return
    try:
        own = load_dataset(study.data, study.seed)
    except NasAscError as error:
        _log.warning(
            "%s: the recordings that this teacher has seen are not there, they must not be the "
            "validation or test clips here (%s)",
            teacher.name,
            " ".join(str(error).split())[:200],
        )
        return
    order = {split: place for place, split in enumerate(SPLITS)}
    there = {digest: order[split] for digest, split in _splits(own)}
    seen = [s for digest, s in _splits(dataset) if there.get(digest, len(SPLITS)) < order[s]]
    if seen:
        raise ConfigError(
            f"{teacher.name}: expected a teacher that has not seen validation and test clips, "
            f"found {number_of(len(seen), 'clip')} of {' and '.join(sorted({*seen}))} that its "
            f"search trained on or chose by - split the data as it did, by --seed {study.seed} and "
            f"the [data] of {file}"
        )


def _splits(dataset: Dataset) -> list[tuple[str, str]]:
    """Return the hash and the split of each file."""
    files = hash_files(dataset.root, [clip.path for clip in dataset.files])
    return [(f.digest, clip.split) for f, clip in zip(files, dataset.files, strict=True)]


def keep_what_they_say(
    run: Path, recipe: Recipe, teachers: Sequence[Teacher], dataset: Dataset
) -> None:
    """Write what the teachers say of the training clips into a run folder, if it is not there.

    Raises:
        ExportError: a teacher is no complete model.
        NasAscError: it cannot be computed, or written.
    """
    path = run / TEACHER_FILE
    if not recipe.distillation or path.is_file():
        return
    names, clips = ", ".join(each.name for each in teachers), len(dataset.indices("train"))
    _log.warning("teachers: %s: what they say of %d training clips is computed", names, clips)
    folders = [teacher.folder for teacher in teachers]
    resolve_name(_KEEP_PROBABILITIES)(path, dataset, folders, recipe)


def recipe_of_jobs(recipe: Recipe, teachers: Sequence[Teacher]) -> Mapping[str, Any]:
    """Return the recipe as trials get it: with the hashes of teachers in the place of paths.

    So a training that was cut goes on from its checkpoint where teachers were moved, and begins
    anew where they are others.
    """
    table = recipe.to_dict()
    if recipe.distillation is None:
        return table
    hashes = [teacher.digest for teacher in teachers]
    return {**table, "distillation": {**table["distillation"], "teachers": hashes}}

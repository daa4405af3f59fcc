"""What `report_results.py` trains: the rows of its table, and which of them differ in one thing.

Conventions: an epoch goes over the training clips once. A row is made of units, each a training:
one for each official fold, or one for each of some seeds on the split of a search, in which the
last fold tests and the one before it validates. Multiply-accumulates are those of a whole clip of
the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nas_asc.architectures import Architecture
from nas_asc.complexity import Complexity, Costs, count
from nas_asc.reports import (
    Ensemble,
    count_ensemble,
    find_model,
    report_ensembles,
    report_models,
)

EPOCHS, FEW_EPOCHS = 30, 5
FOLDS, SEEDS = 5, 3
ONE_FOLD, FEW = 200e6, 1e9  # multiply-accumulates above which fewer folds, and epochs, are trained

# The classes of a data set, and the length of its clips, are known before it is there.
ESC10_FINE: Mapping[str, str] = {
    "Baby cry": "people and machines",
    "Chainsaw": "people and machines",
    "Clock tick": "people and machines",
    "Dog bark": "animals",
    "Fire crackling": "weather, water and fire",
    "Helicopter": "people and machines",
    "Person sneeze": "people and machines",
    "Rain": "weather, water and fire",
    "Rooster": "animals",
    "Sea waves": "weather, water and fire",
}
COARSE = tuple(sorted({*ESC10_FINE.values()}))
CLIP_S = {"esc10": 5.0, "windows": 1.0, "coarse": 5.0, "scenes": 1.0}
TRAINING_CLIPS = {"esc10": 240, "windows": 240, "coarse": 240, "scenes": 800}


@dataclass(frozen=True)
class Row:
    """What is trained, a few times over.

    Attributes:
        name: of the row, and of the files of its units.
        model: the network or ensemble of a report.
        data: "esc10", "windows" of a second of it, "coarse" (with three classes), or "scenes", the
            synthetic ones.
        folds: so many official folds, the last ones first; 0 where it has seeds.
        seeds: so many seeds on the split of a search.
        epochs: of each training.
        planned: whether its recipe is that of a planned search, not that of its report.
        compression: in the place of the model's own.
        recipe: what its recipe has besides, or has otherwise; augmentations are added.
        teacher: name of a row whose first network it learns from.
        note: what else is to be said of it.
    """

    name: str
    model: str
    data: str = "esc10"
    folds: int = 0
    seeds: int = 0
    epochs: int = EPOCHS
    planned: bool = False
    compression: Mapping[str, Any] | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    teacher: str | None = None
    note: str = ""

    @property
    def units(self) -> tuple[str, ...]:
        """The names of its trainings, in the order in which they are done."""
        if self.seeds:
            return tuple(f"seed-{number}" for number in range(self.seeds))
        return tuple(f"fold-{number}" for number in range(FOLDS, FOLDS - self.folds, -1))

    @property
    def cost(self) -> float:
        """About how many multiply-accumulates its trainings take, to put the cheapest first."""
        clips = TRAINING_CLIPS[self.data] * self.epochs * len(self.units)
        return costs_of(self).macs * clips + (_row(self.teacher).cost if self.teacher else 0.0)


@dataclass(frozen=True)
class Comparison:
    """Rows that differ in one thing, each by what it differs in; the first is what others change.

    Attributes:
        unseen: whether they are judged on the clips of devices that training has none of.
    """

    title: str
    text: str
    rows: Mapping[str, str]
    unseen: bool = False


_model = cache(find_model)  # which reads all spaces


def adapted(row: Row) -> Architecture | Ensemble:
    """Return the network or ensemble of a row, for its data and with its compression."""
    model, clip_s = _model(row.model), CLIP_S[row.data]
    if isinstance(model, Ensemble):
        fine = ESC10_FINE if row.data == "coarse" else {}
        return model.adapted(COARSE if row.data == "coarse" else [*ESC10_FINE], clip_s, fine)
    whole = model.adapted(len(ESC10_FINE), clip_s).architecture
    if row.compression is None:
        return whole
    chosen = [choice for choice in whole.chosen if choice[0] != "compression"]
    sections = {**whole.sections, "compression": {**row.compression}}
    return Architecture(whole.space, sections, chosen, whole.family)


def costs_of(row: Row) -> Complexity | Costs:
    """Count what a row's network or ensemble takes, by the rule of its report."""
    compression = tuple(row.compression.items()) if row.compression else None
    return _costs(row.model, row.data, compression)


@cache
def _costs(
    model_id: str, data: str, compression: tuple[tuple[str, Any], ...] | None
) -> Complexity | Costs:
    row = Row("", model_id, data, compression=dict(compression) if compression else None)
    candidate, rule = adapted(row), _model(model_id).rule
    if isinstance(candidate, Ensemble):
        return count_ensemble(candidate, rule)
    return count(candidate, len(ESC10_FINE), CLIP_S[data], rule)


@cache
def model_row(model_id: str) -> Row:
    """Return the row of a network or ensemble by the recipe of its report."""
    data = "coarse" if model_id == "srpol-1" else "esc10"
    if _model(model_id).report == "netease":
        data = "windows"
    macs = costs_of(Row(model_id, model_id, data)).macs
    notes = [_WINDOWS] if data == "windows" else []
    if macs > FEW:
        notes.append("out of the comparison: too large for more than one fold and a few epochs")
        return Row(model_id, model_id, data, folds=1, epochs=FEW_EPOCHS, note="; ".join(notes))
    if data == "coarse":
        notes.append("judged on three coarse classes")
    if model_id == "netease-student":
        notes.append("distillation falls away: a teacher has heard the test clips of other folds")
    folds = 1 if macs > ONE_FOLD else FOLDS
    return Row(model_id, model_id, data, folds=folds, note="; ".join(notes))


_WINDOWS = (
    "trained on a second from anywhere in a clip, judged by the mean over windows of a second; "
    "multiply-accumulates of a second"
)
TEACHER, GOOD_TEACHER = "netease-teacher", "deepsound-64-on-windows"
_SMALL = "ntu-vggnet"  # that is compressed, and told of devices
_UNPRUNED = {"pruning": "none", "precision": "float32"}
_CHANNELS = {"precision": "float32", "sparsity": 0.2, "iterations": 3}
_INT8 = {"pruning": "none", "precision": "int8"}
_MIXSTYLE = {"freq_mixstyle": {"probability": 0.5, "alpha": 0.4}}
_RESPONSES = {"device_impulse_response": {"probability": 0.5, "devices": 20}}


def _compressed(name: str, compression: Mapping[str, Any], **more: Any) -> Row:
    return Row(name, _SMALL, seeds=SEEDS, planned=True, compression=compression, **more)


def _on_scenes(name: str, augmentations: Mapping[str, Any]) -> Row:
    own = {"recipe": {"augmentations": augmentations}, "compression": _UNPRUNED}
    return Row(name, _SMALL, "scenes", seeds=SEEDS, planned=True, **own)


_OTHER_RECIPE = ("srpol-4", "ntu-vggnet", "deepsound-32")
_STUDENT = {"model": "netease-student", "data": "windows", "seeds": SEEDS}
_PLACES = {"augmentations": {"time_crop": {"length_s": 1.0, "places": 9}}}
_PAIRED = (
    Row("student-alone", **_STUDENT),
    Row("student-taught", **_STUDENT, teacher=TEACHER),
    Row("student-taught-places", **_STUDENT, teacher=TEACHER, recipe=_PLACES),
    Row(GOOD_TEACHER, "deepsound-64", "windows", seeds=1),
    Row("student-taught-well", **_STUDENT, teacher=GOOD_TEACHER, recipe=_PLACES),
    *(Row(f"{name}-planned", name, folds=FOLDS, planned=True) for name in _OTHER_RECIPE),
    _compressed("vggnet-whole", _UNPRUNED),
    _compressed("vggnet-magnitude", {**_UNPRUNED, "pruning": "magnitude", "sparsity": 0.8}),
    _compressed("vggnet-channels", {**_CHANNELS, "pruning": "channels"}),
    _compressed("vggnet-removal", {**_CHANNELS, "pruning": "channel_removal"}),
    _compressed("vggnet-int8", _INT8),
    _compressed("vggnet-full-int8", _INT8 | {"precision": "full_int8"}),
    _compressed("vggnet-int8-trained", _INT8, recipe={"quantization_aware": 0.3}),
    _on_scenes("scenes-plain", {}),
    _on_scenes("scenes-mixstyle", _MIXSTYLE),
    _on_scenes("scenes-responses", _RESPONSES),
    _on_scenes("scenes-both", {**_RESPONSES, **_MIXSTYLE}),
)

COMPARISONS = (
    Comparison(
        "Distillation",
        "netease-student by the recipe of its report, with three seeds on the split in which the "
        "last fold tests. Its teacher is the netease-teacher of the table above, one of four, that "
        "has had few epochs, or deepsound-64 by the recipe of its report. A network learns what a "
        "teacher says of a whole clip, the mean over its windows, or of the very second, one of "
        "nine in a clip, that the network is trained on.",
        {
            "from labels alone": "student-alone",
            "from the teacher too, of whole clips": "student-taught",
            "from the teacher too, of each second": "student-taught-places",
            "from deepsound-64 too, of each second": "student-taught-well",
            "(deepsound-64, on windows of a second)": GOOD_TEACHER,
        },
    ),
    Comparison(
        "Recipe",
        "The report's own recipe against that of a planned search (studies/planned.toml), on the "
        "same folds.",
        {
            f"{name}, {whose}": f"{name}{suffix}"
            for name in _OTHER_RECIPE
            for whose, suffix in (("of its report", ""), ("planned", "-planned"))
        },
    ),
    Comparison(
        "Pruning",
        f"{_SMALL} by the recipe of a planned search, with three seeds on the split in which the "
        "last fold tests. Channels are pruned by 20 % three times: set to zero, or removed. Those "
        "set to zero are chosen as in the IMT report, in each kernel and in the scales of each "
        "batch norm by themselves, so that few channels have both.",
        {
            "none": "vggnet-whole",
            "unstructured, 80 %": "vggnet-magnitude",
            "channels set to zero": "vggnet-channels",
            "channels removed": "vggnet-removal",
        },
    ),
    Comparison(
        "Eight bits",
        "As for pruning; trained in is fake quantization over the last 30 % of the steps.",
        {
            "float32": "vggnet-whole",
            "int8 after training": "vggnet-int8",
            "int8 trained in": "vggnet-int8-trained",
            "activations in int8, too, after training": "vggnet-full-int8",
        },
    ),
    Comparison(
        "Devices",
        f"{_SMALL}, unpruned, by the recipe of a planned search on the synthetic scenes, with "
        "three seeds; judged on the test clips of the three devices that training has none of.",
        {
            "neither": "scenes-plain",
            "Freq-MixStyle": "scenes-mixstyle",
            "impulse responses": "scenes-responses",
            "both": "scenes-both",
        },
        unseen=True,
    ),
)


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, the cheapest first; a teacher before what learns from it."""
    models = [*report_models(), *report_ensembles()]
    return tuple(sorted([*map(model_row, models), *_PAIRED], key=lambda row: row.cost))


def _row(name: str) -> Row:
    return next((row for row in _PAIRED if row.name == name), None) or model_row(name)

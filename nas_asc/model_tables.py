"""The `[models.ID]` tables of a search space: the report models in it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from nas_asc.choice_checks import choice_faults
from nas_asc.errors import did_you_mean, hinted, meant, misspelt, nearest, shown
from nas_asc.space import ReportModel, SearchSpace
from nas_asc.toml_file import Fault
from nas_asc.vocabulary import (
    DOMAINS,
    MODEL_DOMAINS,
    NAMING_DOMAINS,
    PRINTED,
    PRINTED_NUMBER,
    section_kind,
)

_MODEL_KEYS = (*MODEL_DOMAINS, *NAMING_DOMAINS, "printed", "choices", "like")


def read_models(
    tables: object,
    space: SearchSpace,
    unknown: Callable[[str], bool],
    faults: list[Fault],
    whole: bool = True,
) -> dict[str, ReportModel]:
    """Read the tables of the models of a space; there are no models where there are faults.

    Args:
        tables: by id.
        space: of the sections without a fault.
        unknown: says whether a section is none of these, so that nothing is said about the choices
            in it.
        faults: of the sections; those of the models are added.
        whole: whether none may stand in a table whose name is misspelt, so that nothing is said to
            be missing.
    """
    if not isinstance(tables, dict) or not all(map(_is_table, tables.values())):
        faults.append(Fault("models", "models: expected one table per model, [models.ID]"))
        return {}
    parted = parted_tables(tables, "choices")
    unfinished = of_two(parted) if whole else {*tables}
    faults += [
        Fault(
            f"models.{model_id}",
            f"models.{model_id}: expected {', '.join(MODEL_DOMAINS)}, or like, beside its choices, "
            f"got choices alone{did_you_mean(others)}",
        )
        for model_id, others in parted.items()
        if whole
    ]

    def faults_of(model_id: str) -> list[tuple[str, str]]:
        return _model_faults(model_id, tables, space, unknown, unfinished)

    for model_id in tables:
        found = faults_of(model_id)
        like = tables[model_id].get("like")  # what is wrong there is said there
        said = faults_of(like) if _stands_alone(like, tables) else []
        faults += [
            Fault(f"models.{model_id}.{path}", f"models.{model_id}: {text}")
            for path, text in found
            if (path, text) not in said
        ]
    return {} if faults else {name: _model(name, tables, space) for name in tables}


def _model_faults(
    model_id: str,
    tables: Mapping[str, Any],
    space: SearchSpace,
    unknown: Callable[[str], bool],
    unfinished: Collection[str],
) -> list[tuple[str, str]]:
    """Give what is wrong with a model: the path below its table, and the words."""
    own = tables[model_id]
    like = own.get("like")
    table, choices = _inherited(model_id, tables)
    original = tables[like] if _stands_alone(like, tables) else own
    complete = (
        model_id not in unfinished
        and "like" not in misspelt(table, _MODEL_KEYS)
        and (like is None or (original is not own and like not in unfinished))
        and (original is own or "choices" in original)
    )
    misplaced = {*_without_header(own), *_without_header(original)}
    faults = _key_faults({k: v for k, v in table.items() if k not in misplaced}, complete)
    if like is not None and original is own:
        hint = nearest(str(like), [other for other in tables if _stands_alone(other, tables)])
        text = f"like: expected a model that stands for itself, got {shown(like)}{hint}"
        faults.append(("like", text))
    faults += printed_faults(table.get("printed", {}))
    if choices is None:
        return [*faults, ("choices", f"choices: expected a table, got {shown(table['choices'])}")]
    sound = {path: v for path, v in choices.items() if not unknown(path.split(".")[0])}
    found = choice_faults({"": space.sections}, sound)
    complete &= "choices" not in hinted(table, _MODEL_KEYS)
    if "choices" not in table and complete and found:
        text = f"choices: expected a table, [models.{model_id}.choices], got nothing"
        return [*faults, ("choices", text)]
    faults += [
        (f"choices.{path}", f"{path}: expected a choice of the space{nearest(path, known)}")
        for path in choices
        if path not in sound
        and (known := _paths(path.split(".")[0]))
        and path not in known  # whatever is wrong with the section
    ]
    return faults + [
        (f"choices.{path}", f"{path}: {text}")
        for path, text in found.items()
        if complete or path in choices or any(c.startswith(f"{path}.") for c in choices)
    ]


def _without_header(table: Mapping[str, Any]) -> list[str]:
    """Name the sections that stand in a model's own table, as where the line before is missing."""
    return [] if "choices" in table else [key for key in table if section_kind(key)]


def _key_faults(table: Mapping[str, Any], complete: bool) -> list[tuple[str, str]]:
    faults = [
        (key, f"{key}: expected a key of a model{nearest(key, _MODEL_KEYS)}")
        for key in table
        if key not in _MODEL_KEYS
    ]
    present = (*table, *misspelt(table, _MODEL_KEYS))
    for key, domain in {**MODEL_DOMAINS, **NAMING_DOMAINS}.items():
        if key in table and not domain.holds(table[key]):
            faults.append((key, f"{key}: {domain.refusal(table[key])}"))
        elif key in MODEL_DOMAINS and key not in present and complete:
            faults.append((key, f"{key}: expected {domain.expected}, got nothing"))
    return faults


def parted_tables(tables: Mapping[str, Mapping[str, Any]], part: str) -> dict[str, list[str]]:
    """Give the tables that have a part alone, each with those that it may be the part of.

    One name of the two is misspelt then: [models.A] and [models.B.choices].
    """
    alone = [name for name, table in tables.items() if set(table) == {part}]
    others = [name for name in tables if name not in alone]
    without = [name for name in others if not {part, "like"} & set(tables[name])]
    return {
        name: meant(name, without)
        or [other for other in without if name in meant(other, alone)]
        or meant(name, others)
        for name in alone
    }


def _paths(section: str) -> list[str]:
    """Give the paths of all keys that a section may have; none if there is no such section."""
    return [f"{section}.{key}" for key in DOMAINS.get(section_kind(section) or "", ())]


def of_two(parted: Mapping[str, list[str]]) -> set[str]:
    """Give the names of `parted_tables`: the parts, and what they may be the part of."""
    return {*parted, *chain(*parted.values())}


def printed_faults(printed: object) -> list[tuple[str, str]]:
    """Give what is wrong with the numbers that a report prints: path and words."""
    if not isinstance(printed, dict):
        return [("printed", f"printed: expected a table, got {shown(printed)}")]
    unknown = f"expected one of {', '.join(sorted(PRINTED))}"
    return [
        (
            f"printed.{key}",
            f"printed.{key}: "
            + (
                PRINTED_NUMBER.refusal(value) if key in PRINTED else unknown + nearest(key, PRINTED)
            ),
        )
        for key, value in printed.items()
        if key not in PRINTED or not PRINTED_NUMBER.holds(value)
    ]


def _model(model_id: str, tables: Mapping[str, Any], space: SearchSpace) -> ReportModel:
    table, choices = _inherited(model_id, tables)
    return ReportModel(
        id=model_id,
        report=table["report"],
        title=table.get("title", model_id),
        architecture=space.from_choices(choices or {}),
        classes=table["classes"],
        clip_s=float(table["clip_s"]),
        rule=table["rule"],
        printed=table.get("printed", {}),
        note=table.get("note", ""),
    )


def _stands_alone(model_id: object, tables: Mapping[str, Any]) -> bool:
    return isinstance(model_id, str) and model_id in tables and "like" not in tables[model_id]


def _inherited(
    model_id: str, tables: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Give a model's table and choices with what it takes over from the one that it is `like`.

    There are no choices where they are no table.
    """
    own = tables[model_id]
    like = own.get("like")
    table = {**tables[like], **own} if _stands_alone(like, tables) else own
    several = [t.get("choices", {}) for t in (tables[like] if table is not own else {}, own)]
    if not all(map(_is_table, several)):
        return {**table, "choices": next(c for c in several if not _is_table(c))}, None
    return table, dict(path for choices in several for path in _flat(choices))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

"""Reading a search space from its TOML; all faults are reported at once, each with its line."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_asc.architecture import Architecture, Value
from nas_asc.errors import ConfigError, nearest
from nas_asc.space import ReportModel, SearchSpace, Section
from nas_asc.space_checks import Fault, faults_between, read_section
from nas_asc.vocabulary import ABOVE_ZERO, MODEL_DOMAINS, NAMING_DOMAINS, PRINTED, section_kind

_MODEL_KEYS = (*MODEL_DOMAINS, *NAMING_DOMAINS, "printed", "choices", "like")
_FAMILY_KEYS = ("title", "family", "ensembles")
_REQUIRED = ("frontend", "head", "compression")
_KNOWN = ("title", "models", "stem", "stage1", *_REQUIRED)


@dataclass(frozen=True)
class TomlFile:
    """What stands in a TOML file, and where."""

    name: str
    text: str
    data: Mapping[str, Any]

    def error(self, faults: Sequence[Fault]) -> ConfigError:
        """Put faults into words: a line each, in the order of the file, with its name and line."""
        lines = dict(reversed(list(_lines(self.text))))
        placed = [(_line_of(fault.path, lines), fault.text) for fault in dict.fromkeys(faults)]
        placed.sort(key=lambda place: place[0] or len(self.text))
        names = [self.name if line is None else f"{self.name}:{line}" for line, _ in placed]
        return ConfigError(
            "\n".join(f"{name}: {text}" for name, (_, text) in zip(names, placed, strict=True))
        )


def read_toml(path: Path, what: str) -> TomlFile:
    """Read a TOML file, of which `what` is expected.

    Raises:
        ConfigError: it is absent, no UTF-8 text or no TOML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: expected {what}, {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return TomlFile(path.name, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: expected UTF-8 text, got the byte 0x{error.object[error.start]:02x}, "
            "save the file as UTF-8"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: expected TOML, got lists or tables nested too deeply") from None
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        raise ConfigError(f"{path}: expected TOML, {error}") from None


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Give the dotted path of each table and key of a valid TOML, with its line."""
    table, arrays = "", dict[str, int]()
    statement, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if statement else number
        statement += line + "\n"
        try:
            data = tomllib.loads(statement)
        except ValueError:  # it goes on in the next line
            continue
        if statement.lstrip().startswith("["):
            table = ""
            while data:
                ((key, data),) = data.items()
                table = f"{table}.{key}" if table else key
                if isinstance(data, list):
                    arrays[table] = arrays.get(table, 0) + 1
                    data = {}
                if table in arrays:
                    table = f"{table}.{arrays[table]}"
                yield table, start
        else:
            yield from ((path, start) for path in _paths(data, table))
        statement = ""


def _paths(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in table.items():
        path = f"{prefix}.{key}" if prefix else key
        yield path
        if isinstance(value, dict):
            yield from _paths(value, path)


def _line_of(path: str, lines: Mapping[str, int]) -> int | None:
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path)


def read_space(path: Path, load: Callable[[str], SearchSpace] | None = None) -> SearchSpace:
    """Read a search space.

    Args:
        path: of its TOML.
        load: gives the spaces, by name or path, that a space of several families is made of.

    Raises:
        ConfigError: the file is absent or not valid; the message has every fault.
    """
    file = read_toml(path, "a search space")
    title = str(file.data.get("title", path.stem))
    if "family" in file.data:
        families = _families(path, file, load)
        return SearchSpace(path.stem, title, families=families)
    faults: list[Fault] = []
    tables = {name: v for name, v in file.data.items() if name not in ("title", "models")}
    sections, unknown = _sections(tables, faults)
    space = SearchSpace(path.stem, title, sections)
    models = file.data.get("models", {})
    if not _is_table(models) or not all(map(_is_table, models.values())):
        faults.append(Fault("models", "models: expected one table per model, [models.ID]"))
        models = {}
    for model_id in models:
        found = _model_faults(model_id, models, space, unknown)
        like = models[model_id].get("like")  # what is wrong there is said there
        said = _model_faults(like, models, space, unknown) if _stands_alone(like, models) else []
        faults += [
            Fault(f"models.{model_id}.{path}", f"models.{model_id}: {text}")
            for path, text in found
            if (path, text) not in said
        ]
        if not faults:
            space.models[model_id] = _model(model_id, models, space)
    if faults:
        raise file.error(faults)
    return space


def check_architecture(architecture: Architecture) -> None:
    """Check that an architecture, read from a file, is a point that some space could have.

    Raises:
        ConfigError: it is not; the message has every fault.
    """
    faults = [
        Fault("", f"{name}.{key}: expected one value, got {value!r}")
        for name, values in architecture.sections.items()
        for key, value in values.items()
        if not isinstance(value, Value)
    ]
    if not faults:
        dropped = {"depth": 0}
        _sections({n: v for n, v in architecture.sections.items() if v != dropped}, faults)
    if faults:
        raise ConfigError("\n".join(f"architecture: {fault.text}" for fault in faults))


def _families(
    path: Path, file: TomlFile, load: Callable[[str], SearchSpace] | None
) -> dict[str, SearchSpace]:
    """Read the spaces that a space is made of; nas_asc/ensemble_file.py reads its ensembles."""
    faults = [
        Fault(key, f"{key}: expected one of {', '.join(_FAMILY_KEYS)}{nearest(key, _FAMILY_KEYS)}")
        for key in file.data
        if key not in _FAMILY_KEYS
    ]

    def refuse(text: str) -> None:
        faults.extend(Fault("family", f"family: {line}") for line in text.splitlines())

    names = file.data["family"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        refuse(f"expected a list of search spaces, got {names!r}")
        names = []
    families: dict[str, SearchSpace] = {}
    for name in names:
        try:
            space = load(name) if load else read_space(path.parent / name)
        except ConfigError as error:
            refuse(str(error))
            continue
        if space.families:
            refuse(f"expected a space of one family, got {name!r}")
        elif space.name in families:
            refuse(f"expected spaces of different names, got {space.name!r} twice")
        else:
            families[space.name] = space
    if faults:
        raise file.error(faults)
    return families


def _sections(
    tables: Mapping[str, Any], faults: list[Fault]
) -> tuple[tuple[Section, ...], Callable[[str], bool]]:
    """Give the sections without a fault, in order, and what says whether a name is of another."""
    sections: dict[str, Section] = {}
    found: list[Fault] = []
    broken: set[str] = set()
    meant: set[str] = set()  # by misspelt names
    for name, values in tables.items():
        hint = f", got {values!r}" if section_kind(name) else nearest(name, _KNOWN)
        kind = name if section_kind(name) else next((k for k in _KNOWN if f" {k!r}?" in hint), "")
        if kind != name or not isinstance(values, dict):
            found.append(Fault(name, f"{name}: expected a section of a space{hint}"))
            meant.add(kind)
            broken.add(name)
        if section_kind(kind) and isinstance(values, dict):
            section, own = read_section(kind, values)
            found += [Fault(*(name + part.removeprefix(kind) for part in fault)) for fault in own]
            if own:
                broken.add(name)
            if kind == name:
                sections[name] = section
    for name in _REQUIRED:
        if name not in tables:
            broken.add(name)
            if name not in meant:
                found.append(Fault(name, f"{name}: expected this section, got none"))
    faults += found
    faults += faults_between(sections, {fault.path for fault in found})
    stages = [name for name in sections if section_kind(name) == "stage"]
    stages.sort(key=lambda name: int(name.removeprefix("stage") or 0) if name != "stem" else 0)
    order = ["frontend", *stages, "head", "compression"]
    sound = tuple(sections[name] for name in order if name in sections and name not in broken)
    return sound, lambda name: name in broken or (bool(meant) and name not in sections)


def _model_faults(
    model_id: str,
    tables: Mapping[str, Any],
    space: SearchSpace,
    unknown: Callable[[str], bool],
) -> list[tuple[str, str]]:
    """Give what is wrong with a model: the path below its table, and the words."""
    like = tables[model_id].get("like")
    table, choices = _inherited(model_id, tables)
    faults = [
        (key, f"{key}: expected a key of a model{nearest(key, _MODEL_KEYS)}")
        for key in table
        if key not in _MODEL_KEYS
    ]
    complete = like is None or _stands_alone(like, tables)
    if not complete:
        known = [other for other in tables if _stands_alone(other, tables)]
        meant = nearest(str(like), known)
        text = f"like: expected a model that stands for itself, got {like!r}{meant}"
        faults.append(("like", text))
    for key, domain in {**MODEL_DOMAINS, **NAMING_DOMAINS}.items():
        if key in table and not domain.holds(table[key]):
            faults.append((key, f"{key}: {domain.refusal(table[key])}"))
        elif key in MODEL_DOMAINS and key not in table and complete:
            faults.append((key, f"{key}: expected {domain.expected}, got nothing"))
    faults += printed_faults(table.get("printed", {}))
    if choices is None:
        return [*faults, ("choices", f"choices: expected a table, got {table['choices']!r}")]
    sound = {path: v for path, v in choices.items() if not unknown(path.split(".")[0])}
    return faults + [
        (f"choices.{path}", f"{path}: {text}")
        for path, text in space.choice_faults(sound).items()
        if complete or path in choices
    ]


def printed_faults(printed: object) -> list[tuple[str, str]]:
    """Give what is wrong with the numbers that a report prints: path and words."""
    if not isinstance(printed, dict):
        return [("printed", f"printed: expected a table, got {printed!r}")]
    unknown = f"expected one of {', '.join(sorted(PRINTED))}"
    return [
        (
            f"printed.{key}",
            f"printed.{key}: "
            + (ABOVE_ZERO.refusal(value) if key in PRINTED else unknown + nearest(key, PRINTED)),
        )
        for key, value in printed.items()
        if key not in PRINTED or not ABOVE_ZERO.holds(value)
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

"""What is wrong with a table, in one wording: path, what was expected, what was found.

Conventions: a fault reads `recipe.batch_size: expected a whole number from 1 to 1,000, got 0`; an
unknown key names the nearest known one. Items of lists are counted from 1. This file does not
import pydantic, which takes longer than most commands: it works on what the caller's gives.
"""

from collections.abc import Collection, Iterator, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from nas_asc.errors import nearest, short_repr
from nas_asc.toml_file import Fault

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_MOST_LISTED = 20  # known keys
_SORTS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def unknown_key(key: str, known: Collection[str]) -> str:
    """Return what was expected instead of an unknown key, with the nearest known one."""
    expected = f"one of {', '.join(known)}" if len(known) <= _MOST_LISTED else "a known key"
    return f"expected {expected}{nearest(key, known)}"


def faults_of(error: "ValidationError", model: "type[BaseModel]") -> list[Fault]:
    """Return what pydantic found wrong, in the wording of all faults.

    A validator of ours that refuses one value raises ValueError("expected ..., got ..."); one that
    refuses a whole table raises ValueError("key: expected ..., got ..."). Either may have a line
    per fault.

    Args:
        error: what validating a table raised.
        model: of the whole table; its annotations say what was expected.
    """
    return [fault for details in error.errors() for fault in _faults(details, model)]


def _faults(details: Mapping[str, Any], model: "type[BaseModel]") -> Iterator[Fault]:
    loc = details["loc"]
    path = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    if details["type"] == "value_error":
        for line in str(details["ctx"]["error"]).splitlines():
            text = line.removeprefix(f"{loc[-1]}: ") if loc else line
            key, _, message = text.partition(": ")
            if text.startswith("expected"):
                yield Fault(path, text)
            else:
                yield Fault(f"{path}.{key}" if path else key, message)
        return
    if details["type"] == "extra_forbidden":
        known = list(getattr(_annotation(model, loc[:-1]), "model_fields", ()))
        text = unknown_key(str(loc[-1]), known)
    else:
        annotation = _annotation(model, loc)
        got = "nothing" if details["type"] == "missing" else short_repr(details["input"])
        text = f"expected {_words(annotation)}, got {got}"
        if details["type"] == "literal_error":
            text += nearest(str(details["input"]), map(str, get_args(_bare(annotation)[0])))
    yield Fault(path, text)


def _annotation(model: object, loc: tuple[int | str, ...]) -> object:
    """Return the annotation of what stands at a place in a table."""
    found = model
    for part in loc:
        base, _ = _bare(found)
        fields = getattr(base, "model_fields", {})
        items = [item for item in get_args(base) if item is not Ellipsis]
        if part in fields:
            found = Annotated[fields[part].annotation, *fields[part].metadata, "field"]
        elif not fields and items:  # of a list, or by the keys of a table
            found = items[-1]
    return _bare(found)[0] if hasattr(_bare(found)[0], "model_fields") else found


def _bare(annotation: object) -> tuple[Any, list[object]]:
    """Return a type without "or None", and what is annotated to it."""
    metadata: list[object] = []
    while True:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            annotation = arguments[0]
            for each in arguments[1:]:
                metadata += getattr(each, "metadata", [each])
            continue
        some = [each for each in arguments if each is not type(None)]
        if origin in (Union, UnionType) and len(some) == 1:
            annotation = some[0]
            continue
        return annotation, metadata


def _words(annotation: object) -> str:
    """Return what a value may be: "a number above 0, at most 1"."""
    base, metadata = _bare(annotation)
    if get_origin(base) is Literal:
        return f"one of {', '.join(map(str, get_args(base)))}"
    if base not in _SORTS:
        listed = get_origin(base) or base
        return "a list" if listed in (list, tuple) else "a table" if base is not Any else "a value"
    bound = {
        name: f"{value:,}"
        for each in metadata
        for name in ("ge", "gt", "le", "lt")
        if (value := getattr(each, name, None)) is not None
    }
    words = _SORTS[base]
    if "ge" in bound and len(bound) == 2:
        return f"{words} from {bound['ge']} to {bound.get('le') or 'below ' + bound['lt']}"
    names = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    limits = ", ".join(f"{names[name]} {bound[name]}" for name in names if name in bound)
    return f"{words} {limits}" if limits else words

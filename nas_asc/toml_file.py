"""A TOML file with its lines: whatever is wrong in it is told with the line where it stands."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nas_asc.errors import ConfigError

_MOST_NESTED = 20  # lists and tables in one another: every shipped file has at most six
# What a line end or bracket is, and the strings and comments where it is none. A string in three
# quotes may end with two of its own.
_TOKEN = re.compile(
    r'''"""(?:[^"\\]+|\\.|"(?!""))*+"{3,5}|'{3}.*?'{3,5}'''
    r"""|"(?:[^"\\]+|\\.)*+"|'[^']*'|#[^\n]*|[\[\]{}\n]""",
    re.DOTALL,
)
_MANY_DIGITS = re.compile(r"(\d_?){4300}")


class Fault(NamedTuple):
    """What is wrong, and the dotted path of where it stands in the TOML."""

    path: str
    text: str


@dataclass(frozen=True)
class TomlFile:
    """What stands in a TOML file, and where; `name` is its path as it was given."""

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
        data = tomllib.loads(text)
        if _is_nested_deeply(data):
            raise RecursionError
        return TomlFile(str(path), text, data)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: expected UTF-8 text, got the byte "
            f"0x{error.object[error.start]:02x}, save the file as UTF-8"
        ) from None
    except RecursionError:
        refusal = "expected TOML, got lists or tables nested too deeply"
        raise ConfigError(f"{path}: {refusal}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}:{_in_words(str(error), text)}") from None
    except ValueError:
        digits = _MANY_DIGITS.search(text)
        line = text.count("\n", 0, digits.start() if digits else 0) + 1
        refusal = "expected TOML, got a number of thousands of digits"
        raise ConfigError(f"{path}:{line}: {refusal}") from None


def _is_nested_deeply(data: Mapping[str, Any]) -> bool:
    """Say so of what functions that call themselves would not come to the end of."""
    level: list[Any] = [data]
    for _ in range(_MOST_NESTED):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inside for value in values if isinstance(value, dict | list)]
    return level != []


def _in_words(error: str, text: str) -> str:
    """Put the line of what tomllib says in front: "7: expected TOML, invalid value (column 3)"."""
    what, _, place = error.rpartition(" (at ")
    found = re.fullmatch(r"line (\d+), column (\d+)\)", place)
    line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
    column = f"column {found[2]}" if found else "at the end of the file"
    return f"{line}: expected TOML, {what[:1].lower()}{what[1:]} ({column})"


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Give the dotted path of each table and key of a valid TOML, with its line."""
    table, arrays = "", dict[str, int]()
    for statement, start in _statements(text):
        data = tomllib.loads(statement)
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


def _statements(text: str) -> Iterator[tuple[str, int]]:
    """Cut a valid TOML at the line ends outside of brackets and strings; each with its line."""
    begin, start, number, depth = 0, 1, 1, 0
    for token in _TOKEN.finditer(text + "\n"):
        found = token[0]
        number += found.count("\n")
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        if found == "\n" and not depth:
            yield text[begin : token.end()], start
            begin, start = token.end(), number


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

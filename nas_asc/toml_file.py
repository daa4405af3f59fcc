"""A TOML file with its lines: whatever is wrong in it is told with the line where it stands."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nas_asc.errors import ConfigError

_MOST_NESTED = 20  # tables in one another: every shipped file has at most six
_HEADER = re.compile(r"\s*(\[\[?)([^\[\]#=]+)\]")


class Fault(NamedTuple):
    """What is wrong, and the dotted path of where it stands in the TOML."""

    path: str
    message: str

    @property
    def text(self) -> str:
        """The line that a user reads."""
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True)
class TomlFile:
    """What stands in a TOML file, and where; `name` is its path as it was given."""

    name: str
    text: str
    data: Mapping[str, Any]

    def error(self, faults: Sequence[Fault]) -> ConfigError:
        """Return faults in words: a line each, in the order of the file, with its name and line."""
        lines = _lines(self.text)
        placed = [(_line_of(fault.path, lines), fault.text) for fault in dict.fromkeys(faults)]
        placed.sort(key=lambda place: place[0] or len(self.text))
        return ConfigError(
            "\n".join(
                f"{self.name}: {text}" if line is None else f"{self.name}:{line}: {text}"
                for line, text in placed
            )
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
        file = TomlFile(str(path), text, tomllib.loads(text))
        tables: list[Any] = [file.data]
        for _ in range(_MOST_NESTED):
            tables = [v for table in tables for v in table.values() if isinstance(v, dict)]
        if tables:
            raise RecursionError
        return file
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: expected UTF-8 text, got the byte "
            f"0x{error.object[error.start]:02x}, save the file as UTF-8"
        ) from None
    except RecursionError:
        refusal = "expected TOML, got lists or tables nested too deeply"
        raise ConfigError(f"{path}: {refusal}") from None
    except ValueError as error:  # no TOML, or more digits than Python reads
        found = re.search(r"\(at line (\d+)", what := str(error))
        place = f"{path}:{found[1]}" if found else path
        raise ConfigError(f"{place}: expected TOML, {what[:1].lower()}{what[1:]}") from None


def _lines(text: str) -> dict[str, int]:
    """Return the line of each table and key, as far as they begin a line; items count from 1.

    What looks like one inside a text of several lines is taken for one: its path is nobody's.
    """
    lines: dict[str, int] = {}
    table, arrays = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path = _plain(header[2])
            for array, items in arrays.items():
                if path.startswith(f"{array}."):
                    path = f"{array}.{items}{path.removeprefix(array)}"
            if header[1] == "[[":
                arrays[path] += 1
                path = f"{path}.{arrays[path]}"
            table = path
        elif "=" in line:
            key = _plain(line.partition("=")[0])
            path = f"{table}.{key}" if table else key
        else:
            continue
        while path:
            lines.setdefault(path, number)
            path = path.rpartition(".")[0]
    return lines


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def _line_of(path: str, lines: Mapping[str, int]) -> int | None:
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path)

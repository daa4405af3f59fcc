"""Patterns of file names that say what a clip is, such as `{label}_{speaker}_{take}`.

Conventions: a pattern is held against the name without its suffix, or against as many folders above
it too as the pattern has slashes. `*` stands for anything. A field does not hold the letters that
stand around it in the pattern, except `{label}`: `{label}_{take}` reads dog_bark_3 as dog_bark and
3. Of two fields side by side the first ends where digits begin, unless it says how many letters it
has: `{speaker:2}{text:3}{label:1}{take:1}` reads 03a01Fa as 03, a01, F and a.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nas_asc.datasets.columns import ROLES, SPLIT_WORDS
from nas_asc.datasets.folder import is_audio
from nas_asc.errors import ConfigError, printable

_PIECE = re.compile(r"\{(?P<field>\w*)(:(?P<length>[1-9]\d*))?\}|(?P<any>\*)|(?P<text>[^{}*]+)")
_KINDS = (str.isdecimal, str.isupper, str.islower)  # of letters, where a field may begin
_SEPARATORS = "_-. +#@~"
_SHARE = 0.9  # of the names that a proposal has to read


@dataclass(frozen=True)
class NamePattern:
    """A pattern as given, and what reads a path by it."""

    text: str
    fields: tuple[str, ...]
    regex: re.Pattern[str]

    def read(self, path: PurePosixPath) -> Mapping[str, str] | None:
        """Return what the fields hold, or None where the pattern does not match."""
        depth = self.text.count("/") + 1
        stem = path.with_suffix("") if is_audio(path) else path
        match = self.regex.fullmatch("/".join(stem.parts[-depth:]))
        return match.groupdict() if match else None


def parse_names(text: str) -> NamePattern:
    """Read a pattern of file names.

    Raises:
        ConfigError: it has no field, one twice, or a brace that stands for nothing.
    """
    pieces = list(_PIECE.finditer(text))
    fields = [piece["field"] for piece in pieces if piece["field"] is not None]
    example = "such as '{label}_{speaker}_{take}'"
    if "".join(piece[0] for piece in pieces) != text or not all(map(str.isidentifier, fields)):
        raise ConfigError(f"--names: expected fields in braces, {example}, got {text!r}")
    if len(set(fields)) < len(fields) or not fields:
        raise ConfigError(f"--names: expected fields, each once, {example}, got {text!r}")
    last = pieces[-1]["text"]
    if last and "." in last:  # a suffix that was given is no part of the name
        _, dot, suffix = last.rpartition(".")
        if is_audio(PurePosixPath(f"x.{suffix}")):
            return parse_names(text[: -len(dot + suffix)])
    regex = ""
    for number, piece in enumerate(pieces):
        name = piece["field"]
        if name is None:
            regex += "[^/]*" if piece["any"] else re.escape(piece["text"])
            continue
        before = pieces[number - 1]["text"] if number else None
        after = pieces[number + 1] if number + 1 < len(pieces) else None
        if piece["length"]:
            held = f"[^/]{{{piece['length']}}}"
        elif after is not None and after["field"] is not None:
            held = r"[^/\d]+"
        elif name.lower() in ROLES["label"]:
            held = "[^/]+"
        else:
            around = {(before or "/")[-1], ((after and after["text"]) or "/")[0], "/"}
            held = "[^" + "".join(map(re.escape, sorted(around))) + "]+"
        regex += f"(?P<{name}>{held})"
    return NamePattern(text, tuple(fields), re.compile(regex, re.DOTALL))


def propose_names(paths: Sequence[PurePosixPath]) -> str:
    """Return a pattern that reads most names of files, with what its fields hold, or nothing."""
    stems = [path.stem for path in paths if is_audio(path)]
    for text in _candidates(stems):
        pattern = parse_names(text)
        read = [fields for path in paths if (fields := pattern.read(path)) is not None]
        values: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for fields in read:
            for name, value in fields.items():
                values[name][value] += 1
        words = {value.strip(_SEPARATORS).lower() for value in values["label"]}
        splits = words <= SPLIT_WORDS
        labels = 0 if splits else len(values["label"])
        if len(read) >= _SHARE * len(paths) and 2 <= labels <= len(read) / 2:
            held = "; ".join(f"{name} would be {_some(values[name])}" for name in pattern.fields)
            return f"--names '{text}' ({held})"
    return ""


def _candidates(stems: Sequence[str]) -> list[str]:
    """List patterns that may read names.

    Fields between separators, or letters and a number, or fields that have the same place in all.
    """
    found = []
    counts = Counter(letter for stem in stems for letter in set(stem) if letter in _SEPARATORS)
    for separator, count in counts.most_common():
        if count < _SHARE * len(stems):
            break
        parts, times = Counter(stem.count(separator) + 1 for stem in stems).most_common(1)[0]
        if times >= _SHARE * len(stems):
            alike = [stem.split(separator) for stem in stems if stem.count(separator) == parts - 1]
            columns = list(zip(*alike, strict=True))
            found.append(separator.join(_field_names(columns)))
        found.append(f"{{label}}{separator}{{take}}")
    return [*found, "{label}{take}", *_of_fixed_places(stems)]


def _of_fixed_places(stems: Sequence[str]) -> list[str]:
    """List the pattern of names of one length whose fields begin where the kind of letter changes.

    As in 03a01Fa: two digits, a letter, two digits, a capital, a letter.
    """
    length = Counter(map(len, stems)).most_common(1)[0][0]
    alike = [stem for stem in stems if len(stem) == length]
    places = zip(*alike, strict=True)
    kinds = [{tuple(kind(letter) for kind in _KINDS) for letter in place} for place in places]
    starts = [n for n in range(length) if n == 0 or kinds[n] != kinds[n - 1]]
    one_kind = all(len(found) == 1 for found in kinds)  # not so in a hash
    if len(starts) < 2 or len(alike) < _SHARE * len(stems) or not one_kind:
        return []
    ends = [*starts[1:], length]
    columns = [[stem[start:end] for stem in alike] for start, end in zip(starts, ends, strict=True)]
    return [
        "".join(
            f"{name[:-1]}:{len(column[0])}}}"
            for name, column in zip(_field_names(columns), columns, strict=True)
        )
    ]


def _field_names(columns: Sequence[Sequence[str]]) -> list[str]:
    """Name the fields: a label repeats much, a take is a number that ends names."""
    many = len(columns[0])
    distinct = [len(set(column)) for column in columns]
    could_label = [n for n, count in enumerate(distinct) if 2 <= count <= many / 3]
    label = could_label[0] if could_label else 0
    names = []
    for number, column in enumerate(columns):
        if number == label:
            names.append("{label}")
        elif number == len(columns) - 1 and all(value.isdecimal() for value in column):
            names.append("{take}")
        else:
            names.append(f"{{field{number + 1}}}")
    return names


def _some(values: Counter[str]) -> str:
    shown = [printable(value) for value in sorted(values)[:3]]
    return f"{', '.join(shown)}{', ...' if len(values) > 3 else ''}: {len(values)} values"

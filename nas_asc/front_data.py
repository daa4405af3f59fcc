"""`front.json` and `front.csv`: the front of a run folder, for scripts and spreadsheets.

Conventions: `front.json` is what `search --json` prints and, under "points", every trial that was
trained to the end, so that tables and plots can be made from it alone. `front.csv` has one row per
point of the front: the columns of a point, then one column per choice, named by its dotted path;
an empty cell is a choice that the architecture does not have. NaN and infinity are in neither.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence

from nas_asc.budget import Budget
from nas_asc.errors import RunError
from nas_asc.pareto import POINT_COLUMNS, Point
from nas_asc.summary import Summary


def front_json(summary: Summary) -> str:
    """Write a summary as the text of `front.json`."""
    precisions = summary.budget.precisions
    content = summary.to_dict() | {
        "class_names": summary.classes,
        "precisions": precisions,
        "points": [point.to_dict() for point in summary.points],
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def parse_front_json(text: str, name: str = "front.json") -> Summary:
    """Read what `front_json` wrote.

    Args:
        text: the content of the file.
        name: what to call the file in an error.

    Raises:
        RunError: it is no such file.
    """
    try:
        content = json.loads(text)
        precisions = content["precisions"]
        return Summary(
            run=content["run"],
            space=content["space"],
            rule=content["rule"],
            seed=content["seed"],
            objective=content["objective"],
            budget=Budget(
                **content["budget"],
                precisions=None if precisions is None else tuple(precisions),
            ),
            data=content["data"],
            classes=tuple(content["class_names"]),
            trials=content["trials"],
            points=tuple(Point(**point) for point in content["points"]),
            seeds_over_budget=tuple(content["seeds_over_budget"]),
            seeds_adapted=tuple(content.get("seeds_adapted", ())),
            ensembles_skipped=tuple(content.get("ensembles_skipped", ())),
            seeds_skipped=tuple(content.get("seeds_skipped", ())),
            seconds=content["seconds"],
        )
    except (ValueError, TypeError, KeyError) as fault:
        raise RunError(
            f"{name}: expected the front of a search, got {type(fault).__name__}: {fault}; "
            "search --resume writes it anew"
        ) from fault


def front_csv(points: Sequence[Point]) -> str:
    """Write points as the text of `front.csv`."""
    choices = _choice_columns(points)
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*POINT_COLUMNS, *choices])
    for point in points:
        values = [getattr(point, column) for column in POINT_COLUMNS]
        writer.writerow(
            ["" if value is None else str(value) for value in values]
            + [_cell(point.choices[c]) if c in point.choices else "" for c in choices]
        )
    return file.getvalue()


def parse_front_csv(text: str, name: str = "front.csv") -> list[Point]:
    """Read what `front_csv` wrote.

    Raises:
        RunError: it is no such file.
    """
    readers: dict[str, Callable[[str], object]] = dict.fromkeys(POINT_COLUMNS, int)
    readers |= dict.fromkeys(("accuracy", "log_loss", "sparsity"), float)
    readers |= {"precision": str, "model": lambda cell: cell or None}
    try:
        points = []
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
            values = {column: readers[column](row.pop(column)) for column in POINT_COLUMNS}
            choices = {column: _value(cell) for column, cell in row.items() if cell != ""}
            points.append(Point(**values, choices=choices))  # type: ignore[arg-type]  # by column
        return points
    except (ValueError, TypeError, KeyError, csv.Error) as fault:
        raise RunError(
            f"{name}: expected a front as `front --csv` writes it, "
            f"got {type(fault).__name__}: {fault}"
        ) from fault


def _choice_columns(points: Iterable[Point]) -> list[str]:
    """Merge the choices of all points into one order that keeps that of each as far as it can."""
    merged: list[str] = []
    for point in points:
        place = 0
        for path in point.choices:
            if path in merged:
                place = merged.index(path) + 1
            else:
                merged.insert(place, path)
                place += 1
    return merged


def _cell(value: object) -> str:
    """Write a choice: as JSON, or bare if it is a word that no JSON reader takes for a value."""
    if not isinstance(value, str):
        return json.dumps(value, allow_nan=False)
    bare = value != "" and value.isprintable() and not _is_json(value)
    return value if bare else json.dumps(value)


def _value(cell: str) -> object:
    return json.loads(cell) if _is_json(cell) else cell


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True

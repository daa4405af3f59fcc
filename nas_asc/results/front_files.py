"""The files of a run folder that show its front: data, pictures and the page.

Conventions: `front.json` is what `search --json` prints and, under "points", every trial that was
trained to the end, and ensembles of them. `front.csv` has one row per point of the front: the
columns of a point, `on_front` (error measures, a space between them), then one column per choice,
named by its dotted path; an empty cell is a choice that the architecture does not have. Where the
front was trained again, mean and standard deviation of its figures stand before the choices
(`Figures.to_row`). NaN and infinity are in neither.
"""

import csv
import io
import json
from pathlib import Path

from nas_asc.errors import RunError
from nas_asc.files import write_atomically
from nas_asc.results.figures.front import front_pictures
from nas_asc.results.page import front_html
from nas_asc.results.summary import Summary, choice_columns


def front_json(summary: Summary) -> str:
    """Return the text of `front.json`."""
    content = summary.to_dict() | {
        "class_names": summary.classes,
        "precisions": summary.budget.precisions,
        "points": [summary.point_to_dict(point) for point in summary.shown],
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def front_csv(summary: Summary) -> str:
    """Return the text of `front.csv`."""
    choices = choice_columns(point.choices for point in summary.front)
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*summary.columns, "on_front", *summary.final_columns, *choices])
    for point in summary.front:
        again = summary.final_row(point)
        values = [getattr(point, column) for column in summary.columns]
        values += [" ".join(summary.on_front(point))]
        values += [again.get(column) for column in summary.final_columns]
        writer.writerow(
            ["" if value is None else str(value) for value in values]
            + [_cell(point.choices[c]) if c in point.choices else "" for c in choices]
        )
    return file.getvalue()


def _cell(value: object) -> str:
    """Return a choice as JSON, or bare if it is a word that no JSON reader takes for a value."""
    if isinstance(value, str) and value.isprintable() and value:
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, allow_nan=False)


def write_front(summary: Summary, folder: Path) -> tuple[Path, ...]:
    """Write the front into a folder, each file in one step: whoever reads finds the old or the new.

    Args:
        summary: what to write.
        folder: where to; it is made if it does not exist.

    Returns:
        The paths of the files: front.json, .csv, .svg, .png and .html.

    Raises:
        RunError: the folder is full, or cannot be written.
    """
    paths = []

    def write(kind: str, content: str | bytes) -> None:
        paths.append(path := folder / f"front.{kind}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RunError(
                f"{path}: expected a file that can be written, found {reason} - the trials are "
                "kept: put that right, and search --resume writes their front"
            ) from error

    write("json", front_json(summary))
    write("csv", front_csv(summary))
    for kind, picture in front_pictures(summary).items():
        write(kind, picture)
    write("html", front_html(summary))
    return tuple(paths)

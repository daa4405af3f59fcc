"""An evaluation as a table, in words, and as files; and the submission of the challenge.

Conventions: as of `Evaluation`; tables have accuracies in percent. `evaluation.csv` has a row for
each part, and an empty cell where a figure is not known; NaN and infinity are in no file.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nas_asc.errors import StorageError
from nas_asc.files import write_atomically
from nas_asc.results.evaluation import (
    CALIBRATION_BINS,
    FEWEST_GROUPS,
    RESAMPLES,
    Evaluation,
    Interval,
    Part,
)
from nas_asc.results.figures.evaluation import evaluation_pictures
from nas_asc.units import number_of

_MOST_CONFUSED = 5  # pairs of classes that are told in words


def evaluation_csv(evaluation: Evaluation) -> str:
    """Return the parts as CSV, a row each."""
    rows = [part.to_row() for part in evaluation.parts]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _interval(interval: Interval | None, factor: int, digits: int) -> str:
    if interval is None:
        return "-"
    return f"{factor * interval.low:.{digits}f} to {factor * interval.high:.{digits}f}"


def _calibration(part: Part) -> str:
    return "-" if part.calibration_error is None else f"{part.calibration_error:.3f}"


def _named(part: Part) -> str:
    unseen = " (unseen)" if part.kind == "device" and part.seen is False else ""
    return f"{part.kind} {part.name}{unseen}".strip()


# A title, and what stands there of a part; numbers have a ">".
_COLUMNS: tuple[tuple[str, Callable[[Part], str]], ...] = (
    ("part", _named),
    (">clips", lambda p: f"{p.clips:,}"),
    (">groups", lambda p: f"{p.groups:,}"),
    (">acc. %", lambda p: f"{100 * p.accuracy:.1f}"),
    (">95 % of acc.", lambda p: _interval(p.accuracy_interval, 100, 1)),
    (">log loss", lambda p: f"{p.log_loss:.3f}"),
    (">95 % of log loss", lambda p: _interval(p.log_loss_interval, 1, 3)),
    (">macro log loss", lambda p: f"{p.log_loss_macro:.3f}"),
    (">cal. error", _calibration),
)


def evaluation_table(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Return the titles and rows of the table of parts; columns of numbers begin with ">"."""
    rows = [[cell(part) for _, cell in _COLUMNS] for part in evaluation.parts]
    return [title for title, _ in _COLUMNS], rows


def evaluation_header(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return what is needed to read the table: which model, and which clips, in words."""
    clips = number_of(evaluation.overall.clips, "clip")
    synthetic = " (made by a program, not recorded)" if evaluation.data[:9] == "synthetic" else ""
    which = "every clip" if evaluation.split == "all" else f"{evaluation.split} split"
    return [
        ("model", evaluation.model),
        ("data", f"{evaluation.data}{synthetic}, {which}: {clips}"),
    ]


def evaluation_notes(evaluation: Evaluation) -> list[str]:
    """Return what the figures mean, what is to be known of them, and what is confused most."""
    groups = evaluation.overall.groups
    few = f" (none with fewer than {FEWEST_GROUPS})" if groups < FEWEST_GROUPS else ""
    lines = [
        "accuracy is the mean over classes, log loss the mean over clips, macro log loss that over "
        "classes",
        f"95 % intervals: {RESAMPLES} resamples of the {number_of(groups, 'recording group')} with "
        f"replacement, percentiles{few}",
        f"calibration error: expected, {CALIBRATION_BINS} bins of equal width of the confidence "
        "(Guo et al. 2017)",
    ]
    if evaluation.windows is not None:
        lines.append(
            f"figures are of clips, by the mean over their windows; of {evaluation.windows:,} "
            f"windows by themselves: accuracy {evaluation.window_accuracy:.1%}, log loss "
            f"{evaluation.window_log_loss:.3f}"
        )
    if confused := list(_most_confused(evaluation)):
        lines.append(f"most often taken for another: {', '.join(confused)}")
    return [*lines, *evaluation.notes]


def _most_confused(evaluation: Evaluation) -> Iterator[str]:
    pairs = [
        (count, sum(row), true, predicted)
        for true, row in enumerate(evaluation.confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    pairs.sort(key=lambda pair: (-pair[0] / pair[1], pair[2:]))
    for count, total, true, predicted in pairs[:_MOST_CONFUSED]:
        yield f"{evaluation.classes[true]} for {evaluation.classes[predicted]} ({count} of {total})"


def evaluation_markdown(evaluation: Evaluation) -> str:
    """Return header, table and notes as Markdown."""
    titles, rows = evaluation_table(evaluation)
    rule = ["---:" if title.startswith(">") else "---" for title in titles]
    heads = [title.removeprefix(">") for title in titles]
    lines = [f"- {label}: {text}" for label, text in evaluation_header(evaluation)]
    lines += ["", *(f"| {' | '.join(cells)} |" for cells in (heads, rule, *map(_escaped, rows)))]
    lines += ["", *(f"- {note}" for note in evaluation_notes(evaluation))]
    return "\n".join(lines) + "\n"


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", r"\|") for cell in cells]


def write_evaluation(evaluation: Evaluation, folder: Path) -> tuple[Path, ...]:
    """Write evaluation.md, .csv, .json, .png and .svg into a folder, made if there is none.

    Raises:
        StorageError: the folder is full, or cannot be written.
    """
    values = json.dumps(evaluation.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    contents: dict[str, str | bytes] = {
        "md": evaluation_markdown(evaluation),
        "csv": evaluation_csv(evaluation),
        "json": f"{values}\n",
        **evaluation_pictures(evaluation),
    }
    paths = {folder / f"evaluation.{kind}": content for kind, content in contents.items()}
    for path, content in paths.items():
        write_file(path, content)
    return tuple(paths)


def submission(
    files: Sequence[str], classes: Sequence[str], probabilities: Sequence[Sequence[float]]
) -> str:
    r"""Return the challenge's submission: tab separated, a line for each file under a header.

    `files` are names as the challenge has them, such as "audio/x.wav". Their columns are filename,
    scene_label (the class of the largest probability, the first of equal ones) and the probability
    of each class, of (file, class), the classes in alphabetical order.
    """
    order = sorted(range(len(classes)), key=classes.__getitem__)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["filename", "scene_label", *(classes[c] for c in order)])
    for name, row in zip(files, probabilities, strict=True):
        best = max(range(len(classes)), key=lambda c: row[c])
        writer.writerow([name, classes[best], *(repr(float(row[c])) for c in order)])
    return text.getvalue()


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file of results in one step, in a folder that is made if there is none.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{path}: expected a file that can be written, found {reason} - put that right, or "
            "choose another place"
        ) from error

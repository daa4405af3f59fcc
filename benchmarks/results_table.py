"""The table of the trainings that `report_results.py` has stored.

Conventions: accuracies are macro, in percent; log losses are means over clips, in nats; both are of
test clips. A spread is the standard deviation of a sample (n - 1) over folds or seeds. Bytes are
those of the stored network, multiply-accumulates (MACs) those of one clip.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from results_rows import COMPARISONS, FEW, ONE_FOLD, Comparison, Row, costs_of, model_row, rows

from nas_asc.files import write_atomically
from nas_asc.reports import report_ensembles, report_models
from nas_asc.units import format_count

Stored = Mapping[str, Sequence[Mapping[str, Any]]]  # trainings by row

_INTRO = """# The networks of the reports on ESC-10

Written by `make results` (benchmarks/report_results.py); what is stored of each training is in
`esc10/`. Every network and ensemble is trained as `nas-asc reproduce` does, by the recipe of its
report, shortened in proportion to {epochs} epochs. ESC-10 is 400 clips of 5 s in ten classes and
five official folds: one fold tests, the one before it validates, the 240 clips of the others train.
So these figures say how the recipes do on other, small data, not what the reports reached on
theirs: those with large batches have few steps of the optimizer here. A guess is right for 10 % of
the clips, with a log loss of 2.303; of three classes for 33.3 %, with 1.099.

Accuracy is macro, in percent; log loss is the mean over test clips; each with mean and standard
deviation over trainings. Bytes are those of the stored network, MACs those of one clip, seconds
those of one training on a core that it may have shared, features included where they were not there
yet. Above {one_fold} MACs one fold is trained, the last one; above {few} for a few epochs, out of
the comparison and in brackets.
"""


def read_stored(results: Path) -> dict[str, list[dict[str, Any]]]:
    """Read what is stored of all trainings, by row."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(results.glob("*.json")):
        training = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(training["row"], []).append(training)
    return found


def write_table(results: Path, table: Path) -> None:
    """Write the page of all that is stored."""
    write_atomically(table, page(read_stored(results)))


def page(stored: Stored) -> str:
    """Return the page."""
    every = {row.name: row for row in rows()}
    models = [model_row(name) for name in (*report_models(), *report_ensembles())]
    models.sort(key=lambda row: costs_of(row).macs)
    machines = list(dict.fromkeys(t["machine"] for each in stored.values() for t in each))
    few, one_fold = format_count(FEW), format_count(ONE_FOLD)
    lines = [_INTRO.format(epochs=models[0].epochs, few=few, one_fold=one_fold)]
    lines += ["## Networks and ensembles", "", *_networks(models, stored, machines), ""]
    lines += ["## What differs in one thing", ""]
    for comparison in COMPARISONS:
        lines += [*_comparison(comparison, every, stored, machines), ""]
    if machines:
        kinds = "; ".join(f"{number}: {kind}" for number, kind in enumerate(machines, 1))
        lines += [f"Machines: {kinds}.", ""]
    lines += _missing(stored)
    return "\n".join(lines).rstrip() + "\n"


def _networks(models: Sequence[Row], stored: Stored, machines: Sequence[str]) -> Iterator[str]:
    """Yield the rows of the models, those out of the comparison last, and their notes."""
    heads = ("network", "accuracy", "log loss", "bytes", "MACs", "classes", "folds", "epochs")
    yield from _head(*heads, "steps", "seconds", "seed", "version", "machine", "notes")
    notes: dict[str, int] = {}
    epochs = models[0].epochs
    for row in sorted(models, key=lambda row: row.epochs != epochs):
        trained = stored.get(row.name, ())
        said = list(dict.fromkeys(note for each in trained for note in each["notes"]))
        said = said or [row.note] * bool(row.note)
        numbers = [str(notes.setdefault(note, len(notes) + 1)) for note in said]
        name = row.name if row.epochs == epochs else f"({row.name})"
        classes = "3" if row.data == "coarse" else "10"
        figures = _figures(row, trained)
        ends = (*_circumstances(trained, machines), ", ".join(numbers))
        yield _line(name, *figures[:4], classes, *figures[4:], *ends)
    yield ""
    for note, number in notes.items():
        yield f"{number}. {note[0].upper()}{note[1:]}."


def _comparison(
    comparison: Comparison, every: Mapping[str, Row], stored: Stored, machines: Sequence[str]
) -> Iterator[str]:
    """Yield the section of rows that differ in one thing."""
    yield f"### {comparison.title}"
    yield ""
    yield comparison.text
    yield ""
    heads = ("accuracy", "log loss", "bytes", "MACs", "trainings", "epochs", "steps", "seconds")
    yield from _head(comparison.title.lower(), *heads, "seed", "version", "machine")
    for label, name in comparison.rows.items():
        row, trained = every[name], stored.get(name, ())
        figures = _figures(row, trained, comparison.unseen)
        yield _line(label, *figures, *_circumstances(trained, machines))


def _figures(row: Row, trained: Sequence[Mapping[str, Any]], unseen: bool = False) -> list[str]:
    """Return accuracy, log loss, bytes, MACs, how many trainings, epochs, steps and seconds."""
    costs = costs_of(row)
    sizes = [f"{costs.stored_bytes:,}", format_count(costs.macs)]
    if not trained:
        return ["-", "-", *sizes, f"0 of {len(row.units)}", str(row.epochs), "-", "-"]
    judged = [each["unseen_devices"] if unseen else each for each in trained]
    count = f"{len(trained)}" + (f" of {len(row.units)}" if len(trained) < len(row.units) else "")
    return [
        spread([100 * each["accuracy"] for each in judged], 1),
        spread([each["log_loss"] for each in judged], 3),
        *sizes,
        count,
        _range([each["trained_epochs"] for each in trained], row.epochs),
        _range([each["steps"] for each in trained]),
        f"{fmean(each['seconds'] for each in trained):,.0f}",
    ]


def _circumstances(trained: Sequence[Mapping[str, Any]], machines: Sequence[str]) -> list[str]:
    """Return seed, version and machine."""
    seeds = dict.fromkeys(str(each["seed"]) for each in trained)
    versions = dict.fromkeys(each["version"] for each in trained)
    places = sorted({machines.index(each["machine"]) + 1 for each in trained})
    return [", ".join(words) or "-" for words in (seeds, versions, map(str, places))]


def spread(values: Sequence[float], digits: int) -> str:
    """Write mean and standard deviation, or the one value."""
    sd = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{sd}"


def _range(values: Sequence[int], of: int | None = None) -> str:
    """Write the lowest and highest value, and of how many where they are fewer."""
    low, high = min(values), max(values)
    words = f"{low}" if low == high else f"{low} to {high}"
    return words if of in (None, low) else f"{words} of {of}"


def _missing(stored: Stored) -> Iterator[str]:
    """Yield what has not been trained."""
    absent = {}
    for row in rows():
        done = {each["unit"] for each in stored.get(row.name, ())}
        if units := [unit.replace("-", " ") for unit in row.units if unit not in done]:
            absent[row.name] = "all" if not done else ", ".join(sorted(units))
    yield "## Not trained yet"
    yield ""
    yield "Nothing." if not absent else ""
    yield from (f"- {name}: {units}" for name, units in absent.items())


def _head(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield _line(*["---"] * len(names))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

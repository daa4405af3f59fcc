"""The table of the reports' networks on ESC-10: which rows there are, and what stands in them."""

import csv
import re
from argparse import Namespace
from collections import Counter
from pathlib import Path

import pytest

from nas_asc.datasets import Clip, Dataset
from nas_asc.reports import report_ensembles, report_models

ROOT = Path(__file__).parents[1]
IDS = (*report_models(), *report_ensembles())


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def training(row, unit, accuracy, log_loss, **more):
    return {
        **{"row": row, "unit": unit, "model": row, "data": "esc10", "seed": 0},
        **{"epochs": 30, "trained_epochs": 30, "steps": 60, "seconds": 100.0},
        **{"accuracy": accuracy, "log_loss": log_loss, "unseen_devices": None},
        **{"machine": "a processor", "version": "1.2.3 abcdef0", "notes": [], **more},
    }


def cells(page, name):
    """The cells of the first line of a table that begins with a name."""
    line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_means_and_deviations_are_those_of_the_trainings():
    from results_table import page

    stored = {
        "srpol-4": [
            training("srpol-4", "fold-5", 0.5, 1.0, seconds=90.0, notes=["a step falls away"]),
            training("srpol-4", "fold-4", 0.6, 2.0, seconds=110.0, trained_epochs=20, steps=40),
        ]
    }

    written = page(stored)

    found = cells(written, "srpol-4")
    # sample deviations by hand: |a - b| / sqrt(2)
    assert found[1:3] == ["55.0 ± 7.1", "1.500 ± 0.707"]
    # the report's 112,611 values of 4 bytes, with ten rows of 64 + 1 in the classifier, not three
    assert int(found[3].replace(",", "")) == 4 * (112_611 + 7 * 65)
    assert found[6:11] == ["2 of 5", "20 to 30 of 30", "40 to 60", "100", "0"]
    assert found[11:] == ["1.2.3 abcdef0", "1", "1"]
    assert "1. A step falls away." in written
    assert "- srpol-4: fold 1, fold 2, fold 3" in written


def test_devices_are_judged_on_those_unseen_in_training():
    from results_table import page

    unseen = {"accuracy": 0.25, "log_loss": 1.75, "clips": 180}
    stored = {"scenes-both": [training("scenes-both", "seed-0", 0.9, 0.1, unseen_devices=unseen)]}

    assert cells(page(stored), "both")[1:3] == ["25.0", "1.750"]


def test_each_network_and_ensemble_has_a_row_and_is_named_where_it_is_missing():
    from results_table import page

    empty = page({})
    whole = page({i: [training(i, f"fold-{n}", 0.5, 1.0) for n in range(1, 6)] for i in IDS})

    for name in IDS:
        assert re.search(rf"^\| \(?{name}\)? \| - \|", empty, re.MULTILINE)
        assert f"\n- {name}: all\n" in empty + "\n"
        assert f"\n- {name}: " not in whole


@pytest.mark.parametrize(
    ("name", "folds", "epochs"),  # by the multiply-accumulates on 5 s, half of those of the reports
    [("srpol-3", 5, 30), ("deepsound-128", 5, 30), ("srpol-c3multi", 1, 30), ("srpol-1", 1, 30),
     ("netease-teacher", 1, 5)],
)  # fmt: skip
def test_folds_and_epochs_follow_from_the_work(name, folds, epochs):
    from results_rows import model_row

    row = model_row(name)

    assert (len(row.units), row.epochs) == (folds, epochs)
    assert ("out of the comparison" in row.note) == (epochs < 30)


def test_rows_have_names_of_their_own_and_the_cheapest_come_first():
    from results_rows import COMPARISONS, rows

    names = [row.name for row in rows()]
    compared = {name for comparison in COMPARISONS for name in comparison.rows.values()}

    assert len({*names}) == len(names)
    assert {*IDS} | compared == {*names}
    assert [row.cost for row in rows()] == sorted(row.cost for row in rows())
    assert names.index("netease-teacher") < names.index("student-taught")


def test_only_what_is_not_stored_is_left(tmp_path):
    from report_results import left

    (tmp_path / "srpol-4-fold-4.json").write_text("{}")
    options = Namespace(results=tmp_path, only="srpol-4")

    found = [(row.name, unit) for row, unit in left(options) if row.name == "srpol-4"]

    assert found == [("srpol-4", f"fold-{number}") for number in (5, 3, 2, 1)]
    assert {row.model for row, _ in left(options)} == {"srpol-4"}


def test_three_coarse_classes_cover_all_ten():
    from results_rows import COARSE, ESC10_FINE

    with (ROOT / "studies" / "esc10_coarse.csv").open(encoding="utf-8", newline="") as file:
        clips = list(csv.DictReader(file))

    assert {*clips[0]} == {"filename", "fold", "label", "fine"}
    assert COARSE == ("animals", "people and machines", "weather, water and fire")
    assert {(clip["fine"], clip["label"]) for clip in clips} == {*ESC10_FINE.items()}
    # ESC-10: 40 clips of each of ten classes, 8 of each in each of five folds
    assert {*Counter((clip["fine"], clip["fold"]) for clip in clips).values()} == {8}
    assert len({clip["filename"] for clip in clips}) == 400
    assert all(clip["filename"].split("/")[1].startswith(clip["fold"]) for clip in clips)


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        # 240 clips are one step of 167, and 0.9 every 2 of 200 epochs is every 0.3 of 30
        ("srpol-3", ["the class weights fall away: they are of other classes",
                     "a step of the schedule (0.3 epochs) is shorter than a batch"]),
        # 4 steps of 64 in each of 30 epochs: (1 + 120) / (10 + 120)
        ("deepsound-160", ["the crop of 8 s falls away: clips have 5 s",
                           "the average of weights reaches 0.93 of 0.999"]),
        # 5 of 200 epochs are 0.75 of 30; 15 are 2.25
        ("imt-a", ["the patience of `schedule` is 1 epoch, in proportion 0.75"]),
        ("srpol-c3multi", []),
    ],
)  # fmt: skip
def test_notes_name_what_falls_away(name, notes):
    from report_results import notes_of, study_for
    from results_rows import ESC10_FINE, model_row

    clips = [Clip(Path(f"{n}.wav"), n % 10, "train", str(n), None, 1) for n in range(240)]
    made = (tuple(ESC10_FINE), tuple(clips), 5.0, False, 44100, 1, (), ())
    dataset = Dataset("ESC-10", Path("/made"), *made)
    row = model_row(name)

    assert list(notes_of(row, study_for(row, dataset), dataset)) == notes

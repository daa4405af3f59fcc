"""Reported beside measured: which rows of a report are the same as which parts of an evaluation."""

from dataclasses import replace

import pytest
from study_cases import DATASET

from nas_asc.commands.reproduce import _is_of, _reported, _study
from nas_asc.reports import find_model, load_report
from nas_asc.results import Evaluation, Part


def part(kind, name, accuracy):
    return Part(kind, name, 10, 5, accuracy, 1.0 + accuracy, 2.0)


MEASURED = Evaluation(
    model="runs/a/models/0",
    data="TAU",
    split="test",
    classes=("airport", "indoor"),
    parts=(
        part("all", "all", 0.5),
        part("class", "airport", 0.25),
        part("class", "indoor", 0.75),
        part("device", "s4", 0.125),
    ),
    confusion=((1, 0), (0, 1)),
)


def rows(report, model):
    return {
        (row.get("system"), row["of"]): row
        for row in _reported(load_report(report), model, MEASURED)
    }


def test_rows_of_all_clips_classes_and_devices_are_measured():
    found = rows("deepsound", "deepsound-160")
    assert found[None, "overall"]["reported"] == {"accuracy": 0.705, "log_loss": 0.848}
    assert found[None, "overall"]["measured"] == {"accuracy": 0.5, "log_loss": 1.5}
    assert found[None, "airport"]["measured"] == {"accuracy": 0.25, "log_loss": 1.25}
    assert found[None, "device S4"]["measured"] == {"accuracy": 0.125, "log_loss": 1.125}
    assert found[None, "device A"]["measured"] == {}  # of which no clip was judged


def test_what_a_report_gives_otherwise_has_nothing_beside_it():
    """NTU gives the share of all clips that are right beside the mean over classes."""
    found = rows("ntu", "ntu-ensemble")
    assert found["model 3", "overall, mean of five runs"]["measured"]["accuracy"] == 0.5
    assert found["model 3", "overall, micro, mean of five runs"]["measured"] == {}
    assert found["model 4", "indoor, best run"]["measured"]["accuracy"] == 0.75


@pytest.mark.parametrize(
    ("report", "edition", "same"),
    [
        ("srpol", "TAU Urban Acoustic Scenes 2020 3Class, development", True),
        ("deepsound", "TAU Urban Acoustic Scenes 2020 Mobile, development, version 2", True),
        ("deepsound", "TAU Urban Acoustic Scenes 2020 3Class, development", False),
        ("netease", "TAU Urban Acoustic Scenes 2022 Mobile, development", True),
        ("imt", "ESC-10", False),
        ("imt", None, False),
    ],
)
def test_reported_results_are_shown_only_beside_the_data_they_belong_to(report, edition, same):
    assert _is_of(load_report(report), replace(DATASET, edition=edition)) is same


def test_a_shortened_training_says_so(capsys):
    config = _study(find_model("ntu-ensemble"), {"epochs": 40})
    assert config.space == "asc"
    assert {*config.member_recipes} == {"ntu-vggnet", "ntu-inceptionnet"}
    assert "40 of 400" in capsys.readouterr().err

"""What the reports say beside their networks; figures from the reports' tables.

tests/data/report_results.csv has their results as they print them: SRPOL table 7, Deepsound tables
2 to 4, NetEase table 2, NTU table 1 and figure 6, IMT table 1 and, by class, its published logs.
"""

import csv
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest
from shipped_models import EVERYTHING, MODELS, REPORTS

from nas_asc.errors import ConfigError
from nas_asc.reports.report import load_report


def share(printed):
    """Give a percentage as a share with the same digits; other numbers as they are."""
    return str(Decimal(printed[:-1]).scaleb(-2)) if printed.endswith("%") else printed


def results_of_reports():
    path = Path(__file__).parent.parent / "data" / "report_results.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        model: [(r["system"], r["of"], share(r["accuracy"]), r["log_loss"]) for r in group]
        for model, group in groupby(rows, key=lambda row: row["model"])
    }


RESULTS = results_of_reports()


@pytest.mark.parametrize("name", REPORTS)
def test_every_network_of_a_report_has_its_training(name):
    ids = {i for i, report in MODELS.items() if report == name}
    assert set(load_report(name).training) == ids


@pytest.mark.parametrize("name", REPORTS)
def test_every_result_is_of_a_network_or_ensemble_of_the_report(name):
    ids = {i for i, report in EVERYTHING.items() if report == name}
    assert set(load_report(name).results) <= ids
    members = {"srpol-c3multi", "srpol-c10separable"}  # reported inside the ensemble only
    assert set(load_report(name).results) == ids - members


@pytest.mark.parametrize("name", REPORTS)
def test_open_points_say_where_what_and_how(name):
    points = load_report(name).open_points
    assert len(points) >= 5
    assert all(set(point) - {"of"} == {"where", "printed", "resolution"} for point in points)
    ids = {i for i, report in EVERYTHING.items() if report == name}
    assert all(point["of"] and set(point["of"]) < ids for point in points if "of" in point)


@pytest.mark.parametrize("model_id", RESULTS)
def test_the_results_are_those_of_the_report_digit_by_digit(model_id):
    rows = load_report(model_id.split("-")[0]).results[model_id]
    found = [
        (
            row.get("system", ""),
            row["of"],
            str(row["accuracy"]),
            str(row["log_loss"]) if "log_loss" in row else "",
        )
        for row in rows
    ]
    assert found == RESULTS[model_id]


@pytest.mark.parametrize(
    ("name", "baseline"),
    [
        ("srpol", [("0.820", "0.680"), ("0.885", "0.365"), ("0.915", "0.282"), ("0.873", "0.437")]),
        ("deepsound", [("0.477", "1.473")]),
        ("netease", [("0.429", "None")]),
        ("ntu", [("0.873", "None")]),
        ("imt", [("0.873", "None")]),
    ],
)
def test_the_baseline_has_the_digits_of_the_report(name, baseline):
    rows = load_report(name).baseline["rows"]
    assert [(str(row["accuracy"]), str(row.get("log_loss"))) for row in rows] == baseline


def test_deepsound_reports_ten_scenes_and_nine_devices_that_average_to_the_overall():
    rows = load_report("deepsound").results["deepsound-160"]
    devices = [row for row in rows if row["of"].startswith("device ")]
    scenes = [row for row in rows[1:] if row not in devices]
    assert (len(scenes), len(devices)) == (10, 9)
    for part in (scenes, devices):
        for measure, mean in (("accuracy", 0.705), ("log_loss", 0.848)):
            values = [float(row[measure]) for row in part]
            assert sum(values) / len(values) == pytest.approx(mean, abs=5e-4)


@pytest.mark.parametrize(("model_id", "epochs"), [("srpol-3", 200), ("ntu-vggnet", 400)])
def test_a_training_has_its_epochs(model_id, epochs):
    name = model_id.split("-")[0]
    assert load_report(name).training[model_id]["epochs"] == epochs


@pytest.mark.parametrize(("name", "meant"), [("srpoll", ", did you mean 'srpol'?"), ("quick", "")])
def test_an_unknown_report_is_refused(name, meant):
    """Not every study is named after a report."""
    with pytest.raises(ConfigError) as error:
        load_report(name)
    known = "deepsound, imt, netease, ntu, srpol"
    assert str(error.value) == f"report: expected one of {known}, got {name!r}{meant}"

"""What the reports say of their networks, in tables and in words; figures from the reports.

tests/data/report_results.csv has their results as they print them: SRPOL table 7, Deepsound tables
2 to 4, NetEase table 2, NTU table 1 and figure 6, IMT table 1 and, by class, its published logs.
"""

import csv
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest
from shipped_models import EVERYTHING, MODELS, NETWORKS, REPORTS

from nas_asc.reports.lookup import find_model, report_model
from nas_asc.reports.report import load_report
from nas_asc.reports.verification import headline, input_words, verify


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
# What the networks are fed, in words (report_models.md).
FED = {
    "srpol-c3multi": (
        "1x256x469: 1 channel at 48000 Hz",
        "window 4096, hop 1024, 256 mel bins",
        "469 frames; standardised per mel bin",
        "second input 256: the clip's mean spectrum",
    ),
    "srpol-c10separable": ("1x256x469", "window 4096, hop 1024, 256 mel bins", "standardised"),
    "srpol-3": ("1x256x59", "window 8192, hop 8192, 256 mel bins", "59 frames; not normalised"),
    "srpol-4": (
        "2x32x235: 2 channels at 48000 Hz",
        "window 4096, hop 2048, 32 mel bins",
        "window 16384, hop 15001, 235 mel bins",
        "32 frames, transposed; peak-normalised",
    ),
    "deepsound-128": (
        "1x128x640: 1 channel at 44100 Hz",
        "Hann window 2760, hop 690, 128 mel bins from 10 to 16000 Hz, 640 frames",
        "a first batch norm per mel bin",
    ),
    "netease-teacher": (
        "1x256x51: 1 channel at 44100 Hz",
        "Hamming window 3528 (4096 Fourier points), hop 882, 256 mel bins",
        "51 frames",
    ),
    "ntu-vggnet": (
        "1x48x467: 1 channel at 48000 Hz",
        "Hann window 2048, hop 1024, not centred, 48 mel bins from 0 to 24000 Hz, 467 frames",
        "not normalised",
    ),
    "imt-c": ("2x180000: 2 channels at 18000 Hz by the Fourier method, not normalised",),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_trainings_results_and_open_points_of_its_networks(name):
    report, networks = load_report(name), {i for i, of in MODELS.items() if of == name}
    known = {i for i, of in EVERYTHING.items() if of == name}
    assert set(report.training) == networks
    members = {"srpol-c3multi", "srpol-c10separable"}  # reported inside the ensemble only
    assert set(report.results) == known - members
    points = report.open_points
    assert len(points) >= 5
    assert all(set(point) - {"of"} == {"where", "printed", "resolution"} for point in points)
    assert all(point["of"] and set(point["of"]) < known for point in points if "of" in point)


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


def test_of_a_report_that_is_not_shipped_nothing_is_said():
    """Not every study is named after a report."""
    assert [load_report(name).title for name in ("srpoll", "quick")] == ["", ""]


def fed(model_id):
    model = report_model(model_id)
    return input_words(model.architecture.frontend, model.clip_s)


@pytest.mark.parametrize("model_id", FED)
def test_what_a_network_is_fed(model_id):
    words = fed(model_id)
    assert all(part in words for part in FED[model_id]), words


def test_only_c3multi_has_a_second_input():
    assert [i for i in NETWORKS if "second input" in fed(i)] == ["srpol-c3multi"]


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("imt-b", "30,080 parameters, 29,888 of them in the non-zero count, 58.4 KB of those"),
        ("deepsound-160", "62,346 parameters, 121.8 KB; 397 M MACs"),
    ],
)
def test_the_kilobytes_name_the_parameters_that_they_are_of(model_id, words):
    assert f": {words}" in headline(verify(find_model(model_id)))

"""What the reports say beside their networks; figures from the reports' tables."""

import pytest

from nas_asc.errors import ConfigError
from nas_asc.library import report_ensembles, report_models
from nas_asc.reports import load_report

NAMES = ("srpol", "deepsound", "netease", "ntu", "imt")


def overall(name, model_id, system=None):
    rows = load_report(name).results[model_id]
    return next(
        (row.get("accuracy"), row.get("log_loss"))
        for row in rows
        if row["of"].startswith("overall") and row.get("system") == system
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_network_of_a_report_has_its_training(name):
    ids = {model.id for model, _ in report_models().values() if model.report == name}
    assert set(load_report(name).training) == ids


@pytest.mark.parametrize("name", NAMES)
def test_every_result_is_of_a_network_or_ensemble_of_the_report(name):
    ids = {model.id for model, _ in report_models().values() if model.report == name}
    ids |= {e.id for e in report_ensembles().values() if e.report == name}
    assert set(load_report(name).results) <= ids
    members = {"srpol-c3multi", "srpol-c10separable"}  # reported inside the ensemble only
    assert set(load_report(name).results) == ids - members


@pytest.mark.parametrize("name", NAMES)
def test_open_points_say_where_what_and_how(name):
    points = load_report(name).open_points
    assert len(points) >= 5
    assert all(set(point) - {"of"} == {"where", "printed", "resolution"} for point in points)
    ids = {model.id for model, _ in report_models().values() if model.report == name}
    ids |= {e.id for e in report_ensembles().values() if e.report == name}
    assert all(point["of"] and set(point["of"]) < ids for point in points if "of" in point)


@pytest.mark.parametrize(
    ("name", "model_id", "system", "accuracy", "log_loss"),
    [
        ("srpol", "srpol-1", "SRPOL_task1b_1", 0.946, 0.175),
        ("srpol", "srpol-1", "SRPOL_task1b_2", 0.9447, 0.170),
        ("srpol", "srpol-3", None, 0.928, 0.256),
        ("srpol", "srpol-4", None, 0.954, 0.217),
        ("deepsound", "deepsound-32", None, 0.644, 1.042),
        ("deepsound", "deepsound-64", None, 0.688, 0.932),
        ("deepsound", "deepsound-128", None, 0.709, 0.859),
        ("deepsound", "deepsound-160", None, 0.705, 0.848),
        ("netease", "netease-student", None, 0.549, None),
        ("netease", "netease-teacher", None, 0.587, None),
        ("ntu", "ntu-vggnet", None, 0.8837, None),
        ("ntu", "ntu-inceptionnet", None, 0.8783, None),
        ("ntu", "ntu-ensemble", "model 3", 0.9046, None),
        ("ntu", "ntu-ensemble", "model 4", 0.9051, None),
        ("imt", "imt-a", None, 0.876, 0.360),
        ("imt", "imt-b", None, 0.909, 0.288),
        ("imt", "imt-c", None, 0.876, 0.379),
        ("imt", "imt-d", None, 0.912, 0.269),
    ],
)
def test_the_results_are_those_of_the_report(name, model_id, system, accuracy, log_loss):
    assert overall(name, model_id, system) == (accuracy, log_loss)


def test_deepsound_reports_ten_scenes_and_nine_devices_that_average_to_the_overall():
    rows = load_report("deepsound").results["deepsound-160"]
    devices = [row for row in rows if row["of"].startswith("device ")]
    scenes = [row for row in rows[1:] if row not in devices]
    assert (len(scenes), len(devices)) == (10, 9)
    for part in (scenes, devices):
        assert sum(row["accuracy"] for row in part) / len(part) == pytest.approx(0.705, abs=5e-4)
        assert sum(row["log_loss"] for row in part) / len(part) == pytest.approx(0.848, abs=5e-4)


@pytest.mark.parametrize(("model_id", "epochs"), [("srpol-3", 200), ("ntu-vggnet", 400)])
def test_a_training_has_its_epochs(model_id, epochs):
    name = model_id.split("-")[0]
    assert load_report(name).training[model_id]["epochs"] == epochs


def test_an_unknown_report_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'srpol'"):
        load_report("srpoll")

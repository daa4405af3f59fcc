"""The summary of a search as a dictionary and a table, and the files of a front that hold it."""

import errno
import io
import json
from dataclasses import replace

import pandas as pd
import pytest
from study_cases import DATASET

from nas_asc.commands import search
from nas_asc.complexity.budget import Budget
from nas_asc.errors import RunError
from nas_asc.results.front_files import front_csv, front_json, write_front

POINT_KEYS = (
    *("trial", "model", "accuracy", "log_loss", "size_bytes", "params", "nonzero_params"),
    *("macs", "counted_macs", "peak_activation_bytes", "precision", "sparsity", "on_front"),
)


def test_the_dictionary_has_the_keys_that_scripts_rely_on(make_summary):
    trials = {"completed": 5, "stopped_early": 2, "failed": 1}
    found = json.loads(json.dumps(make_summary(trials=trials).to_dict(), allow_nan=False))
    keys = {"run", "space", "rule", "seed", "budget", "data", "trials", "front", "other_front"}
    keys |= {"hypervolume", "hypervolume_objective", "seconds", "seeds_over_budget", "reference"}
    assert keys <= set(found)
    limits = dict.fromkeys(("params", "macs", "peak_activation_bytes"))
    assert found["budget"] == {"size_bytes": 131_072, **limits}
    assert set(found["data"]) == {"name", "clips", "classes", "splits"}
    assert found["trials"] == {**trials, "duplicates": 0, "rejected_over_budget": 0}
    keys = {*POINT_KEYS, "choices"}
    assert all(set(point) == keys for point in found["front"])
    assert all(set(point) == {*keys, "after_end"} for point in found["reference"])


def test_front_and_reference_are_smallest_first(make_summary):
    summary = make_summary()
    assert [point.trial for point in summary.front] == [2, 4, 1]
    assert [point.model for point in summary.reference] == ["deepsound-64", "deepsound-160"]


@pytest.fixture
def two_fronts(make_summary, make_point):
    """Trial 1 is smaller and more accurate than trial 2, but surer of what it gets wrong."""
    rows = [(1000, 1.0, 0.5), (2000, 1.1, 0.7), (3000, 0.8, 0.6), (4000, 0.9, 0.6)]
    points = (
        make_point(i, size, log_loss=loss, accuracy=accuracy, choices={"width": i} if i else {})
        for i, (size, loss, accuracy) in enumerate(rows)
    )
    return make_summary(points=tuple(points))


def test_every_point_names_the_fronts_that_it_is_on(two_fronts):
    found = [two_fronts.on_front(point) for point in two_fronts.points]
    assert found == [["log_loss", "accuracy"], ["accuracy"], ["log_loss"], []]
    printed = json.loads(json.dumps(two_fronts.to_dict()))
    assert [(p["trial"], p["on_front"]) for p in printed["front"]] == [
        (0, ["log_loss", "accuracy"]),
        (2, ["log_loss"]),
    ]
    assert [(p["trial"], p["on_front"]) for p in printed["other_front"]] == [(1, ["accuracy"])]


def test_the_front_is_that_of_the_objective(two_fronts):
    by_accuracy = replace(two_fronts, objective="accuracy")
    assert [point.trial for point in by_accuracy.front] == [0, 1]
    assert [point.trial for point in by_accuracy.other_front] == [2]


def test_a_frame_holds_both_fronts_with_a_column_per_choice(two_fronts):
    frame = two_fronts.to_frame()
    assert list(frame["trial"]) == [0, 1, 2]
    assert list(frame["on_front"]) == ["log_loss accuracy", "accuracy", "log_loss"]
    assert frame["width"].isna().tolist() == [True, False, False]
    assert frame["width"].dtype == "Int64"
    assert list(frame.columns) == [*POINT_KEYS, "width"]
    nothing = replace(two_fronts, points=()).to_frame()
    assert nothing.empty
    assert nothing[nothing["on_front"].str.contains("accuracy")].empty


@pytest.mark.parametrize("budget", [Budget(), Budget(size_bytes=1024), Budget(macs=30_000_000)])
def test_without_a_byte_limit_there_is_no_hypervolume(make_summary, budget):
    assert make_summary(budget=budget).to_dict()["hypervolume"] is None


def test_the_hypervolume_is_of_the_objectives_own_front(make_summary, make_point):
    """Of 2 octaves x 2/3, the errors of three classes, a point of 2 KiB covers one octave."""
    first = make_point(0, 2048, log_loss=0.5, accuracy=0.7)
    better = make_point(1, 2048, log_loss=0.9, accuracy=0.8)

    def found(*points):
        given = {"points": points, "classes": ("a", "b", "c"), "objective": "accuracy"}
        summary = make_summary(budget=Budget(size_bytes=4096), **given)
        return summary.to_dict()["hypervolume"]

    assert found(first) == pytest.approx((2 / 3 - 0.3) / (2 / 3) / 2)
    assert found(first, better) == pytest.approx((2 / 3 - 0.2) / (2 / 3) / 2)
    summary = make_summary(objective="accuracy")
    assert summary.to_dict()["hypervolume_objective"] == "accuracy"


def test_a_search_that_has_just_begun_has_a_summary(make_summary):
    found = make_summary(points=(), classes=(), data={}, trials={}, seconds=0.0).to_dict()
    assert found["front"] == found["reference"] == []
    assert found["hypervolume"] is None


def test_json_is_what_search_prints_and_all_points(make_summary):
    found = json.loads(front_json(make_summary()))
    printed = json.loads(json.dumps(make_summary().to_dict()))
    assert {key: found[key] for key in printed} == printed
    both = ["log_loss", "accuracy"]
    fronts = [(point["trial"], point["on_front"]) for point in found["points"]]
    assert fronts == [(0, []), (1, both), (2, both), (3, []), (4, both)]
    with pytest.raises(ValueError, match="JSON compliant"):
        front_json(make_summary(seconds=float("nan")))


def test_csv_has_columns_of_points_then_fronts_then_choices(make_summary, make_point):
    given = {"stem.width": 8, "stage1.kernel": "3x5", "stage1.kind": "3", "head.pooling": "max"}
    points = (
        make_point(7, model="a,b", choices={"stem.width": 6, "head.pooling": "avg"}),
        make_point(8, 40_000, log_loss=1 / 3, choices=given),
    )
    lines = front_csv(make_summary(points=points)).splitlines()
    assert lines == [
        f"{','.join(POINT_KEYS)},stem.width,stage1.kernel,stage1.kind,head.pooling",
        '7,"a,b",0.8125,0.625,31232,15616,15616,9800000,9800000,65280,float16,0.0,'
        "log_loss accuracy,6,,,avg",
        "8,,0.8125,0.3333333333333333,40000,15616,15616,9800000,9800000,65280,float16,0.0,"
        'log_loss,8,3x5,"""3""",max',
    ]
    assert front_csv(make_summary(points=())).count("\n") == 1
    table = pd.read_csv(io.StringIO(front_csv(make_summary())))
    assert list(table["size_bytes"]) == [8192, 31_232, 124_692]
    assert list(table["stage1.kernel"]) == ["3x5"] * 3


def test_all_five_files_are_written_over_and_nothing_else(make_summary, tmp_path):
    write_front(make_summary(points=()), tmp_path / "run")
    paths = write_front(make_summary(), tmp_path / "run")
    kinds = ["json", "csv", "svg", "png", "html"]
    assert [path.name for path in paths] == [f"front.{kind}" for kind in kinds]
    assert sorted(paths) == sorted((tmp_path / "run").iterdir())
    assert all(path.stat().st_size > 500 for path in paths)
    assert len(json.loads(paths[0].read_text())["points"]) == 5


@pytest.fixture
def disk_full(monkeypatch):
    """Let the end of every file find no room."""

    def fsync(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nas_asc.files.os.fsync", fsync)


def test_a_full_disk_is_one_line_and_leaves_nothing_unfinished(make_summary, tmp_path, disk_full):
    with pytest.raises(RunError, match=r"front\.json: .* found no space left on device"):
        write_front(make_summary(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()  # which is no folder
    with pytest.raises(RunError, match=r"front\.json: .* found file exists"):
        write_front(make_summary(), tmp_path / "file")


def test_a_search_shows_what_it_cannot_write(
    make_summary, tmp_path, disk_full, monkeypatch, run_command
):
    monkeypatch.setattr(search, "checked_dataset", lambda config: replace(DATASET, root=tmp_path))
    monkeypatch.setattr(search, "run_and_show", lambda *_: make_summary())
    run = tmp_path / "run"
    options = ("--space", "mbconv", "--budget", "32KB", "--out", run, "--json")
    code, out, err = run_command("search", *options)
    assert code == 2
    assert json.loads(out) == json.loads(json.dumps(make_summary().to_dict()))
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {run / 'front.json'}: expected a file that can be written, ")

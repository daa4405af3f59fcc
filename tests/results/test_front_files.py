import errno
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from study_cases import DATASET

from nas_asc.commands import search
from nas_asc.errors import RunError
from nas_asc.results.front_files import DATA_FILES, front_csv, front_json, write_front
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary


def test_json_is_what_search_prints_and_all_points(make_summary: Callable[..., Summary]) -> None:
    summary = make_summary()
    found = json.loads(front_json(summary))
    printed = json.loads(json.dumps(summary.to_dict()))
    assert {key: found[key] for key in printed} == printed
    both = ["log_loss", "accuracy"]
    assert [(point["trial"], point["on_front"]) for point in found["points"]] == [
        (0, []),
        (1, both),
        (2, both),
        (3, []),
        (4, both),
    ]


def test_json_holds_no_nan(make_summary: Callable[..., Summary]) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        front_json(make_summary(seconds=float("nan")))


def test_csv_has_the_columns_of_a_point_then_its_fronts_then_one_per_choice(
    make_summary: Callable[..., Summary], make_point: Callable[..., Point]
) -> None:
    given = {"stem.width": 8, "stage1.kernel": "3x5", "stage1.kind": "3", "head.pooling": "max"}
    points = (
        make_point(7, model="a,b", choices={"stem.width": 6, "head.pooling": "avg"}),
        make_point(8, 40_000, log_loss=1 / 3, choices=given),
    )
    lines = front_csv(make_summary(points=points)).splitlines()
    assert lines == [
        "trial,model,accuracy,log_loss,size_bytes,params,nonzero_params,macs,counted_macs,"
        "peak_activation_bytes,precision,sparsity,on_front,"
        "stem.width,stage1.kernel,stage1.kind,head.pooling",
        '7,"a,b",0.8125,0.625,31232,15616,15616,9800000,9800000,65280,float16,0.0,'
        "log_loss accuracy,6,,,avg",
        "8,,0.8125,0.3333333333333333,40000,15616,15616,9800000,9800000,65280,float16,0.0,"
        'log_loss,8,3x5,"""3""",max',
    ]
    assert front_csv(make_summary(points=())).count("\n") == 1


def test_pandas_reads_the_csv(make_summary: Callable[..., Summary]) -> None:
    table = pd.read_csv(io.StringIO(front_csv(make_summary())))
    assert list(table["size_bytes"]) == [8192, 31_232, 124_692]
    assert list(table["stage1.kernel"]) == ["3x5"] * 3


def test_all_five_files_are_written_over_and_nothing_else(
    make_summary: Callable[..., Summary], tmp_path: Path
) -> None:
    write_front(make_summary(points=()), tmp_path / "run", DATA_FILES)
    paths = write_front(make_summary(), tmp_path / "run")
    assert [path.name for path in paths] == [
        "front.json",
        "front.csv",
        "front.svg",
        "front.png",
        "front.html",
    ]
    assert sorted(paths) == sorted((tmp_path / "run").iterdir())
    assert all(path.stat().st_size > 500 for path in paths)
    assert len(json.loads(paths[0].read_text())["points"]) == 5


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the end of every file find no room."""

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nas_asc.files.os.fsync", fsync)


def test_a_full_disk_is_one_line_and_leaves_nothing_unfinished(
    make_summary: Callable[..., Summary], tmp_path: Path, disk_full: None
) -> None:
    with pytest.raises(RunError, match=r"front\.json: .* found no space left on device"):
        write_front(make_summary(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_for_a_front(
    make_summary: Callable[..., Summary], tmp_path: Path
) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(RunError, match=r"front\.json: expected a file that can be written"):
        write_front(make_summary(), tmp_path / "run")


def test_a_search_shows_what_it_cannot_write(
    make_summary: Callable[..., Summary],
    tmp_path: Path,
    disk_full: None,
    monkeypatch: pytest.MonkeyPatch,
    run_command: Callable[..., tuple[object, str, str]],
) -> None:
    monkeypatch.setattr(search, "_dataset", lambda config: replace(DATASET, root=tmp_path))
    monkeypatch.setattr(search, "_run", lambda *_: make_summary())
    run = tmp_path / "run"
    options = ("--space", "mbconv", "--budget", "32KB", "--out", run, "--json")
    code, out, err = run_command("search", *options)
    assert code == 2
    assert json.loads(out) == json.loads(json.dumps(make_summary().to_dict()))
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {run / 'front.json'}: expected a file that can be written, ")

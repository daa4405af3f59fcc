import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nas_asc.errors import RunError
from nas_asc.front_files import DATA_FILES, read_front, write_front
from nas_asc.summary import Summary


def test_all_five_files_are_written_and_nothing_else(
    make_summary: Callable[..., Summary], tmp_path: Path
) -> None:
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


def test_what_is_written_is_read_and_written_over(
    make_summary: Callable[..., Summary], tmp_path: Path
) -> None:
    write_front(make_summary(points=()), tmp_path, DATA_FILES)
    write_front(make_summary(), tmp_path, DATA_FILES)
    assert read_front(tmp_path) == make_summary()
    assert json.loads((tmp_path / "front.json").read_text())["seed"] == 1


def test_a_folder_without_a_front_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a run folder"):
        read_front(tmp_path)


def test_a_file_that_is_no_front_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "front.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match="expected a readable front"):
        read_front(tmp_path)

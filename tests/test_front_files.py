import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from study_cases import DATASET

from nas_asc.commands import search
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


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every second half of a file find no room."""

    def write_bytes(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_is_one_line_and_leaves_nothing_unfinished(
    make_summary: Callable[..., Summary], tmp_path: Path, disk_full: None
) -> None:
    with pytest.raises(
        RunError, match=r"front\.json: .* found no space left on device - the trials"
    ):
        write_front(make_summary(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_for_a_front(
    make_summary: Callable[..., Summary], tmp_path: Path
) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(RunError, match=r"front\.json: expected a file that can be written, found "):
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
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith(
        f"error: {run / 'front.json'}: expected a file that can be written, "
    )


def test_a_folder_without_a_front_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a run folder"):
        read_front(tmp_path)


def test_a_file_that_is_no_front_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "front.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match="expected a readable front"):
        read_front(tmp_path)

import os
import signal
import subprocess
import sys

import pytest
from study_cases import study

from nas_asc.errors import RunError
from nas_asc.run_folder import check_new, check_same, locked, save_study, saved_study

HOLDER = """
import sys, time
from pathlib import Path
from nas_asc.run_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_is_held_by_one_process(holder, tmp_path):
    message = rf"{tmp_path}: .*another search \(process {holder.pid}\)"
    with pytest.raises(RunError, match=message), locked(tmp_path):
        pass


def test_a_killed_process_lets_go(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path):
        pass


def test_a_run_can_be_held_again(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "new" / "run"):
            pass


def test_who_holds_a_run_removes_models_that_were_never_finished(tmp_path):
    for name in ("4", "5.part11", "6.partf00"):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
    with locked(tmp_path):
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["4"]


def test_faults_of_who_holds_a_run_are_passed_on(tmp_path):
    with pytest.raises(FileExistsError), locked(tmp_path):
        raise FileExistsError
    with locked(tmp_path):
        pass


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "run").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="expected a folder, got a file"), locked(tmp_path / "run"):
        pass


def test_an_empty_or_absent_folder_is_new(tmp_path):
    check_new(tmp_path / "run")
    with locked(tmp_path / "run"):
        check_new(tmp_path / "run")


def test_a_folder_with_files_is_not_new(tmp_path):
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="it holds files"):
        check_new(tmp_path)
    save_study(tmp_path, study())
    with pytest.raises(RunError, match="it holds a run - add --resume"):
        check_new(tmp_path)


def test_a_study_is_saved_and_read_back(tmp_path):
    save_study(tmp_path, study(seed=5, time_s=90.0))
    assert saved_study(tmp_path) == study(seed=5, time_s=90.0)
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_a_folder_without_a_study_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"found no study\.toml"):
        saved_study(tmp_path)


@pytest.mark.parametrize(
    ("option", "value", "before", "now"),
    [
        ("space", "vgg", "'mbconv'", "'vgg'"),
        ("budget", "64KB", "'32KB'", "'64KB'"),
        ("seed", 1, "0", "1"),
        ("data", "/sounds", "None", "'/sounds'"),
    ],
)
def test_a_run_of_another_study_is_refused(tmp_path, option, value, before, now):
    message = rf"started with {option} = {before}, got {now}"
    with pytest.raises(RunError, match=message):
        check_same(tmp_path, study(), study(**{option: value}))


def test_trials_and_time_may_be_raised(tmp_path):
    check_same(tmp_path, study(trials=10), study(trials=20, time_s=60.0))

"""Which device a search trains on, and what it says of machines of several kinds."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from study_cases import search, trials_of

from nas_asc.commands.search import settle_device
from nas_asc.errors import ConfigError
from nas_asc.search import load_trials, resumed_config
from nas_asc.search.runners import gpu
from nas_asc.search.runners.gpu import Gpu, find_gpu, resolve_device
from nas_asc.search.storage.finals import read_finals
from nas_asc.search.storage.run_folder import saved_study
from nas_asc.study.config import load_study, with_options

H200 = Gpu("NVIDIA H200", 140 * 10**9)
KINDS = "machines of several kinds"


@pytest.fixture
def machine(monkeypatch):
    """Have a GPU, or none."""

    def have(found):
        for name in ("nas_asc.search.runners.gpu", "nas_asc.search"):
            monkeypatch.setattr(f"{name}.find_gpu", lambda: found)

    return have


@pytest.mark.parametrize(
    ("asked", "found", "device"),
    [
        ("auto", H200, "cuda"),
        ("auto", None, "cpu"),
        ("cpu", H200, "cpu"),
        ("cpu", None, "cpu"),
        ("cuda", H200, "cuda"),
    ],
)
def test_auto_is_the_gpu_if_there_is_one(machine, asked, found, device):
    machine(found)
    assert resolve_device(asked) == device


def test_a_gpu_that_is_asked_for_must_be_there(machine):
    machine(None)
    with pytest.raises(ConfigError, match=r"expected a GPU .* found none - --device cpu"):
        resolve_device("cuda")


def test_a_gpu_on_which_no_training_works_is_left_alone(machine, caplog):
    machine(H200._replace(fault="RuntimeError: no kernel image"))
    assert resolve_device("auto") == "cpu"
    assert caplog.messages == [
        "the GPU, NVIDIA H200, is left alone, since no training works there (RuntimeError: no "
        "kernel image): the CPU trains"
    ]
    with pytest.raises(ConfigError, match=r"no training works .RuntimeError: no kernel image. - "):
        resolve_device("cuda")


def test_torch_is_asked_for_a_gpu_in_a_process_of_its_own_and_where_there_may_be_one(monkeypatch):
    asked, answers = [], [["NVIDIA H200", 5], None]

    def run(command, **options):
        asked.append(command)
        return SimpleNamespace(stdout="a warning\n" + json.dumps(answers[len(asked) - 1]) + "\n")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(gpu.shutil, "which", lambda name: None)
    for signs, expected in (((), None), (("/",), Gpu("NVIDIA H200", 5)), (("/",), None)):
        monkeypatch.setattr(gpu, "_SIGNS", signs)
        find_gpu.cache_clear()
        assert find_gpu() == expected
    find_gpu.cache_clear()
    assert len(asked) == 2


def test_a_gpu_that_torch_cannot_ask_for_is_none(monkeypatch):
    def run(command, **options):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(gpu, "_SIGNS", ("/",))
    find_gpu.cache_clear()
    assert find_gpu() is None
    find_gpu.cache_clear()


QUICK = load_study("quick")
ON_GPU = with_options(QUICK, {"device": "cuda"})


@pytest.mark.parametrize(
    ("study", "asked", "resume", "plan_only", "found", "device"),
    [
        (QUICK, "auto", False, False, H200, "cuda"),
        (QUICK, "auto", False, False, None, "cpu"),
        (QUICK, "auto", True, False, H200, "cpu"),  # a run of before
        (ON_GPU, "auto", True, False, H200, "cuda"),
        (ON_GPU, "cpu", True, False, None, "cpu"),
        (QUICK, "cuda", True, False, H200, "cuda"),
        (QUICK, "auto", False, True, H200, None),  # a plan that is printed
        (QUICK, "cuda", False, True, None, "cuda"),
    ],
)
def test_the_device_is_settled_once(machine, study, asked, resume, plan_only, found, device):
    machine(found)
    settled = settle_device(study, asked, resume, plan_only)
    assert settled.device == device
    assert settled.to_dict().get("device") == device


def test_a_run_of_a_gpu_goes_on_without_one_only_where_that_is_asked_for(machine):
    machine(None)
    with pytest.raises(ConfigError, match="--device cpu"):
        settle_device(ON_GPU, "auto", resume=True, plan_only=False)


def test_a_device_is_cpu_or_cuda():
    with pytest.raises(ConfigError, match="device: expected 'cpu' or 'cuda', got 'gpu'"):
        with_options(QUICK, {"device": "gpu"})


def test_a_run_says_once_that_machines_differ_and_each_trial_has_its_kind(tmp_path, caplog):
    run = tmp_path / "run"
    search(run, job="of_machines_by_turns", trials=6)
    (line,) = [line for line in caplog.messages if KINDS in line]
    assert "(processor A; processor B)" in line
    assert {t.result.machine for t in trials_of(run)} == {"processor A", "processor B"}
    assert set(load_trials(run)["machine"]) == {"processor A", "processor B"}


def test_a_run_that_goes_on_elsewhere_says_so_in_one_line(tmp_path, caplog):
    run = tmp_path / "run"
    search(run, job="of_a_machine", trials=3)
    assert KINDS not in caplog.text
    (run / "machine").write_text("NVIDIA H200", encoding="utf-8")
    search(run, job="of_a_machine", trials=5, device="cuda", resume=True)
    (line,) = [line for line in caplog.messages if KINDS in line]
    assert "(processor A; NVIDIA H200)" in line
    assert saved_study(run).device == "cuda"
    assert resumed_config(run, {}).device == "cuda"
    caplog.clear()
    (run / "machine").unlink()
    search(run, job="of_a_machine", trials=5, device="cpu", final_seeds=1, resume=True)
    assert {each.machine for each in read_finals(run).retrainings} == {"processor A"}
    assert sum(KINDS in line for line in caplog.messages) == 1
    caplog.clear()
    search(
        run, job="of_a_machine", trials=6, device="cpu", final_seeds=1, resume=True
    )  # it still is so
    assert sum(KINDS in line for line in caplog.messages) == 1

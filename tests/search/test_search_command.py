"""The whole way: from a folder of recordings to a front and models that run."""

import json
import shutil
import sys
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file  # NumPy knows no bfloat16
from study_cases import write_tones

import nas_asc.search  # noqa: F401  # imported before what it calls is counted
from nas_asc import load_model, load_space, read_inputs
from nas_asc.complexity import parse_budget
from nas_asc.datasets import load_dataset
from nas_asc.search.runners import find_gpu
from nas_asc.search.storage.run_folder import saved_study
from nas_asc.study.config import load_study, study_toml, with_options
from nas_asc.training.metrics import evaluate

SMALL = ("--budget", "24KB,4MMAC", "--space", "mbconv", "--epochs", "2", "--seed", "3")


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes of half a second: low tones and high tones, twelve recordings each."""
    return write_tones(tmp_path_factory.mktemp("tones"), rate_hz=16000, clip_s=0.5)


@pytest.fixture
def counted(monkeypatch):
    """Count calls of what reads a budget and a space, wherever the driver has imported it."""
    calls = Counter()
    for function in (parse_budget, load_space):

        def count(*args, function=function, **options):
            calls[function.__name__] += 1
            return function(*args, **options)

        for name, module in [*sys.modules.items()]:
            if name.startswith("nas_asc") and vars(module).get(function.__name__) is function:
                monkeypatch.setattr(module, function.__name__, count)
    return calls


def test_a_search_ends_with_a_front_of_proved_models(run_command, tmp_path, tones, counted):
    """The driver reads the budget and the space once each."""
    run = tmp_path / "run"
    code, out, err = run_command(
        "search", *SMALL, "--data", tones, "--trials", 3, "--out", run, "--json"
    )
    assert code == 0, err
    assert counted == {"parse_budget": 1, "load_space": 1}
    assert "24,576 bytes" in err
    value = json.loads(out)
    assert value["trials"]["completed"] == 3
    assert value["budget"]["size_bytes"] == 24 * 1024
    assert {seed["model"] for seed in value["seeds_over_budget"]} >= {"deepsound-32"}
    for name in ("front.csv", "front.json", "front.svg", "front.png", "front.html", "study.toml"):
        assert (run / name).stat().st_size > 100
    assert saved_study(run).device == ("cpu" if find_gpu() is None else "cuda")

    dataset = load_dataset(tones)
    clips = [dataset.clips[i] for i in dataset.indices("validation")]
    for point in value["front"]:
        assert point["size_bytes"] <= 24 * 1024
        assert point["macs"] <= 4_000_000
        folder = run / "models" / str(point["trial"])
        stored = load_file(folder / "weights.safetensors")
        assert sum(array.nbytes for array in stored.values()) == point["size_bytes"]
        network = load_model(folder)
        inputs = read_inputs(network, *[clip.path for clip in clips])
        labels = torch.tensor([clip.label for clip in clips])
        metrics = evaluate(network, inputs, labels, network.classes)
        assert metrics.accuracy == point["accuracy"]
        assert metrics.log_loss == pytest.approx(point["log_loss"], rel=1e-6)


@pytest.mark.usefixtures("in_this_process")
def test_a_run_of_an_own_space_can_be_resumed_from_any_folder(
    run_command, tmp_path, tones, monkeypatch, counted
):
    run, budget = tmp_path / "run", ("--budget", "24KB,4MMAC", "--epochs", "1")
    monkeypatch.chdir(tmp_path)
    run_command("spaces", "copy", "mbconv", "own.toml")
    argv = ("--space", "own.toml", "--data", tones, "--trials", 1, "--out", run)
    assert run_command("search", *budget, *argv, "--no-report-models")[0] == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    counted.clear()
    code, _, err = run_command("search", "--resume", "--out", run)
    assert code == 0, err
    assert counted == {"parse_budget": 1, "load_space": 1}
    assert "search: 1 trial (all ended), 1 epoch each" in err
    assert "1/1 done" in err
    assert "| finished\n" in err


def test_paths_in_a_study_hold_in_any_folder(run_command, tmp_path, tones, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_command("spaces", "copy", "mbconv", "own.toml")
    (tmp_path / "clips").symlink_to(tones)
    options = {"space": "./own.toml", "budget": "24KB", "data": {"paths": ["clips"]}}
    text = study_toml(with_options(load_study("quick"), options))
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    code, text, err = run_command("search", "--study", "mine.toml", "--plan")
    assert code == 0, err
    assert f'space = "{tmp_path}/own.toml"' in text
    assert f'paths = ["{tmp_path}/clips"]' in text


def test_a_plan_is_printed_as_a_study_that_plans_nothing_any_more(run_command, tmp_path, tones):
    ask = ("search", "--budget", "24KB", "--space", "mbconv", "--data", tones)
    code, text, err = run_command(*ask, "--time", "90s", "--calibrate", "--plan")
    assert code == 0, err
    assert "about" in err
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    study = load_study(str(tmp_path / "mine.toml"))
    assert study.time_s == 90
    assert f"trains {study.speed:.2f} times as fast" in err
    assert {"epochs", "batch_size", "longest_s"} <= study.plan.keys()
    code, again, err = run_command("search", "--study", tmp_path / "mine.toml", "--plan")
    assert (code, again) == (0, text), err
    assert not list(tmp_path.glob("runs"))


@pytest.mark.usefixtures("in_this_process")
def test_a_run_goes_on_where_its_recordings_were_moved_to(run_command, tmp_path, tones):
    old, new, run = tmp_path / "old", tmp_path / "new", tmp_path / "run"
    shutil.copytree(tones, old)
    (tmp_path / "other").mkdir()
    other = write_tones(tmp_path / "other", rate_hz=16000, clip_s=0.4)
    options = ("--epochs", 1, "--no-report-models", "--study", "quick")
    argv = ("search", *SMALL[:4], *options, "--data", old, "--out", run, "--trials", 1)
    assert run_command(*argv)[0] == 0
    old.rename(new)
    resume = ("search", "--out", run, "--resume", "--trials")
    code, _, err = run_command(*resume, 2)
    assert code == 2
    assert f"{old}, found nothing of that name" in err
    assert "--resume --data NEW" in err
    code, _, err = run_command(*resume, 2, "--data", other)
    assert code == 2
    assert "expected the recordings that the run was started with" in err
    assert saved_study(run).data.paths == (str(old),)
    for trials, where in ((2, ("--data", new)), (3, ())):  # the new place is stored
        code, _, err = run_command(*resume, trials, *where)
        assert code == 0, err
        assert saved_study(run).data.paths == (str(new),)
    new.rename(tmp_path / "newest")
    new.symlink_to(tmp_path / "newest")
    assert run_command(*resume, 4)[0] == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_front_with_one_worker_and_with_two(
    run_command, tmp_path, tones
):
    fronts = []
    for n, workers in enumerate((1, 2, 2)):
        argv = (*SMALL, "--data", tones, "--trials", 8, "--out", tmp_path / f"run{n}", "--json")
        value = json.loads(run_command("search", *argv, "--workers", workers)[1])
        fronts.append({key: value[key] for key in value.keys() - {"run", "seconds", "utilisation"}})
    assert fronts[0] == fronts[1] == fronts[2]


@pytest.mark.usefixtures("in_this_process")
def test_no_more_workers_are_started_than_can_be_busy(run_command, tmp_path, tones):
    """A trial of this study waits for all that were before it, so one worker is all there is."""
    path = tmp_path / "one_by_one.toml"
    options = {"lag": 1, "startup_trials": 1, "warm_start": False}
    path.write_text(study_toml(with_options(load_study("quick"), options)), encoding="utf-8")
    argv = ("--study", path, "--data", tones, "--trials", 1, "--out", tmp_path / "run")
    code, _, err = run_command("search", *SMALL[:4], "--epochs", 1, *argv, "--workers", 3)
    assert code == 0, err
    assert ", 1 worker; run folder" in err


@pytest.mark.usefixtures("in_this_process")
def test_there_are_no_more_workers_than_trials_left_or_than_memory_holds(
    run_command, tmp_path, tones, monkeypatch
):
    """What is said of workers is what is started."""
    run, data = tmp_path / "run", ("--data", tones, "--epochs", 1, "--no-report-models")
    new = ("search", *SMALL[:4], *data, "--out", run, "--workers", 8, "--trials", 2)
    assert ", 2 workers; run folder" in run_command(*new)[2]
    again = ("search", "--out", run, "--resume", "--workers", 8, "--trials")
    assert ", 1 worker; run folder" in run_command(*again, 3)[2]
    monkeypatch.setattr("nas_asc.search.runners.processes.available_bytes", lambda: 2.5e9)
    err = run_command(*again, 6)[2]
    assert "3 workers: memory has room for 2" in err
    assert ", 2 workers; run folder" in err


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (("--space", "mbcnv", "--data", "NONE"), ("mbcnv", "'mbconv'?")),
        (("--data", "NONE"), ("NONE",)),
        (("--data", "LONELY"), ("LONELY",)),
        (("--data", "BROKEN"), ("3.wav", "--skip-bad")),
        (("--out", "LONELY"), ("LONELY", "choose another --out")),
        (("--out", "RUN"), ("RUN", "--resume", "choose another --out")),
    ],
)
def test_bad_data_and_folders_get_one_line(run_command, monkeypatch, tmp_path, tones, argv, parts):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN").mkdir()
    (tmp_path / "RUN" / "study.toml").write_text("seed = 1")
    shutil.copytree(tones, tmp_path / "BROKEN")
    (tmp_path / "BROKEN" / "high" / "3.wav").write_bytes(b"RIFF but no sound")
    shutil.copytree(tones / "high", tmp_path / "LONELY" / "high")
    (tmp_path / "LONELY" / "low").mkdir()
    shutil.copy(tones / "low" / "0.wav", tmp_path / "LONELY" / "low")
    given = ("--space", "mbconv", "--budget", "24KB", "--trials", "2")
    data = () if "--data" in argv else ("--data", tones)
    code, out, err = run_command("search", *given, *data, "--out", "run", *argv)

    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, out, len(errors)) == (2, "", 1), err
    for part in parts:
        assert part in errors[0]
    assert "Traceback" not in err


def test_what_nothing_fits_is_told_before_clips_are_decoded(run_command, monkeypatch, tones):
    def refuse(*arguments, **options):
        raise AssertionError("looked at samples")

    monkeypatch.setattr("nas_asc.datasets.decoding._check_samples", refuse)
    monkeypatch.setattr("nas_asc.datasets.decoding.decode", refuse)
    options = ("--budget", "100B", "--space", "mbconv", "--data", tones)
    code, _, err = run_command("search", *options, "--trials", 1)
    assert code == 3
    assert "the smallest it reaches is" in err


def test_a_cache_that_cannot_be_written_is_told_before_any_trial(
    run_command, monkeypatch, tmp_path, tones
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "file" / "cache"))
    options = ("--budget", "24KB", "--space", "mbconv", "--data", tones, "--out", tmp_path / "run")
    code, out, err = run_command("search", *options, "--trials", 1)
    assert (code, out) == (2, "")
    assert "NAS_ASC_CACHE" in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_networks_with_int8_activations_are_judged_vote_and_teach(run_command, tmp_path, tones):
    run_command("spaces", "copy", "mbconv", tmp_path / "all.toml")
    text = (tmp_path / "all.toml").read_text(encoding="utf-8")
    given = text.replace('["float32", "float16", "int8"]', '"full_int8"').partition("[models.")[0]
    (tmp_path / "own.toml").write_text(given, encoding="utf-8")
    argv = ("--space", tmp_path / "own.toml", "--budget", "24KB,4MMAC", "--data", tones)
    argv += ("--epochs", 3, "--seed", 3, "--trials", 3, "--workers", 1, "--json")
    run = tmp_path / "run"
    code, out, err = run_command("search", *argv, "--out", run)
    assert code == 0, err
    front = json.loads(out)["front"]
    for point in front:
        assert point["precision"] == "full_int8"
        folder = run / "models" / str(point["trial"])
        stored = load_file(folder / "weights.safetensors")
        assert sum(array.nbytes for array in stored.values()) == point["size_bytes"]
        assert {"activations.scale", "activations.zero_point"} <= stored.keys()
    trial = front[0]["trial"]
    code, out, err = run_command(
        "evaluate", run, "--trial", trial, "--split", "validation", "--json"
    )
    assert code == 0, err
    found = json.loads(out)["parts"][0]
    assert found["accuracy"] == pytest.approx(front[0]["accuracy"])
    assert found["log_loss"] == pytest.approx(front[0]["log_loss"], rel=1e-5)
    code, out, err = run_command("count", f"{run}:{trial}", "--rule", "plain", "--json")
    assert code == 0, err
    assert json.loads(out)["size_bytes"] == front[0]["size_bytes"]
    for command in (
        ("front", run),
        ("ensemble", run, "--budget", "100KB"),
        (
            "search",
            *argv,
            "--trials",
            1,
            "--teacher",
            f"{run}:{trial}",
            "--out",
            tmp_path / "taught",
        ),
    ):
        code, _, err = run_command(*command)
        assert code == 0, err

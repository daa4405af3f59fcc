"""The whole way: from a folder of recordings to a front and models that run."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file

RATE_HZ = 16000
SMALL = ("--budget", "24KB,4MMAC", "--space", "mbconv", "--epochs", "2", "--seed", "3")


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes of half a second: low tones and high tones, twelve recordings each."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    for label, low_hz, high_hz in (("low", 200, 400), ("high", 3000, 5000)):
        (folder / label).mkdir()
        for n in range(12):
            tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) * time_s)
            noise = rng.normal(0, 0.05, len(time_s))
            soundfile.write(folder / label / f"{n}.wav", 0.3 * tone + noise, RATE_HZ)
    return folder


def comparable(text):
    value = json.loads(text)
    return {key: value[key] for key in value if key not in ("run", "seconds")}


@pytest.fixture
def counted(monkeypatch):
    """Count calls of what reads a budget and a space, wherever it was imported before."""

    calls = Counter()
    for home, name in (("complexity", "parse_budget"), ("spaces", "load_space")):
        found = getattr(sys.modules[f"nas_asc.{home}"], name)

        def count(*args, name=name, found=found, **options):
            calls[name] += 1
            return found(*args, **options)

        for module in [m for key, m in sys.modules.items() if key.startswith("nas_asc")]:
            if getattr(module, name, None) is found:
                monkeypatch.setattr(module, name, count)
    return calls


def test_a_search_ends_with_a_front_of_proved_models(run_command, tmp_path, tones, counted):
    """The driver reads the budget and the space once each."""
    run = tmp_path / "run"
    code, out, err = run_command(
        "search", *SMALL, "--data", tones, "--trials", 3, "--out", run, "--json"
    )
    value = json.loads(out)
    assert counted == {"parse_budget": 1, "load_space": 1}

    assert code == 0, err
    assert "24,576 bytes" in err
    assert value["trials"]["completed"] == 3
    assert value["budget"]["size_bytes"] == 24 * 1024
    assert {seed["model"] for seed in value["seeds_over_budget"]} >= {"deepsound-32"}
    for point in value["front"]:
        assert point["size_bytes"] <= 24 * 1024
        assert point["macs"] <= 4_000_000
        folder = run / "models" / str(point["trial"])
        stored = load_file(folder / "weights.safetensors")
        assert sum(array.nbytes for array in stored.values()) == point["size_bytes"]
    for name in ("front.csv", "front.json", "front.svg", "front.png", "front.html", "study.toml"):
        assert (run / name).stat().st_size > 100


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


@pytest.mark.slow
def test_the_same_seed_gives_the_same_front_with_one_worker_and_with_two(
    run_command, tmp_path, tones
):
    fronts = [
        run_command("search", *SMALL, "--data", tones, "--trials", 8,
            "--workers", workers, "--out", tmp_path / f"run{n}", "--json",
        )[1]
        for n, workers in enumerate((1, 2, 2))
    ]  # fmt: skip

    assert comparable(fronts[0]) == comparable(fronts[1]) == comparable(fronts[2])


def test_no_more_workers_are_started_than_can_be_busy(run_command, tmp_path, tones):
    """A trial of this study waits for all that were before it, so one worker is all there is."""
    path = tmp_path / "one_by_one.toml"
    run_command("studies", "copy", "quick", path)
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^(lag|startup_trials) = .*$", r"\1 = 1", text)
    path.write_text(changed.replace("warm_start = true", "warm_start = false"), encoding="utf-8")
    argv = ("--study", path, "--data", tones, "--trials", 1, "--out", tmp_path / "run")
    code, _, err = run_command("search", *SMALL[:4], "--epochs", 1, *argv, "--workers", 3)
    assert code == 0, err
    assert ", 1 worker; run folder" in err


@pytest.mark.slow
def test_a_saved_model_gives_the_metrics_of_the_front(run_command, tmp_path, tones):
    import torch

    from nas_asc import load_model, read_inputs
    from nas_asc.datasets import load_dataset
    from nas_asc.training.metrics import evaluate

    run = tmp_path / "run"
    _, out, _ = run_command(
        "search", *SMALL, "--data", tones, "--trials", 4, "--out", run, "--json"
    )
    dataset = load_dataset(tones)
    chosen = list(dataset.indices("validation"))
    for point in json.loads(out)["front"]:
        network = load_model(run / "models" / str(point["trial"]))
        inputs = read_inputs(network, *[dataset.clips[i].path for i in chosen])
        labels = torch.tensor([dataset.clips[i].label for i in chosen])
        metrics = evaluate(network, inputs, labels, network.classes)
        assert metrics.accuracy == point["accuracy"]
        assert metrics.log_loss == pytest.approx(point["log_loss"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.data
def test_the_readme_search_on_real_recordings_repeats_itself(run_command, tmp_path):
    data = Path(os.environ["NAS_ASC_DATA"])
    argv = (
        "--budget", "32KB,10MMAC", "--space", "mbconv", "--data", data,
        "--trials", 8, "--epochs", 3, "--seed", 1, "--json",
    )  # fmt: skip
    first = run_command("search", *argv, "--out", tmp_path / "a", "--workers", 1)
    second = run_command("search", *argv, "--out", tmp_path / "b", "--workers", 2)

    assert first[0] == second[0] == 0
    assert comparable(first[1]) == comparable(second[1])
    value = json.loads(first[1])
    assert value["trials"]["completed"] + value["trials"]["stopped_early"] == 8
    assert value["data"]["splits"] == {"train": 240, "validation": 80, "test": 80}
    assert all(p["size_bytes"] <= 32768 and p["macs"] <= 10**7 for p in value["front"])


@pytest.mark.parametrize(
    ("argv", "code", "parts"),
    [
        (("--budget", "100B"), 3, ("size", "100")),
        (("--budget", "128KB", "--space", "mbcnv", "--data", "NONE"), 2, ("mbcnv", "'mbconv'?")),
        (("--budget", "128KB", "--time", "10"), 2, ("--time: ", "10m")),
        (("--budget", "128KB", "--data", "EMPTY"), 2, ("EMPTY",)),
        (("--budget", "128KB", "--data", "NONE"), 2, ("NONE",)),
        (("--budget", "24KB", "--data", "LONELY"), 2, ("LONELY",)),
        (("--budget", "24KB", "--data", "BROKEN"), 2, ("3.wav", "--skip-bad")),
    ],
)
def test_bad_data_and_budgets_get_one_line(
    run_command, monkeypatch, tmp_path, tones, argv, code, parts
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    for name in ("LONELY", "BROKEN"):
        for path in sorted(tones.glob("*/*.wav")):
            if name == "LONELY" and path.parent.name == "low" and path.stem != "0":
                continue
            target = tmp_path / name / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (tmp_path / "BROKEN" / "high" / "3.wav").write_bytes(b"RIFF but no sound")
    data = () if "--data" in argv else ("--data", tones)
    ended, out, err = run_command(
        "search", "--space", "mbconv", "--trials", "2", *data, *argv, "--out", "run"
    )

    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (ended, out, len(errors)) == (code, "", 1), err
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


@pytest.mark.parametrize("resumable", [False, True])
def test_a_run_folder_that_exists_is_refused(run_command, tmp_path, resumable):
    if resumable:
        (tmp_path / "study.toml").write_text("seed = 1")
    options = ("--budget", "24KB", "--space", "mbconv", "--out", tmp_path)
    code, out, err = run_command("search", *options)

    assert (code, out) == (2, "")
    assert ("--resume" in err) == resumable
    assert "choose another --out" in err

"""A run folder and a model written before the package had rooms: still shown, resumed, loaded.

`data/run_of_before` is a run of three trials as version 0.1.0 left it on 27 November 2026, its
database written out as SQL, with one of its models and with the search space as it was then: the
shipped one has other choices since, so a run in it begins anew.
"""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nas_asc import load_front, load_model, load_trials, read_inputs

BEFORE = Path(__file__).parent / "data" / "run_of_before"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(BEFORE, folder)
    script = (folder / "study.sql").read_text(encoding="utf-8")
    (folder / "study.sql").unlink()
    connection = sqlite3.connect(folder / "study.db")
    connection.executescript(script)
    connection.close()
    return folder


def test_its_front_is_shown(run, run_command):
    code, out, _ = run_command("front", run, "--json")
    assert code == 0
    found = [(p["trial"], p["size_bytes"], p["params"]) for p in json.loads(out)["front"]]
    assert found == [(2, 2531, 2746), (1, 4528, 8610)]
    assert [entry["model"] for entry in json.loads(out)["seeds_over_budget"]] == [
        "deepsound-32",
        "deepsound-64",
        "deepsound-128",
        "deepsound-160",
    ]
    assert run_command("front", run)[0] == 0
    assert len(load_front(run).points) == 3


def test_its_trials_are_a_table_for_pandas(run):
    trials = load_trials(run)
    assert list(trials["trial"]) == [0, 1, 2]
    assert list(trials["state"]) == ["completed"] * 3
    assert list(trials["size_bytes"][1:]) == [4528, 2531]
    assert list(trials["params"][1:]) == [8610, 2746]
    assert trials["accuracy"].between(0, 1).all()
    assert trials["on_front"][1].startswith("log_loss")
    assert {"stem.width", "head.pooling"} <= set(trials.columns)


def test_a_trial_of_it_is_counted(run, run_command):
    code, out, _ = run_command("count", f"{run}:1", "--json")
    assert code == 0
    counted = json.loads(out)
    assert (counted["size_bytes"], counted["params"], counted["macs"]) == (4528, 8610, 1686304)


@pytest.mark.usefixtures("in_this_process")
def test_it_is_resumed_in_the_space_as_it_was(run, run_command):
    study = (run / "study.toml").read_text(encoding="utf-8")
    of_then = study.replace('space = "mbconv"', f'space = "{run / "mbconv.toml"}"')
    (run / "study.toml").write_text(of_then, encoding="utf-8")
    code, out, err = run_command("search", "--out", run, "--resume", "--trials", 4, "--json")
    assert code == 0
    assert err.count("features now differ a little from those of the run's earlier trials") == 1
    assert json.loads(out)["trials"]["completed"] == 4
    assert {2, 1} <= {point.trial for point in load_front(run).points}


def test_its_model_is_loaded(run, tmp_path):
    network = load_model(run / "models" / "1")
    noise = np.random.default_rng(0).normal(0, 0.1, 44100)
    soundfile.write(tmp_path / "noise.wav", noise, 44100)
    logits = network(*read_inputs(network, tmp_path / "noise.wav"))
    assert logits.shape == (1, 10)
    assert network.classes[0] == "airport"

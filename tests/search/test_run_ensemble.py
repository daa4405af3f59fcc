"""Ensembles of the networks of a run: found, stored beside the search, shown, counted, loaded.

The searches are those of fake_job; networks are drawn, and their probabilities of the validation
clips are made up: each network knows a clip that no other does, so that the more vote the better.
"""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from fake_job import CLASSES
from real_job import search_tones
from study_cases import OFF, search, trials_of, write_tones
from test_search import untimed

from nas_asc import evaluate_model, load_model, load_trials, read_inputs
from nas_asc.cli import cli
from nas_asc.complexity import count, counting_rule
from nas_asc.datasets import load_dataset
from nas_asc.networks import SavedModel, build, save_model, store
from nas_asc.networks.model_files import load_saved, read_validation
from nas_asc.results.finals import Finals
from nas_asc.results.formatting import notes
from nas_asc.search.storage.run_summary import load_front
from nas_asc.study import DataSource
from nas_asc.training.judging import predict_network

FIRST = 1_000_001
OPTIONS = {"sampler": "random", "warm_start": False, "seed": 3, "early_stopping": OFF}


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return load_dataset(DataSource.of(write_tones(tmp_path_factory.mktemp("tones"), 48000, 0.2)), 3)


def searched(run, tones, **options):
    """Search on the tones with trainings that are made up."""
    return search(run, tones, **{**OPTIONS, "data": {"paths": [str(tones.root)]}, **options})


@pytest.fixture(scope="module")
def finished(tones, tmp_path_factory):
    """A search of six trials, with a network for each."""
    assert len(CLASSES) != len(tones.classes)  # the metrics of the search are made up, too
    run = tmp_path_factory.mktemp("finished") / "run"
    searched(run, tones, trials=6)
    validation = [tones.clips[i] for i in tones.indices("validation")]
    labels = np.array([clip.label for clip in validation])
    for number, trial in enumerate(trials_of(run)):
        torch.manual_seed(number)
        network = build(trial.architecture, 2, tones.clip_s)
        arrays = store(network, precision=trial.complexity["precision"])
        true = np.full(len(labels), 0.35)
        true[number % len(labels)] = 0.95
        made_up = np.full((len(labels), 2), 1 - true[:, None])
        made_up[np.arange(len(labels)), labels] = true
        reading = (tones.classes, tones.clip_s, "plain")
        planes = [np.ones((2, shape[1]), np.float32) for shape in network.input_shapes[:1]]
        standards = tuple(planes) if network.standardisation else ()
        model = SavedModel(trial.architecture, *reading, arrays, {}, standards, validation=made_up)
        save_model(run / "models" / str(trial.number), model)
    return run


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def extended(finished, tmp_path_factory):
    """The run with an ensemble in the search's own budget, and what the command printed."""
    run = tmp_path_factory.mktemp("extended") / "run"
    shutil.copytree(finished, run)
    done = CliRunner().invoke(cli, ["ensemble", str(run), "--json", "--members", "3"])
    assert done.exit_code == 0, done.output
    return run, json.loads(done.stdout)


def members_of(printed):
    return [member["trial"] for member in printed["ensemble"]["members"]]


def test_an_ensemble_is_found_and_stored(extended, tones):
    run, printed = extended
    ensemble, members = printed["ensemble"], members_of(printed)
    assert (ensemble["trial"], ensemble["new"], printed["candidates"]) == (FIRST, True, 6)
    assert 2 <= len(members) <= 3
    trials = trials_of(run)
    assert ensemble["size_bytes"] == sum(trials[n].size_bytes for n in members) <= 32 * 1024
    assert ensemble["macs"] == sum(trials[n].macs for n in members)
    peaks = [trials[n].complexity["peak_activation_bytes"] for n in members]
    assert ensemble["peak_activation_bytes"] == max(peaks)
    shares = [member["share_of_vote"] for member in ensemble["members"]]
    assert sum(shares) == pytest.approx(1)
    made_up = [read_validation(run / "models" / str(n)) for n in members]
    mean = np.tensordot(shares, np.array(made_up, float), 1)
    labels = [tones.clips[i].label for i in tones.indices("validation")]
    true = mean[np.arange(len(labels)), labels]
    assert ensemble["log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-6)
    assert ensemble["log_loss"] < printed["single"]["log_loss"]


def test_the_front_holds_it_and_says_what_it_is_made_of(extended, tmp_path, run_command):
    """The trials' figures are those of fake_job; the ensemble gets some that beat them."""
    run, members = tmp_path / "run", members_of(extended[1])
    shutil.copytree(extended[0], run)
    path = run / "ensembles" / f"{FIRST}.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["source"] == "ensemble"
    stored["metrics"] |= {"log_loss": 0.001, "accuracy": 1.0}
    path.write_text(json.dumps(stored), encoding="utf-8")
    summary = load_front(run)
    assert summary.front[-1].trial == FIRST
    assert len(summary.points) == summary.trials["completed"] == 6
    assert [point.trial for point in summary.ensembles] == [FIRST]
    _, out, _ = run_command("front", run, "--csv")
    last = list(csv.DictReader(out.splitlines()))[-1]
    assert last["ensemble"] == ", ".join(f"1 x trial {n}" for n in members)
    _, out, _ = run_command("front", run)
    assert "(ensemble)" in out
    assert f"trial {FIRST}: 1 x trial {members[0]} (" in out
    _, out, _ = run_command("front", run, "--json")
    found = json.loads(out)
    assert found["front"][-1]["source"] == found["ensembles"][0]["source"] == "ensemble"
    assert list(load_trials(run)["trial"]) == [*range(6), FIRST]
    # what is trained again, and whose figures are asked for, are trials
    assert FIRST not in [point.trial for point in summary.front_of_trials]
    asked = replace(summary, finals=Finals({"seeds": 1}, (), ""))
    (line,) = [line for line in notes(asked) if "each point of the front trained again" in line]
    assert str(FIRST) not in line


def test_the_files_of_the_front_are_written_anew(extended):
    run, _ = extended
    points = json.loads((run / "front.json").read_text(encoding="utf-8"))["points"]
    assert [point["trial"] for point in points] == [*range(6), FIRST]
    assert {path.suffix for path in run.glob("front.*")} == {
        ".csv", ".html", ".json", ".png", ".svg"
    }  # fmt: skip
    for kind, words in (("html", "an ensemble of trials"), ("svg", "ensemble of trials")):
        assert words in (run / f"front.{kind}").read_text(encoding="utf-8")


def test_the_same_selection_is_stored_once_and_another_beside_it(extended, tmp_path, run_command):
    run = tmp_path / "run"
    shutil.copytree(extended[0], run)
    code, out, _ = run_command("ensemble", run, "--members", 3)
    assert code == 0
    assert f"the same is there already: trial {FIRST}: {run}/models/{FIRST}" in out
    assert "on no front" not in out
    code, out, _ = run_command("ensemble", run, "--budget", "200KB")
    assert code == 0
    assert f"stored as trial {FIRST + 1}" in out
    assert "it is on no front: the budget of the search is" in out
    assert {path.name for path in (run / "models").iterdir()} == {
        *map(str, range(6)), str(FIRST), str(FIRST + 1)
    }  # fmt: skip
    summary = load_front(run)
    assert [point.trial for point in summary.ensembles] == [FIRST]
    assert summary.ensembles_over_budget == ({"trial": FIRST + 1, "binds": "size_bytes"},)
    _, out, _ = run_command("front", run)
    assert f"trial {FIRST + 1}: an ensemble of trials over the budget of this search by size" in out


def test_a_search_goes_on_after_it_as_without_it(extended, finished, tones, tmp_path):
    run, without = tmp_path / "with", tmp_path / "without"
    shutil.copytree(extended[0], run)
    shutil.copytree(finished, without)
    options = {"trials": 12, "resume": True}
    with_it, plain = searched(run, tones, **options), searched(without, tones, **options)
    assert untimed(run) == untimed(without)
    assert with_it.points == plain.points
    assert with_it.trials == plain.trials
    assert [point.trial for point in with_it.ensembles] == [FIRST]
    again = searched(run, tones, final_seeds=1, **options).finals.retrainings
    assert {each.trial for each in again} == {point.trial for point in plain.front}


def test_it_can_be_loaded_judged_and_counted(extended, tones, run_command):
    """Members have different front ends; each is fed its own."""
    run, printed = extended
    folder = run / "models" / str(FIRST)
    network = load_model(folder)
    assert len(network.frontends) > 1
    clips = [tones.clips[i] for i in tones.indices("test")]
    paths = [clip.path for clip in clips]
    with torch.inference_mode():
        voted = network(*read_inputs(network, *paths)).exp().numpy()
        mean = np.zeros_like(voted)
        for member in printed["ensemble"]["members"]:
            one = load_model(run / "models" / str(member["trial"]))
            probabilities = one(*read_inputs(one, *paths)).softmax(dim=1).numpy()
            mean += member["share_of_vote"] * probabilities
    np.testing.assert_allclose(voted, mean, rtol=1e-4)
    labels = np.array([clip.label for clip in clips])
    true = mean[np.arange(len(labels)), labels]
    metrics = evaluate_model(folder, tones, "test")
    assert metrics.log_loss == pytest.approx(-np.log(true).mean(), rel=1e-3)
    code, out, _ = run_command("count", f"{run}:{FIRST}", "--json")
    assert code == 0
    assert json.loads(out)["size_bytes"] == printed["ensemble"]["size_bytes"]
    with pytest.raises(ValueError, match=r"expected \d inputs, got 0"):
        network()


def test_another_rule_counts_the_budget(extended, tmp_path, run_command):
    """That of 2020 counts values that are not zero, so that other bytes stand beside the limit."""
    shutil.copytree(extended[0], tmp_path / "run")
    code, out, _ = run_command(
        *("ensemble", tmp_path / "run", "--rule", "dcase2020-1b", "--members", 3, "--json")
    )
    assert code == 0
    rule = counting_rule("dcase2020-1b")
    found = json.loads(out)
    assert found["budget"]["size_bytes"] == 32 * rule.kb
    single = trials_of(tmp_path / "run")[found["single"]["trial"]].architecture
    counted = count(single, 2, 0.2, rule).size_bytes
    assert found["single"]["size_bytes"] == counted


def test_where_no_ensemble_is_better_nothing_is_stored(run, run_command):
    """All networks say the same, so none adds anything."""
    for number in range(1, 6):
        shutil.copy(run / "models/0/validation.npy", run / f"models/{number}/validation.npy")
    code, out, err = run_command("ensemble", run)
    assert (code, err) == (0, "")
    assert "no ensemble within the budget is better by 0.001 in log loss: nothing is stored" in out
    assert not (run / "ensembles").exists()
    assert not (run / "models" / str(FIRST)).exists()


def test_bad_input_is_one_line(run, tones, tmp_path, run_command):
    def line(*arguments):
        code, out, err = run_command("ensemble", *arguments)
        assert (code, out) == (2, "")
        (text,) = err.splitlines()
        return text

    assert "expected the folder of a run" in line(tmp_path / "none")
    assert "expected room for two of the trained networks (6)" in line(run, "--budget", "300B")
    assert "budget: expected a number and one of" in line(run, "--budget", "many")
    assert "rule: expected one of" in line(run, "--rule", "none")
    (run / "models").rename(tmp_path / "models")
    assert "expected two networks or more that were trained to the end" in line(run)
    (tmp_path / "models").rename(run / "models")
    moved = write_tones(tmp_path, 48000, 0.1)
    study = (run / "study.toml").read_text(encoding="utf-8")
    (run / "study.toml").write_text(study.replace(str(tones.root), str(moved)), encoding="utf-8")
    assert "expected the recordings that the run was started with" in line(run)


@pytest.mark.slow
def test_the_probabilities_of_a_real_training_are_kept(tones, tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    options = {"data": {"paths": [str(tones.root)]}, "seed": 3, "epochs": 1, "trials": 2}
    search_tones(tmp_path / "run", tones, early_stopping=OFF, **options)
    for trial in trials_of(tmp_path / "run"):
        folder = tmp_path / "run" / "models" / str(trial.number)
        kept = read_validation(folder)
        again = predict_network(load_saved(folder).network(), tones, tones.indices("validation"))
        np.testing.assert_allclose(kept, again, rtol=1e-5)

"""An ensemble of a report as one trial: several trainings, one vote, every byte proved."""

import json
import re
import shutil
from dataclasses import replace
from functools import reduce
from operator import getitem

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file

from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError, ExportError
from nas_asc.features.inputs import load_inputs
from nas_asc.networks.ensemble_network import VotingNetwork, vote
from nas_asc.networks.model_files import load_model, load_saved
from nas_asc.networks.network import Network, build
from nas_asc.reports.ensemble import Ensemble, Member, count_ensemble
from nas_asc.reports.ensemble_file import read_saved_ensemble
from nas_asc.reports.lookup import ensembles_of, report_model, resolve
from nas_asc.search.runners import RUNNERS
from nas_asc.search.scheduler import Scheduler
from nas_asc.search.search import run_search
from nas_asc.search.storage.run_summary import load_front, point
from nas_asc.search.task import read_task
from nas_asc.search.warm_start import skipped_ensembles, trainable_ensembles, warm_start_trials
from nas_asc.study.config import load_study, with_options
from nas_asc.study.job import Job, JobResult
from nas_asc.training.run_job import run_job

RATE_HZ, CLIP_S = 48000, 0.4
SPACE = "asc"
CONTEXT = {
    "skip_bad": False,
    "recipe": load_study("quick").recipe.model_copy(update={"batch_size": 8}).to_dict(),
    "rule": "plain",
    "space": SPACE,
}


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes, low tones and high tones, twelve recordings each."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    for label, low_hz, high_hz in (("low", 200, 400), ("high", 3000, 5000)):
        (folder / label).mkdir()
        for n in range(12):
            tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) * time_s)
            soundfile.write(folder / label / f"{n}.wav", 0.3 * tone, RATE_HZ)
    return load_dataset(folder)


@pytest.fixture(scope="module")
def run(tones, tmp_path_factory):
    """The NTU ensemble, trained for an epoch, and what the job gave back."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        ensemble = ensembles_of(SPACE)["ntu-ensemble"]
        context = {
            **CONTEXT,
            "data": str(tones.root),
            "clip_s": tones.clip_s,
            "run": str(folder),
        }
        adapted = ensemble.adapted(tones.classes, tones.clip_s)
        job = Job(3, adapted.as_architecture(SPACE).to_dict(), 7, 1, (), context)
        return folder, run_job(job, lambda _: True)


def probabilities(network, tones):
    """What a network says of the validation clips."""
    model = report_model("ntu-vggnet")
    (inputs,) = load_inputs(tones, model.architecture.frontend)
    validation = torch.from_numpy(inputs[list(tones.indices("validation"))]).float()
    with torch.inference_mode():
        return network(validation).double()


def bytes_in_files(folder):
    """What the six files of weights hold."""
    files = sorted(folder.glob("models/3/*/weights.safetensors"))
    assert len(files) == 6
    return sum(array.nbytes for path in files for array in load_file(path).values())


def test_every_network_is_trained_by_itself_and_stored(run, tones):
    folder, result = run
    stored = [load_file(p) for p in sorted(folder.glob("models/3/*/weights.safetensors"))]
    assert len(stored) == 6
    assert result.complexity["size_bytes"] == bytes_in_files(folder)
    five = [arrays["head.classifier.weight"] for arrays in stored[:5]]
    assert all(not np.array_equal(five[0], other) for other in five[1:])
    assert result.curve == ()


def test_the_metrics_are_those_of_the_mean_of_the_probabilities(run, tones):
    folder, result = run
    networks = [load_saved(folder / "models" / "3" / str(n)).network() for n in range(1, 7)]
    mean = torch.stack([probabilities(n, tones).softmax(1) for n in networks]).mean(0).numpy()
    labels = [tones.clips[i].label for i in tones.indices("validation")]
    true = mean[np.arange(len(labels)), labels]
    assert result.metrics["log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-5)
    per_class = [np.mean(mean.argmax(1)[np.array(labels) == c] == c) for c in (0, 1)]
    assert result.metrics["accuracy"] == pytest.approx(np.mean(per_class))
    metrics = json.loads((folder / "models" / "3" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["log_loss"] == result.metrics["log_loss"]


def test_a_trained_ensemble_runs_as_one_module(run, tones):
    folder, result = run
    voted = probabilities(load_model(folder / "models" / "3"), tones).exp()
    assert torch.allclose(voted.sum(1), torch.ones(len(voted), dtype=torch.float64), atol=1e-6)
    labels = [tones.clips[i].label for i in tones.indices("validation")]
    true = voted[torch.arange(len(labels)), labels]
    assert -true.log().mean().item() == pytest.approx(result.metrics["log_loss"], rel=1e-4)


def test_a_saved_ensemble_says_what_it_consists_of(run):
    folder, _ = run
    ensemble = read_saved_ensemble(folder / "models" / "3")
    assert ensemble.described == "5 x ntu-vggnet, 1 x ntu-inceptionnet"
    assert count_ensemble(ensemble).size_bytes == bytes_in_files(folder)
    assert ensemble.classes == ("high", "low")


def test_a_trained_ensemble_can_be_counted(run):
    folder, _ = run
    saved = folder / "models" / "3"
    for target in (f"{folder}:3", str(saved), str(saved / "ensemble.json")):
        ensemble = resolve(target)
        assert ensemble.id == target
        assert count_ensemble(ensemble, "plain").stored_bytes == bytes_in_files(folder)
    last = resolve(str(saved / "6"))  # one network of it
    assert "inception" in {values.get("block") for values in last.architecture.sections.values()}


OF_2 = "2/architecture.json"


@pytest.mark.parametrize(
    ("file", "path", "value", "fault"),
    [
        ("ensemble.json", ["members"], [], "members: expected"),
        ("ensemble.json", ["members"], 3, "ensemble.json: expected JSON"),
        ("ensemble.json", ["members"], [3], "members: expected"),
        ("ensemble.json", ["clip_s"], "1", "clip_s: expected a number"),
        ("ensemble.json", ["rule"], "plan", "did you mean 'plain'?"),
        ("ensemble.json", ["members", 0, "weight"], -1, "weight: expected"),
        ("ensemble.json", ["members", 0, "weigth"], 1, "did you mean 'weight'?"),
        ("ensemble.json", ["members", 1, "number"], 2, "7/architecture.json: expected"),
        ("ensemble.json", ["members", 0, "number"], 6, "expected the same as of the other ntu-vgg"),
        ("ensemble.json", ["classes"], ["low", "high"], "classes: expected low, high"),
        (OF_2, ["sections", "stage1", "kernel"], "3by3", "expected a number or a pair"),
        (OF_2, ["sections"], 3, "expected space, sections and choices"),
        (OF_2, ["classes"], ["high", "high"], "classes: expected different names"),
        (OF_2, [], None, "2/architecture.json: "),
    ],
)
def test_an_ensemble_that_is_not_valid_is_named(run, tmp_path, file, path, value, fault):
    folder = tmp_path / "3"
    shutil.copytree(run[0] / "models" / "3", folder)
    if path:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        *parents, key = path
        reduce(getitem, parents, content)[key] = value
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
    else:
        (folder / file).unlink()
    with pytest.raises(ConfigError) as caught:
        read_saved_ensemble(folder)
    assert fault in str(caught.value)
    with pytest.raises(ExportError, match=re.escape(str(caught.value))):
        load_model(folder)


def test_a_folder_without_an_ensemble_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"ensemble\.json: expected an ensemble, No such file"):
        read_saved_ensemble(tmp_path)


def test_an_ensemble_that_was_changed_since_the_search_began_is_not_trained(run, tones):
    ensemble = ensembles_of(SPACE)["ntu-ensemble"].adapted(tones.classes, tones.clip_s)
    heavier = replace(ensemble, members=(replace(ensemble.members[0], weight=2.0),))
    context = {**CONTEXT, "data": str(tones.root), "clip_s": tones.clip_s, "run": str(run[0])}
    for changed, found in ((heavier, "another"), (replace(ensemble, id="gone"), "none")):
        job = Job(9, changed.as_architecture(SPACE).to_dict(), 7, 1, (), context)
        with pytest.raises(ConfigError, match=f"as the run was started with it, found {found}"):
            run_job(job, lambda _: True)


def made(*members, classes):
    return Ensemble("made", "", "", members, classes, CLIP_S, "plain", {})


def test_the_module_votes_as_the_numbers_do():
    """A class map sums the finer classes; weights need not add up to one."""
    coarse, fine = (replace(report_model("deepsound-32"), classes=n, clip_s=CLIP_S) for n in (2, 4))
    class_map = {"a": "x", "b": "y", "c": "y", "d": "x"}
    ensemble = made(Member(coarse, 2, 3.0), Member(fine, 1, 2.0, class_map), classes=("x", "y"))
    torch.manual_seed(0)
    networks = [
        build(member.model.architecture, member.model.classes, CLIP_S).eval()
        for member in ensemble.networks
    ]
    inputs = torch.randn(5, *networks[0].input_shapes[0])
    with torch.inference_mode():
        each = [network(inputs).softmax(1).double().numpy() for network in networks]
        voted = VotingNetwork(ensemble, networks)(inputs).exp().numpy()
    np.testing.assert_allclose(voted, vote(ensemble, each), rtol=1e-5)


def test_networks_with_different_inputs_are_no_module():
    models = [replace(report_model(i), clip_s=CLIP_S) for i in ("deepsound-32", "deepsound-64")]
    ensemble = made(*map(Member, models), classes=tuple("abcdefghij"))
    networks = [build(model.architecture, 10, CLIP_S) for model in models]
    with pytest.raises(ExportError, match="same inputs, found shapes"):
        VotingNetwork(ensemble, networks)
    longer = networks[0].frontend and replace(networks[0].frontend, window=4096)
    networks[1] = Network(networks[0].layers, longer, CLIP_S)
    with pytest.raises(ExportError, match="same inputs, found window 2760 and 4096"):
        VotingNetwork(ensemble, networks)


def task(tones, **options):
    """The task of a search in `asc`."""
    values = {"space": SPACE, "budget": "2MB", **options}
    return read_task(with_options(load_study("quick"), values), lambda: tones)


def warm_start(tones, budget="2MB"):
    """The trials that a search in `asc` begins with, and the ones over the budget."""
    return warm_start_trials(task(tones, budget=budget))


def test_an_ensemble_is_a_seed_in_its_place(tones):
    trials, _ = warm_start(tones)
    macs = [trial.macs for trial in trials]
    assert macs == sorted(macs)
    (trial,) = [trial for trial in trials if trial.model == "ntu-ensemble"]
    members = {trial.model: trial for trial in trials}
    assert trial.size_bytes == (
        5 * members["ntu-vggnet"].size_bytes + members["ntu-inceptionnet"].size_bytes
    )
    assert trial.complexity["precision"] == "float32"
    assert trial.complexity["sparsity"] == pytest.approx(0.8)


def test_an_ensemble_over_the_budget_is_named(tones):
    trials, over = warm_start(tones, "100KB")
    assert "ntu-ensemble" not in {trial.model for trial in trials}
    assert "ntu-ensemble" in {entry["model"] for entry in over if entry["binds"] == "size_bytes"}


def test_votes_that_differ_are_those_of_the_point(tones):
    """Weights 1 and 3: of 5 x 1 + 1 x 3 = 8 parts."""
    (ensemble,) = trainable_ensembles(ensembles_of(SPACE).values(), tones)
    weighed = replace(
        ensemble, members=(ensemble.members[0], replace(ensemble.members[1], weight=3.0))
    )
    (trial,) = [trial for trial in warm_start(tones)[0] if trial.model == "ntu-ensemble"]
    result = JobResult({"log_loss": 1.0, "accuracy": 0.5}, trial.complexity, (), 1.0)
    trained = replace(trial, number=0, state="completed", result=result)
    networks = "5 x ntu-vggnet, 1 x ntu-inceptionnet"
    assert point(trained).choices == {"ensemble": networks}
    other = replace(trained, architecture=weighed.as_architecture("asc"))
    assert point(other).choices == {"ensemble": networks, "votes": "0.125, 0.375"}


def test_only_what_cannot_be_trained_is_left_out(tones):
    (entry,) = skipped_ensembles(ensembles_of(SPACE).values())
    assert entry["ensemble"] == "srpol-1"
    assert "srpol-c10separable tells apart airport, bus, metro" in entry["reason"]
    (ensemble,) = trainable_ensembles(ensembles_of(SPACE).values(), tones)
    assert ensemble.id == "ntu-ensemble"


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_samplers_learn_nothing_from_an_ensemble(tones, sampler):
    (trial,) = [trial for trial in warm_start(tones)[0] if trial.model == "ntu-ensemble"]
    asked = []
    for log_loss in (0.01, 9.0):
        result = JobResult({"log_loss": log_loss, "accuracy": 0.5}, trial.complexity, (), 1.0)
        scheduler = Scheduler(task(tones, sampler=sampler, startup_trials=0, lag=1))
        scheduler.restore(replace(trial, number=0, state="completed", result=result))
        asked.append(scheduler.ask()[0].architecture)
    assert asked[0] == asked[1]


@pytest.mark.slow
def test_a_search_in_all_families_trains_the_ensemble(tones, tmp_path):
    options = {"space": SPACE, "budget": "2MB", "epochs": 1, "data": str(tones.root), "trials": 18}
    config = with_options(load_study("quick"), options)
    workers = RUNNERS["inline"](1, "nas_asc.training.run_job:run_job")
    summary = run_search(config, tones, run=tmp_path / "run", workers=workers)
    points = {point.model: point for point in summary.points}
    assert points["ntu-ensemble"].choices["ensemble"] == "5 x ntu-vggnet, 1 x ntu-inceptionnet"
    again = {point.model: point for point in load_front(tmp_path / "run").points}
    assert again["ntu-ensemble"] == points["ntu-ensemble"]

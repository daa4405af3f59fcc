"""A saved model judged on a split of files or of their windows, by hand and by the library."""

import random
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from sklearn.metrics import balanced_accuracy_score, log_loss

from nas_asc import build, evaluate_in_full, evaluate_model, load_model, load_space, read_inputs
from nas_asc.complexity import count
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError
from nas_asc.networks import SavedModel, save_ensemble, store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.study import DataSource, Job, load_study, study_toml, with_options
from nas_asc.training.metrics import predict_proba
from nas_asc.training.run_job import run_job

RECIPE = load_study("quick").recipe.model_copy(update={"batch_size": 8, "augmentations": {}})
WINDOWS = {"window_s": 0.4, "hop_s": 0.2, "align": "center"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of ten noisy tones of 0.2 to 1.1 s, whose windows are not all alike."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    for label, low_hz in (("low", 300), ("high", 900)):
        (folder / label).mkdir()
        for n in range(10):
            time_s = np.arange(round((0.2, 0.7, 1.1, 1.0)[n % 4] * 8000)) / 8000
            tone = np.sin(2 * np.pi * low_hz * rng.uniform(1, 2) * time_s)
            noise = rng.normal(size=len(tone)) * np.linspace(0, 0.5, len(tone))
            soundfile.write(folder / label / f"{n}.wav", 0.3 * tone + noise, 8000)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def train(dataset, run, epochs=3, split_seed=0):
    rng, space = random.Random(0), load_space("mbconv")
    draws = (space.random(rng) for _ in range(1000))
    clip_s = dataset.clip_s
    architecture = next(a for a in draws if count(a, 2, clip_s, "plain").macs < 4_000_000)
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": split_seed,
        "validation_clips": None,
        "recipe": RECIPE.to_dict(),
        "rule": "plain",
        "space": "mbconv",
        "run": str(run),
    }
    job = Job(0, architecture.to_dict(), 5, epochs, epochs, rungs=(2,), context=context)
    result = run_job(job, lambda _: None)
    return result, run / "models" / "0"


def test_a_model_of_windows_is_judged_by_the_mean_over_each_file(folder, tmp_path):
    dataset = load_dataset(DataSource.of(folder, **WINDOWS))
    result, model = train(dataset, tmp_path)
    network = load_model(model)
    assert (network.align, network.hop_s, network.clip_s) == ("center", 0.2, 0.4)

    for split in ("validation", "test"):
        files = [clip for clip in dataset.files if clip.split == split]
        of_windows = [predict_proba(network, read_inputs(network, clip.path)) for clip in files]
        assert {len(each) for each in of_windows} <= {1, 3, 4, 5}
        labels = np.array([clip.label for clip in files])
        means = np.array([each.mean(axis=0) for each in of_windows])
        found = evaluate_model(model, dataset, split)
        assert found.clips == len(files)
        assert found.accuracy == balanced_accuracy_score(labels, means.argmax(axis=1))
        assert found.log_loss == pytest.approx(log_loss(labels, means), rel=1e-5)
        repeated = labels.repeat([len(each) for each in of_windows])
        together = np.concatenate(of_windows)
        assert found.windows == len(together)
        assert found.window_log_loss == pytest.approx(log_loss(repeated, together), rel=1e-5)
        full = evaluate_in_full(model, dataset, split)
        assert (full.overall.clips, full.windows) == (found.clips, found.windows)
        assert full.overall.log_loss == pytest.approx(found.log_loss, rel=1e-9)
        assert full.window_log_loss == pytest.approx(found.window_log_loss, rel=1e-9)

    judged = evaluate_model(model, dataset, "validation").to_dict()
    assert result.metrics["log_loss"] == pytest.approx(judged["log_loss"], rel=1e-5)
    assert result.metrics["windows"] == judged["windows"]
    curve = {entry["epoch"]: entry["log_loss"] for entry in result.curve}
    assert curve[1] is None
    # The last entry is of float32 weights, the result of those that are stored.
    assert curve[3] == pytest.approx(result.metrics["log_loss"], abs=0.02)
    with pytest.raises(ValueError, match="one file for a network of windows, found 2"):
        read_inputs(network, files[0].path, files[1].path)


def test_networks_vote_on_each_window_before_the_mean_over_a_file(folder, tmp_path):
    dataset = load_dataset(DataSource.of(folder, **WINDOWS))
    models = []
    for number in (1, 2):
        torch.manual_seed(number)
        architecture = replace(report_model("deepsound-32"), classes=2, clip_s=0.4).architecture
        arrays = store(build(architecture, 2, 0.4), precision="float16")
        reading = (dataset.classes, 0.4, "plain", arrays, {}, (), "center", 0.2)
        models.append(SavedModel(architecture, *reading))
    votes = (1.0, 3.0)
    members = [
        Member(replace(report_model("deepsound-32"), id=f"m{n}", classes=2, clip_s=0.4), 1, vote)
        for n, vote in enumerate(votes)
    ]
    ensemble = Ensemble("made", "", "", tuple(members), dataset.classes, 0.4, "plain", {})
    save_ensemble(tmp_path / "7", ensemble, models, {})

    files = [clip for clip in dataset.files if clip.split == "test"]
    means = []
    for clip in files:
        inputs = read_inputs(load_model(tmp_path / "7"), clip.path)
        each = [predict_proba(model.network(), inputs) for model in models]
        means.append((0.25 * each[0] + 0.75 * each[1]).mean(axis=0))
    expected = log_loss([clip.label for clip in files], np.array(means))
    assert evaluate_model(tmp_path / "7", dataset).log_loss == pytest.approx(expected, rel=1e-5)


def test_a_model_of_whole_clips_is_judged_on_any_split_of_the_data_it_was_made_for(
    folder, tmp_path
):
    dataset = load_dataset(DataSource.of(folder, align="center", clip_s=0.5))
    result, model = train(dataset, tmp_path)
    network = load_model(model)
    clips = [clip for clip in dataset.clips if clip.split == "test"]
    inputs = read_inputs(network, *[clip.path for clip in clips])
    expected = log_loss([clip.label for clip in clips], predict_proba(network, inputs))
    found = evaluate_model(str(model), dataset)
    assert found.log_loss == pytest.approx(expected, rel=1e-5)
    assert found.windows is None
    assert "windows" not in result.metrics
    others = {"clip_s": 0.4}, {"align": "start"}, {"window_s": 0.5, "clip_s": None}
    for name, other in zip(("clip_s", "align", "hop_s"), others, strict=True):
        changed = dataset.source.model_copy(update=other)
        with pytest.raises(ConfigError, match=f"expected a data set with {name}"):
            evaluate_model(model, load_dataset(changed))


def test_a_model_is_not_judged_on_what_it_was_trained_on(folder, tmp_path):
    """Recordings that several classes share are drawn: with another seed, otherwise."""
    own, run = tmp_path / "own", tmp_path / "run"
    for clip in folder.glob("*/*.wav"):
        (own / clip.parent.name).mkdir(parents=True, exist_ok=True)
        speaker = "abcdefghij"[int(clip.stem)]
        soundfile.write(own / clip.parent.name / f"{speaker}_0.wav", *soundfile.read(clip))
    source = DataSource.of(own, clip_s=0.5, names="{speaker}_{take}")
    dataset, other = load_dataset(source, 1), load_dataset(source, 0)
    _, model = train(dataset, run, split_seed=1)
    study = {"space": "mbconv", "budget": "1MB", "seed": 1, "data": source.to_dict()}
    text = study_toml(with_options(load_study("quick"), study))
    (run / "study.toml").write_text(text, encoding="utf-8")
    (run / "study.db").touch()
    assert evaluate_model(model, dataset).log_loss > 0
    held, known = ({c.path for c in d.clips if c.split == "test"} for d in (other, dataset))
    assert held - known
    with pytest.raises(ConfigError, match=r"the model has not seen, found \d+ in the test split"):
        evaluate_model(model, other)
    assert evaluate_model(model, other, "train").log_loss > 0

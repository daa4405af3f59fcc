"""Trained models on disk, and from a sound file to the probabilities that training judged."""

import random
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from nas_asc import build, load_model, load_space, read_inputs
from nas_asc.architectures.architecture import Architecture, as_trained
from nas_asc.complexity.counting import count
from nas_asc.datasets import load_dataset
from nas_asc.errors import DatasetError, ExportError
from nas_asc.features.inputs import load_inputs
from nas_asc.networks import model_files
from nas_asc.networks.model_files import SavedModel, load_saved, save_ensemble, save_model
from nas_asc.networks.network import Network, vote
from nas_asc.networks.reference_count import reference_count
from nas_asc.networks.stored import store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.study import DataSource
from nas_asc.study.config import load_study
from nas_asc.study.job import Job
from nas_asc.training import run_job as run_job_file
from nas_asc.training.judging import split_metrics
from nas_asc.training.metrics import evaluate, predict_proba
from nas_asc.training.run_job import TrialSettings, fit, run_job


def saved(standards=(), model_id="deepsound-32"):
    architecture = report_model(model_id).architecture
    torch.manual_seed(0)
    arrays = store(build(architecture, 3, 0.5), precision="float16")
    metrics = {"accuracy": 0.5, "log_loss": 1.0}
    return SavedModel(architecture, tuple("abc"), 0.5, "plain", arrays, metrics, standards)


def normal(*sizes):
    """Means and deviations, both above 0."""
    draws = [np.random.default_rng(n).uniform(0.5, 2, size=(2, n)) for n in sizes]
    return tuple(draw.astype("f4") for draw in draws)


@pytest.mark.parametrize("planes", [0, 1, 2])
def test_a_model_comes_back_as_it_was_saved(tmp_path, planes):
    standards = normal(*(40, 63)[:planes])
    model = saved(standards)
    save_model(tmp_path / "7", model)
    found = load_saved(tmp_path / "7")

    assert found.architecture == model.architecture
    assert (found.classes, found.clip_s, found.rule) == (("a", "b", "c"), 0.5, "plain")
    assert found.metrics == model.metrics
    assert [s.tolist() for s in found.standards] == [s.tolist() for s in standards]
    assert {name: a.tobytes() for name, a in found.arrays.items()} == {
        name: a.tobytes() for name, a in model.arrays.items()
    }


def test_the_module_of_a_model_with_two_inputs_runs(tmp_path):
    save_model(tmp_path / "7", saved(normal(256), "srpol-c3multi"))
    network = load_model(tmp_path / "7")

    assert network.classes == ("a", "b", "c")
    assert len(network.example_inputs()) == 2
    assert not network.training
    assert network(*network.example_inputs()).shape == (1, 3)


def test_a_model_is_saved_after_a_crash_in_a_process_of_the_same_id(tmp_path, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_files, "save", crash)
        with pytest.raises(KeyboardInterrupt):
            save_model(tmp_path / "7", saved())
    assert not (tmp_path / "7").exists()
    save_model(tmp_path / "7", saved())
    assert load_saved(tmp_path / "7").metrics == saved().metrics


def test_a_saved_model_is_as_public_as_other_files(tmp_path):
    (tmp_path / "other").mkdir()
    save_model(tmp_path / "7", saved())
    assert (tmp_path / "7").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(ExportError, match=r"architecture\.json: .* No such file"):
        load_saved(tmp_path)
    save_model(tmp_path / "7", saved())
    (tmp_path / "7" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ExportError, match="expected a complete saved model"):
        load_saved(tmp_path / "7")


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        ((), r"7: expected mean .* of shape \(2, 256\), found none, is it of another"),
        ((40,), r"\(2, 256\), found \(2, 40\)"),
    ],
)
def test_standards_that_are_not_those_of_the_front_end_are_refused(tmp_path, sizes, fault):
    save_model(tmp_path / "7", saved(normal(*sizes), "srpol-c3multi"))
    with pytest.raises(ExportError, match=fault):
        load_model(tmp_path / "7")


CLIP_S = 0.4
RECIPE = load_study("quick").recipe.model_copy(update={"batch_size": 2, "augmentations": {}})
EPOCHS = 6

STANDARD, PEAK = ({"frontend.normalisation": kind} for kind in ("standard", "peak"))
PRUNED = {"compression.pruning": "magnitude", "compression.precision": "int8"}
# Every kind of front end, and of compression where the standards must not be touched by it.
RUNNERS = {
    "standard": ("mbconv", STANDARD),
    "batch norm": ("mbconv", {"frontend.normalisation": "batch_norm"}),
    "standard, int8": ("mbconv", STANDARD | {"compression.precision": "int8"}),
    "standard, mean spectrum": ("separable", STANDARD | {"frontend.mean_spectrum": True}),
    "standard, pruned, int8": ("separable", STANDARD | PRUNED | {"frontend.mean_spectrum": False}),
    "standard, second plane": ("vgg", STANDARD | {"frontend.second_window_ms": 171}),
    "peak, second plane": ("vgg", PEAK | {"frontend.second_window_ms": 341}),
    "none": ("vgg", {"frontend.normalisation": "none", "frontend.second_window_ms": 0}),
    "waveform": ("wave_vgg", {}),
}


def draw(space, wanted):
    """A small architecture with the wanted choices."""
    rng, space = random.Random(0), load_space(space)
    draws = (space.random(rng) for _ in range(100_000))
    fitting = (a for a in draws if wanted.items() <= dict(a.choices).items())
    return next(a for a in fitting if count(a, 2, CLIP_S).macs < 4_000_000)


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes of twelve tones, of several rates, channels and lengths."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    for label, low_hz, high_hz in (("low", 200, 400), ("high", 3000, 5000)):
        (folder / label).mkdir()
        for n in range(12):
            rate_hz, seconds = (48000, 44100, 22050)[n % 3], (0.4, 0.4, 0.3, 0.7)[n % 4]
            time_s = np.arange(round(seconds * rate_hz))[:, None] / rate_hz
            tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) * time_s)
            waveform = 0.3 * tone + 0.02 * rng.normal(size=(len(tone), 1 + n % 2))
            soundfile.write(folder / label / f"{n}.{('wav', 'flac')[n % 2]}", waveform, rate_hz)
    return load_dataset(DataSource.of(folder, clip_s=CLIP_S))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def judge_again(folder, tones):
    """Judge a saved model on the sound files of the validation clips."""
    chosen = list(tones.indices("validation"))
    clips = [tones.clips[i] for i in chosen]
    network = load_model(folder)
    inputs = read_inputs(network, *[clip.path for clip in clips])
    for found, expected in zip(inputs, load_inputs(tones, network.frontend), strict=True):
        assert found.dtype == torch.float32
        assert np.array_equal(found.numpy(), expected[chosen].astype(np.float32))
    labels = torch.tensor([clip.label for clip in clips])
    assert np.ptp(predict_proba(network, inputs)[:, 0]) > 1e-4, "else inputs would not matter"
    return evaluate(network, inputs, labels, network.classes)


@pytest.mark.parametrize(("space", "wanted"), RUNNERS.values(), ids=RUNNERS)
def test_a_saved_model_gives_on_sound_files_what_was_judged(space, wanted, tones, tmp_path):
    architecture = draw(space, wanted)
    complexity = train_and_judge_again(architecture, space, tones, tmp_path)
    stored = load_saved(tmp_path / "models" / "0")
    assert reference_count(stored.network()).macs == complexity["macs"]
    assert bool(stored.standards) == (wanted.get("frontend.normalisation") == "standard")


@pytest.mark.parametrize("precision", ["int8", "full_int8"])
def test_a_network_without_some_channels_is_judged_as_it_is_saved(precision, tones, tmp_path):
    drawn = draw("mbconv", STANDARD)
    given = {"precision": precision, "pruning": "channel_removal", "sparsity": 0.3, "iterations": 2}
    architecture = Architecture("mbconv", {**drawn.sections, "compression": given}, ())
    complexity = train_and_judge_again(architecture, "mbconv", tones, tmp_path)
    whole = count(as_trained(architecture), 2, CLIP_S)
    assert complexity["macs"] < 0.7 * whole.macs
    assert complexity["size_bytes"] < 0.8 * whole.size_bytes


def test_ranges_of_activations_are_of_training_clips_evenly_spread(tones, monkeypatch):
    training = tones.indices("train")
    assert run_job_file._range_clips(tones) == training
    monkeypatch.setattr(run_job_file, "_RANGE_CLIPS", 4)
    places = [len(training) * n // 4 for n in range(4)]
    assert run_job_file._range_clips(tones) == tuple(training[place] for place in places)


def train_and_judge_again(architecture, space, tones, folder):
    """Train by a job, hold the saved model against what was judged and counted; give the counts."""
    context = {
        "data": tones.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": RECIPE.to_dict(),
        "rule": "plain",
        "space": space,
        "run": str(folder),
    }
    result = run_job(
        Job(0, architecture.to_dict(), 5, EPOCHS, EPOCHS, context=context), lambda _: None
    )

    again = judge_again(folder / "models" / "0", tones)
    stored = load_saved(folder / "models" / "0")
    assert again.accuracy == stored.metrics["accuracy"]
    assert again.log_loss == pytest.approx(stored.metrics["log_loss"], rel=1e-5)
    stored_bytes = sum(array.nbytes for array in stored.arrays.values())
    assert stored_bytes == result.complexity["size_bytes"]
    return result.complexity


def test_a_saved_ensemble_gives_on_sound_files_what_was_judged(tones, tmp_path):
    """Each of its networks has standards of its own."""
    choices = dict(draw(*RUNNERS["standard"]).choices)
    other = {"frontend.normalisation": "batch_norm"}
    space = load_space("mbconv")
    twice, once = (
        replace(report_model("deepsound-32"), id=name, architecture=made, classes=2, clip_s=CLIP_S)
        for name, made in (
            ("m0", space.from_choices(choices)),
            ("m1", space.from_choices(choices | other)),
        )
    )
    members = (Member(twice, 2, 1.0), Member(once, 1, 3.0))
    ensemble = Ensemble("made", "", "", members, tones.classes, CLIP_S, "plain", {})
    settings = TrialSettings(tones, "mbconv", "plain", RECIPE, EPOCHS, EPOCHS, ())
    fitted = [
        fit(member.model.architecture, settings, seed, lambda _: True, tmp_path / "none")
        for seed, member in enumerate(ensemble.networks)
    ]
    metrics = split_metrics(
        tones, "validation", vote(ensemble, [each.probabilities["validation"] for each in fitted])
    )
    save_ensemble(tmp_path / "7", ensemble, [each.model for each in fitted], metrics.to_dict())

    again = judge_again(tmp_path / "7", tones)
    assert [len(each.model.standards) for each in fitted] == [1, 1, 0]
    assert again.accuracy == metrics.accuracy
    assert again.log_loss == pytest.approx(metrics.log_loss, rel=1e-5)


def test_sound_files_are_resampled_by_the_fourier_method_as_in_training(tones):
    network = build(report_model("imt-a").architecture, 2, CLIP_S)
    assert network.frontend.resampling == "fourier"
    (found,) = read_inputs(network, *[clip.path for clip in tones.clips[:3]])
    (expected,) = load_inputs(tones, network.frontend)
    assert np.array_equal(found.numpy(), expected[:3].astype(np.float32))


def test_what_cannot_be_read_is_named(tmp_path):
    network = build(report_model("deepsound-32").architecture, 2, CLIP_S)
    (tmp_path / "rain.ogg").write_bytes(b"no sound")
    with pytest.raises(DatasetError, match=r"rain\.ogg: expected a WAV, FLAC or OGG clip"):
        read_inputs(network, tmp_path / "rain.ogg")
    with pytest.raises(ValueError, match=r"expected sound files .* found no file"):
        read_inputs(network)
    with pytest.raises(ValueError, match="found a network made by hand"):
        read_inputs(Network(network.layers), tmp_path / "rain.ogg")

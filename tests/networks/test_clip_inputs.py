"""From a sound file to the probabilities that training judged, through the public functions."""

import random
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from nas_asc import build, load_model, load_space, read_inputs
from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.datasets import load_dataset
from nas_asc.errors import DatasetError
from nas_asc.features.inputs import load_inputs
from nas_asc.networks.ensemble_network import vote
from nas_asc.networks.model_files import load_saved, save_ensemble
from nas_asc.networks.network import Network
from nas_asc.networks.reference_count import reference_count
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.study.config import load_study
from nas_asc.study.job import Job
from nas_asc.training.metrics import evaluate, predict_proba
from nas_asc.training.run_job import TrialSettings, fit, run_job, validation_metrics

CLIP_S = 0.4
RECIPE = load_study("quick").recipe.model_copy(update={"batch_size": 2, "augmentations": {}})
EPOCHS = 6

# Every kind of front end, and of compression where the standards must not be touched by it.
RUNNERS = {
    "standard": ("mbconv", {"frontend.normalisation": "standard"}),
    "batch norm": ("mbconv", {"frontend.normalisation": "batch_norm"}),
    "standard, int8": (
        "mbconv",
        {"frontend.normalisation": "standard", "compression.precision": "int8"},
    ),
    "standard, mean spectrum": (
        "separable",
        {"frontend.normalisation": "standard", "frontend.mean_spectrum": True},
    ),
    "standard, pruned, int8": (
        "separable",
        {
            "frontend.normalisation": "standard",
            "frontend.mean_spectrum": False,
            "compression.pruning": "magnitude",
            "compression.precision": "int8",
        },
    ),
    "standard, second plane": (
        "vgg",
        {"frontend.normalisation": "standard", "frontend.second_window": 8192},
    ),
    "peak, second plane": (
        "vgg",
        {"frontend.normalisation": "peak", "frontend.second_window": 16384},
    ),
    "none": ("vgg", {"frontend.normalisation": "none", "frontend.second_window": 0}),
    "waveform": ("wave_vgg", {}),
}


def draw(space, wanted):
    """A small architecture with the wanted choices."""
    rng, space = random.Random(0), load_space(space)
    draws = (space.random(rng) for _ in range(100_000))
    return next(
        a
        for a in draws
        if wanted.items() <= dict(a.choices).items() and count(a, 2, CLIP_S).macs < 4_000_000
    )


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
    return load_dataset(folder, CLIP_S)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def judge_again(folder, tones):
    """Judge a saved model on the sound files of the validation clips."""
    clips = [tones.clips[i] for i in tones.indices("validation")]
    network = load_model(folder)
    inputs = read_inputs(network, *[clip.path for clip in clips])
    labels = torch.tensor([clip.label for clip in clips])
    assert np.ptp(predict_proba(network, inputs)[:, 0]) > 1e-4, "else inputs would not matter"
    return evaluate(network, inputs, labels, network.classes)


@pytest.mark.parametrize(("space", "wanted"), RUNNERS.values(), ids=RUNNERS)
def test_a_saved_model_gives_on_sound_files_what_was_judged(space, wanted, tones, tmp_path):
    architecture = draw(space, wanted)
    context = {
        "data": str(tones.root),
        "clip_s": CLIP_S,
        "skip_bad": False,
        "recipe": RECIPE.to_dict(),
        "rule": "plain",
        "space": space,
        "run": str(tmp_path),
    }
    result = run_job(Job(0, architecture.to_dict(), 5, EPOCHS, (), context), lambda _: True)

    again = judge_again(tmp_path / "models" / "0", tones)
    stored = load_saved(tmp_path / "models" / "0")
    assert again.accuracy == stored.metrics["accuracy"]
    assert again.log_loss == pytest.approx(stored.metrics["log_loss"], rel=1e-5)
    stored_bytes = sum(array.nbytes for array in stored.arrays.values())
    assert stored_bytes == result.complexity["size_bytes"]
    assert reference_count(stored.network()).macs == result.complexity["macs"]
    assert bool(stored.standards) == (wanted.get("frontend.normalisation") == "standard")


def test_a_saved_ensemble_gives_on_sound_files_what_was_judged(tones, tmp_path):
    """Each of its networks has standards of its own."""
    choices = dict(draw(*RUNNERS["standard"]).choices)
    other = {"frontend.normalisation": "batch_norm"}
    space = load_space("mbconv")
    made: list[Architecture] = [space.from_choices(choices), space.from_choices(choices | other)]
    model = replace(report_model("deepsound-32"), classes=2, clip_s=CLIP_S)
    members = [
        Member(replace(model, id=f"m{n}", architecture=architecture), number, weight)
        for n, (architecture, number, weight) in enumerate(
            zip(made, (2, 1), (1.0, 3.0), strict=True)
        )
    ]
    ensemble = Ensemble("made", "", "", tuple(members), tones.classes, CLIP_S, "plain", {})
    settings = TrialSettings(tones, "mbconv", "plain", RECIPE, EPOCHS, ())
    fitted = [
        fit(member.model.architecture, settings, seed, lambda _: True)
        for seed, member in enumerate(ensemble.networks)
    ]
    metrics = validation_metrics(tones, vote(ensemble, [each.probabilities for each in fitted]))
    save_ensemble(tmp_path / "7", ensemble, [each.model for each in fitted], metrics.to_dict())

    again = judge_again(tmp_path / "7", tones)
    assert [len(each.model.standards) for each in fitted] == [1, 1, 0]
    assert again.accuracy == metrics.accuracy
    assert again.log_loss == pytest.approx(metrics.log_loss, rel=1e-5)


@pytest.mark.parametrize(("space", "wanted"), RUNNERS.values(), ids=RUNNERS)
def test_inputs_are_the_features_that_training_saw(space, wanted, tones):
    architecture = draw(space, wanted)
    inputs = read_inputs(
        build(architecture, 2, CLIP_S), *[str(clip.path) for clip in tones.clips[:8]]
    )

    features = load_inputs(tones, architecture.frontend)
    assert len(inputs) == len(features)
    for found, expected in zip(inputs, features, strict=True):
        assert found.dtype == torch.float32
        assert np.array_equal(found.numpy(), expected[:8].astype(np.float32))


def test_what_cannot_be_read_is_named(tmp_path):
    network = build(report_model("deepsound-32").architecture, 2, CLIP_S)
    (tmp_path / "rain.ogg").write_bytes(b"no sound")
    with pytest.raises(DatasetError, match=r"rain\.ogg: expected a WAV, FLAC or OGG clip"):
        read_inputs(network, tmp_path / "rain.ogg")
    with pytest.raises(ValueError, match=r"expected sound files .* found no file"):
        read_inputs(network)
    with pytest.raises(ValueError, match="found a network made by hand"):
        read_inputs(Network(network.layers), tmp_path / "rain.ogg")

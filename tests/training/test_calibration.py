"""Temperature scaling against a grid of temperatures, and folded into networks of every head."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from study_cases import write_tones

from nas_asc.architectures import Norm
from nas_asc.datasets import load_dataset
from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.network import build
from nas_asc.networks.stored import store
from nas_asc.reports.lookup import report_model
from nas_asc.study import Job, load_study
from nas_asc.training.calibration import HIGHEST, LOWEST, best_temperature, fold_temperature
from nas_asc.training.run_job import run_job

GRID = np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 601))


def log_loss(labels, probabilities):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def drawn(sharpness, clips=400, classes=4):
    """Draw logits, labels that follow their softmax, and say the logits times a sharpness."""
    rng = np.random.default_rng(1)
    logits = rng.normal(scale=1.5, size=(clips, classes))
    labels = np.array([rng.choice(classes, p=row) for row in softmax(logits, axis=1)])
    return sharpness * logits, labels


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_the_temperature_is_the_best_of_a_fine_grid(sharpness):
    logits, labels = drawn(sharpness)
    found = best_temperature(softmax(logits, axis=1), labels)
    losses = [log_loss(labels, softmax(logits / t, axis=1)) for t in GRID]
    assert found == pytest.approx(GRID[np.argmin(losses)], rel=1.1 * np.log(GRID[1] / GRID[0]))
    assert found == pytest.approx(sharpness, rel=0.2)  # labels were drawn at the sharpness 1


def test_windows_are_scaled_one_by_one_and_files_are_judged():
    """Three windows a file, one of which tells the class of the file."""
    logits, told = drawn(3.0, clips=120)
    files, labels = np.repeat(np.arange(40), 3), np.repeat(told[::3], 3)

    def loss(t):
        of_files = softmax(logits / t, axis=1).reshape(40, 3, 4).mean(axis=1)
        return log_loss(labels[::3], of_files)

    found = best_temperature(softmax(logits, axis=1), labels, files)
    assert loss(found) <= min(map(loss, GRID)) < loss(1.0)
    by_window = best_temperature(softmax(logits, axis=1), labels)
    assert loss(found) < loss(by_window)


def test_what_is_always_right_or_no_better_than_chance_keeps_to_the_limits():
    labels = np.arange(40) % 4
    right = softmax(1.0 * np.eye(4)[labels], axis=1)
    assert best_temperature(right, labels) == pytest.approx(LOWEST, rel=1e-4)
    assert best_temperature(right, (labels + 1) % 4) == pytest.approx(HIGHEST, rel=1e-4)
    assert best_temperature(np.full((40, 4), 0.25), labels) == 1.0  # none is better


@pytest.mark.parametrize("model", ["deepsound-32", "ntu-vggnet", "srpol-3", "srpol-4"])
def test_a_folded_temperature_divides_the_logits_and_costs_nothing(model):
    """Linear classifiers, pruned or not, and convolutional ones, which are averaged after."""
    torch.manual_seed(0)
    architecture = report_model(model).architecture
    network = build(architecture, 3, 0.5).eval()
    inputs = [torch.randn(4, *shape) for shape in network.input_shapes]
    bytes_before = {name: array.nbytes for name, array in store(network, precision="int8").items()}
    with torch.inference_mode():
        before = network(*inputs)
    fold_temperature(network, 1.7)
    with torch.inference_mode():
        after = network(*inputs)
    torch.testing.assert_close(after, before / 1.7, rtol=1e-5, atol=1e-6)
    assert torch.equal(after.argmax(dim=1), before.argmax(dim=1))
    stored = store(network, precision="int8")
    assert {name: array.nbytes for name, array in stored.items()} == bytes_before


def test_the_scales_of_int8_take_the_temperature():
    """A power of two is exact in float16, so the integers stay and the scales are halved."""
    network = build(report_model("deepsound-32").architecture, 3, 0.5)
    before = store(network, precision="int8")
    fold_temperature(network, 2.0)
    after = store(network, precision="int8")
    name = "head.classifier.weight"
    np.testing.assert_array_equal(after[name], before[name])
    np.testing.assert_array_equal(2 * after[f"{name}.scale"], before[f"{name}.scale"])


def test_a_norm_behind_the_classifier_is_refused():
    network = build(report_model("deepsound-32").architecture, 3, 0.5)
    last = network.layers[-1]
    norm = Norm(axis=0, shortcut=False)
    network.layers.append(replace(last, index=last.index + 1, name="head.norm", operator=norm))
    with pytest.raises(UnsupportedOperation, match="expected nothing but pooling"):
        fold_temperature(network, 2.0)


@pytest.mark.slow
def test_a_recipe_calibrates_what_it_stores(tmp_path, monkeypatch):
    """The weights are those of the training without it, but for the classifier's."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tones").mkdir()
    dataset = load_dataset(write_tones(tmp_path / "tones", 48000, 0.4))
    recipe = load_study("quick").recipe.model_copy(update={"batch_size": 8})
    found = {}
    for calibration in ("none", "temperature"):
        context = {
            "data": dataset.source.to_dict(),
            "split_seed": 0,
            "validation_clips": None,
            "recipe": {**recipe.to_dict(), "calibration": calibration},
            "rule": "plain",
            "space": "mbconv",
            "run": str(tmp_path / calibration),
        }
        model = report_model("deepsound-32").adapted(2, 0.4)
        job = Job(0, model.architecture.to_dict(), 5, 2, 2, context=context)
        found[calibration] = run_job(job, lambda _: None)
    plain, calibrated = found["none"], found["temperature"]
    assert "temperature" not in plain.metrics
    assert LOWEST <= calibrated.metrics["temperature"] <= HIGHEST
    assert calibrated.metrics["accuracy"] == plain.metrics["accuracy"]
    assert calibrated.metrics["log_loss"] <= plain.metrics["log_loss"] + 1e-3  # of rounding
    assert calibrated.complexity == plain.complexity

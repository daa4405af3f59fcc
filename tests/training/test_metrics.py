import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, log_loss, recall_score
from torch import nn

from nas_asc.training.metrics import compute_metrics, evaluate, predict_proba, score

CLASSES = ("bus", "metro", "park", "tram")


def drawn(clips=200, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(4), clips)
    labels = rng.choice(4, clips, p=[0.55, 0.25, 0.15, 0.05])
    devices = list(rng.choice(["a", "b", "s4"], clips))
    return probabilities, labels, devices


def test_accuracy_and_log_loss_are_sklearns():
    probabilities, labels, _ = drawn()
    judged = score(probabilities, labels)
    expected = balanced_accuracy_score(labels, probabilities.argmax(1))
    assert judged.accuracy == pytest.approx(expected)
    assert judged.log_loss == pytest.approx(log_loss(labels, probabilities), rel=1e-12)


def test_classes_and_devices_are_judged_as_sklearn_judges_their_clips_alone():
    probabilities, labels, devices = drawn()
    metrics = compute_metrics(probabilities, labels, CLASSES, devices)
    parts = [(metrics.per_class[name], labels == n) for n, name in enumerate(CLASSES)]
    parts += [(metrics.per_device[name], np.array(devices) == name) for name in ("a", "b", "s4")]
    for part, own in parts:
        truth, given = labels[own], probabilities[own]
        recalls = recall_score(truth, given.argmax(1), labels=np.unique(truth), average="macro")
        assert part.clips == own.sum()
        assert part.accuracy == pytest.approx(recalls)
        assert part.log_loss == pytest.approx(log_loss(truth, given, labels=range(4)), rel=1e-12)


def test_devices_that_training_had_none_of_are_a_group():
    probabilities, labels, devices = drawn()
    metrics = compute_metrics(probabilities, labels, CLASSES, devices, ["a", "b", None])
    assert metrics.unseen_devices == metrics.per_device["s4"]
    assert compute_metrics(probabilities, labels, CLASSES, devices, devices).unseen_devices is None


def test_clips_of_unknown_devices_belong_to_no_device():
    probabilities, labels, _ = drawn(clips=4)
    metrics = compute_metrics(probabilities, labels, CLASSES, [None, "a", None, "a"], ["b"])
    assert set(metrics.per_device) == {"a"}
    assert metrics.unseen_devices.clips == 2


def test_a_certain_mistake_costs_what_the_clip_at_1e_15_says():
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]])
    judged = score(probabilities, np.array([0, 1]))
    assert judged.log_loss == pytest.approx(-np.log(1e-15) / 2, rel=1e-9)


def test_a_class_without_clips_is_left_out():
    probabilities, labels = np.eye(4)[[0, 1, 1]], np.array([0, 1, 0])
    metrics = compute_metrics(probabilities, labels, CLASSES)
    assert set(metrics.per_class) == {"bus", "metro"}
    assert metrics.accuracy == pytest.approx((0.5 + 1.0) / 2)


def test_no_clips_are_refused():
    with pytest.raises(ValueError, match="at least one clip"):
        score(np.zeros((0, 4)), np.zeros(0, dtype=int))


def test_a_network_is_judged_in_inference_mode_and_left_as_it_was():
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(6), nn.Dropout(0.9), nn.Linear(6, 4))
    inputs, labels = torch.randn(100, 1, 2, 3).half(), torch.arange(100) % 4
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = evaluate(network, inputs, labels, CLASSES)
    assert first == evaluate(network, inputs, labels, CLASSES)
    assert network.training
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())


def test_probabilities_do_not_depend_on_the_batches():
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 4))
    inputs = torch.randn(100, 1, 2, 3)
    whole = predict_proba(network, inputs, batch_size=100)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(predict_proba(network, inputs, batch_size=7), whole, rtol=1e-5)
    np.testing.assert_allclose(whole.sum(1), 1.0)


# Two files of three and of five windows; the truth of the first is class 0, of the second class 1.
FILES = (0, 0, 0, 1, 1, 1, 1, 1)
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
OF_CLASS_0 = np.array([0.9, 0.2, 0.7, 0.6, 0.6, 0.6, 0.1, 0.4])
WINDOWS = np.stack([OF_CLASS_0, 1 - OF_CLASS_0], axis=1)


def test_files_are_judged_by_the_mean_of_their_windows():
    metrics = compute_metrics(WINDOWS, LABELS, ("a", "b"), ["x"] * 3 + ["y"] * 5, ["x"], FILES)
    assert (metrics.clips, metrics.windows) == (2, 8)
    assert metrics.accuracy == 1.0  # 0.6 and 0.46 of class 0
    assert metrics.log_loss == pytest.approx(-(np.log(0.6) + np.log(0.54)) / 2)
    assert metrics.window_accuracy == pytest.approx((2 / 3 + 2 / 5) / 2)
    right = [0.9, 0.2, 0.7, 0.4, 0.4, 0.4, 0.9, 0.6]
    assert metrics.window_log_loss == pytest.approx(-np.log(right).mean())
    assert metrics.per_class["b"].clips == metrics.per_device["y"].clips == 1
    assert metrics.per_class["b"].log_loss == pytest.approx(-np.log(0.54))
    assert metrics.unseen_devices == metrics.per_device["y"]


def test_the_order_of_windows_does_not_matter():
    order = np.random.default_rng(0).permutation(8)
    files = [FILES[i] for i in order]
    mixed = compute_metrics(WINDOWS[order], LABELS[order], ("a", "b"), files=files)
    assert mixed.log_loss == pytest.approx(
        compute_metrics(WINDOWS, LABELS, ("a", "b"), files=FILES).log_loss
    )


def test_without_windows_there_is_no_word_of_them():
    assert not [name for name in compute_metrics(*drawn()[:2], CLASSES).to_dict() if "win" in name]

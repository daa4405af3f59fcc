"""The figures of an evaluation, by hand and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss

from nas_asc.training import evaluation
from nas_asc.training.evaluation import (
    Predictions,
    bootstrap_intervals,
    calibration_error,
    evaluate_predictions,
)
from nas_asc.training.metrics import score

CLASSES = ("bus", "metro", "park", "tram")


def drawn(clips=200, seed=0, **given):
    """Clips of 12 places, three devices and two cities, some right and some wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, clips, p=[0.4, 0.3, 0.2, 0.1])
    probabilities = rng.dirichlet(np.ones(4), clips) + 0.4 * np.eye(4)[labels]
    values = {
        "groups": [f"place-{n}" for n in rng.integers(12, size=clips)],
        "devices": list(rng.choice(["a", "s1", "s4"], clips)),
        "cities": list(rng.choice(["lyon", "prague"], clips)),
        "training_devices": frozenset({"a", "s1", None}),
        **given,
    }
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(CLASSES, probabilities, labels, **values)


def test_every_part_is_as_scikit_learn_has_it():
    given = drawn()
    found = evaluate_predictions(given)
    devices, cities = np.array(given.devices), np.array(given.cities)
    masks = {("all", ""): np.ones(200, bool)}
    masks |= {("class", name): given.labels == c for c, name in enumerate(CLASSES)}
    masks |= {("device", name): devices == name for name in ("a", "s1", "s4")}
    masks |= {("devices", "seen"): devices != "s4", ("devices", "unseen"): devices == "s4"}
    masks |= {("city", name): cities == name for name in ("lyon", "prague")}
    assert [(part.kind, part.name) for part in found.parts] == list(masks)
    for part, own in zip(found.parts, masks.values(), strict=True):
        truth, probabilities = given.labels[own], given.probabilities[own]
        guessed = probabilities.argmax(axis=1)
        recalls = [np.mean(guessed[truth == c] == c) for c in np.unique(truth)]
        each = [
            log_loss(truth[truth == c], probabilities[truth == c], labels=range(4))
            for c in np.unique(truth)
        ]
        assert part.clips == own.sum()
        assert part.groups == len(set(np.array(given.groups)[own]))
        assert part.accuracy == pytest.approx(np.mean(recalls))
        expected = log_loss(truth, probabilities, labels=range(4))
        assert part.log_loss == pytest.approx(expected, rel=1e-12)
        assert part.log_loss_macro == pytest.approx(np.mean(each), rel=1e-12)
    guessed = given.probabilities.argmax(axis=1)
    assert found.overall.accuracy == pytest.approx(balanced_accuracy_score(given.labels, guessed))
    assert found.confusion == tuple(map(tuple, confusion_matrix(given.labels, guessed).tolist()))
    assert {name: part.seen for name, part in found.of("device").items()} == {
        "a": True,
        "s1": True,
        "s4": False,
    }


def test_what_is_not_known_is_no_part():
    found = evaluate_predictions(drawn(devices=(), cities=[None] * 200, training_devices=None))
    assert {part.kind for part in found.parts} == {"all", "class"}
    unknown = evaluate_predictions(drawn(training_devices=None))
    assert not unknown.of("devices")
    assert unknown.of("device")["s4"].seen is None
    assert not evaluate_predictions(drawn(training_devices=frozenset({"a", "s1", "s4"}))).of(
        "devices"
    )
    assert all(part.calibration_error is None for part in found.of("class").values())


def test_a_class_without_a_clip_is_no_part_and_an_empty_row():
    given = drawn()
    given = replace(given, classes=(*CLASSES, "ufo"), probabilities=np.eye(5)[given.labels])
    found = evaluate_predictions(given)
    assert set(found.of("class")) == set(CLASSES)
    assert found.confusion[4] == (0, 0, 0, 0, 0)
    assert found.overall.accuracy == 1.0


# Confidences 0.5, 0.6, 0.65 and 0.95: the first is alone in (7/15, 8/15], the next in (8/15, 9/15],
# the third in (9/15, 10/15], the last in (14/15, 1].
FOUR = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.65, 0.2, 0.15], [0.01, 0.04, 0.95]])


def test_the_calibration_error_of_four_clips_by_hand():
    right = calibration_error(FOUR, np.array([0, 1, 0, 2]))
    assert right == pytest.approx((0.5 + 0.4 + 0.35 + 0.05) / 4)
    half = calibration_error(FOUR, np.array([1, 1, 0, 0]))
    assert half == pytest.approx((0.5 + 0.4 + 0.35 + 0.95) / 4)


def test_clips_of_one_bin_are_judged_together():
    """Both have 0.62 and 0.66 in (0.6, 2/3], of which one is right: |1/2 - 0.64|."""
    probabilities = np.array([[0.62, 0.38], [0.66, 0.34]])
    assert calibration_error(probabilities, np.array([0, 1])) == pytest.approx(0.14)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    """Of two bins the first is (0, 0.5]: 0.5 and 0.4 are in it, one of them right."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3]])
    assert calibration_error(probabilities, np.array([0, 1]), 2) == pytest.approx(abs(0.5 - 0.45))


def judged(right, losses, labels, groups):
    found = bootstrap_intervals(np.array(right), np.array(losses), np.array(labels), groups)
    assert found is not None
    return [(each.low, each.high) for each in found]


def test_groups_that_are_all_alike_leave_no_doubt():
    """However unlike the clips in each are: it is groups that are drawn."""
    groups = [name for name in "abcdef" for _ in range(4)]
    accuracy, loss = judged(
        [True, False, True, True] * 6, [1, 9, 2, 4] * 6, [0, 0, 1, 1] * 6, groups
    )
    assert accuracy == pytest.approx((0.75, 0.75), abs=1e-12)
    assert loss == pytest.approx((4, 4), abs=1e-12)


def test_clips_of_one_group_count_as_one():
    """Six groups of 50 clips that are all right or all wrong: as six clips, not as 300."""
    right = np.array([True, False] * 3)
    one_each = judged(right, 1.0 - right, [0] * 6, list("abcdef"))
    many = right.repeat(50)
    fifty = judged(many, 1.0 - many, [0] * 300, [name for name in "abcdef" for _ in range(50)])
    np.testing.assert_allclose(fifty, one_each)
    alone = judged(many, 1.0 - many, [0] * 300, [str(n) for n in range(300)])
    assert fifty[0][1] - fifty[0][0] > 4 * (alone[0][1] - alone[0][0])


def test_intervals_have_the_width_of_theory():
    """Of 400 clips by themselves, 80 % right: 2 x 1.96 x sqrt(0.8 x 0.2 / 400)."""
    right = np.arange(400) % 5 > 0
    accuracy, _ = judged(right, 1.0 - right, [0] * 400, [str(n) for n in range(400)])
    assert accuracy[1] - accuracy[0] == pytest.approx(3.92 * np.sqrt(0.16 / 400), rel=0.1)
    assert sum(accuracy) / 2 == pytest.approx(0.8, abs=0.01)


def test_intervals_do_not_depend_on_how_many_resamples_are_drawn_at_a_time(monkeypatch):
    given = drawn()

    def ends(seed=0):
        every = evaluate_predictions(given, seed).overall
        return [*vars(every.accuracy_interval).values(), *vars(every.log_loss_interval).values()]

    whole = ends()
    monkeypatch.setattr(evaluation, "_DRAWN", 12 * 7)
    assert ends() == pytest.approx(whole, abs=1e-12)
    assert ends(seed=1) != pytest.approx(whole, abs=1e-12)


def test_intervals_hold_the_figure_and_few_groups_give_none():
    given = drawn()
    every = evaluate_predictions(given).overall
    assert every.accuracy_interval.low < every.accuracy < every.accuracy_interval.high
    assert every.log_loss_interval.low < every.log_loss < every.log_loss_interval.high
    four = replace(given, groups=[f"place-{n % 4}" for n in range(200)])
    assert evaluate_predictions(four).overall.accuracy_interval is None


def test_the_headline_is_that_of_a_trial():
    given = drawn()
    assert score(given.probabilities, given.labels).log_loss == (
        evaluate_predictions(given).overall.log_loss
    )

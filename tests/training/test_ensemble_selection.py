"""Greedy selection against cases by hand, and all limits of a budget on drawn candidates."""

from math import gcd, log

import numpy as np
import pytest

from nas_asc.complexity import Budget, count, total_costs
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.training.ensemble_selection import Candidate, select_members

LABELS = np.array([0, 0, 1, 1])
COSTS = count(report_model("deepsound-32").architecture, 2, 0.5).costs


def candidate(trial, size_bytes, true, macs=1000, peak=500):
    """A network of so many bytes, with its probabilities of the true class of each clip."""
    right = np.array(true, dtype=float)
    labels = np.resize(LABELS, len(right))
    both = np.stack([np.where(labels == c, right, 1 - right) for c in (0, 1)], axis=1)
    costs = {"size_bytes": size_bytes, "counted_macs": macs, "peak_activation_bytes": peak}
    return Candidate(trial, COSTS._replace(**costs), both)


# Log losses 0.916, 0.916 and 0.714; a and b together say 0.5 of every clip: ln 2 = 0.693. With the
# best one, c, no other lowers the loss.
A = candidate(3, 80, [0.8, 0.8, 0.2, 0.2])
B = candidate(5, 100, [0.2, 0.2, 0.8, 0.8])
C = candidate(8, 110, [0.6, 0.4, 0.6, 0.4])


def loss(candidates, weights):
    """The log loss of the averaged probabilities, by the formula."""
    total = sum(weights.values())
    mean = sum(weights[c.trial] * c.probabilities for c in candidates if c.trial in weights) / total
    labels = np.resize(LABELS, len(mean))
    return -np.log(mean[np.arange(len(mean)), labels]).mean()


def test_two_that_are_wrong_in_different_clips_beat_the_best_one():
    found = select_members([A, B, C], LABELS, Budget(size_bytes=200), "log_loss")
    assert found.weights == {3: 1, 5: 1}
    assert found.single is C
    assert loss([A, B], found.weights) == pytest.approx(log(2))


def test_a_budget_for_another_pair_only_finds_that_nothing_is_better():
    """80 + 100 bytes are too many for 150; 80 + 60 are not, and help nobody."""
    useless = candidate(9, 60, [0.1, 0.1, 0.1, 0.1])
    found = select_members([A, B, C, useless], LABELS, Budget(size_bytes=150), "log_loss")
    assert found.weights == {}
    assert found.single is C


def test_weights_come_from_choosing_a_member_again():
    """The best share w of the first: 3 ln(0.3 + 0.6 w) + ln(0.9 - 0.8 w) is largest at 0.71875."""
    first = candidate(0, 100, [0.9, 0.9, 0.9, 0.1])
    second = candidate(1, 100, [0.3, 0.3, 0.3, 0.9])
    weights = select_members([first, second], LABELS, Budget(size_bytes=200), "log_loss").weights
    assert weights[0] / sum(weights.values()) == pytest.approx(0.71875, abs=0.02)
    assert gcd(*weights.values()) == 1


def test_accuracy_may_be_what_is_searched_for():
    """Each is right in three of four clips or fewer; together all are."""
    one = candidate(0, 100, [0.9, 0.9, 0.9, 0.4])
    other = candidate(1, 100, [0.4, 0.4, 0.4, 0.9])
    found = select_members([one, other], LABELS, Budget(size_bytes=200), "accuracy")
    assert found.single is one
    mean = sum(found.weights[c.trial] * c.probabilities for c in (one, other))
    np.testing.assert_array_equal(mean.argmax(axis=1), LABELS)
    alike = candidate(1, 100, [0.8, 0.8, 0.8, 0.45])  # wrong where the first is
    assert not select_members([one, alike], LABELS, Budget(size_bytes=200), "accuracy").weights


@pytest.mark.parametrize("objective", ["log_loss", "accuracy"])
@pytest.mark.parametrize("most", [None, 2])
def test_no_limit_is_ever_exceeded(objective, most):
    rng = np.random.default_rng(5)
    labels = np.resize(LABELS, 40)
    found = 0
    for _ in range(8):
        drawn = [
            candidate(
                trial,
                *(int(rng.integers(40, 120)), rng.uniform(0.05, 0.95, 40)),
                *(int(rng.integers(10, 40)), int(rng.integers(400, 600))),
            )
            for trial in range(12)
        ]
        budget = Budget(size_bytes=260, macs=70, peak_activation_bytes=550)
        selection = select_members(drawn, labels, budget, objective, most)
        members = [c for c in drawn if c.trial in selection.weights]
        found += len(members) > 1
        assert len(members) <= (most or 12)
        if members:
            assert budget.exceeded(total_costs([c.costs for c in members])) is None
            if objective == "log_loss":
                assert loss(members, selection.weights) < loss(drawn, {selection.single.trial: 1})
        assert select_members(drawn, labels, budget, objective, most) == selection
    assert found > 4


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(size_bytes=179), "the two smallest take 180 bytes; got 179 bytes"),
        (Budget(macs=1999), "the two smallest take 2,000 multiply-accumulates"),
        (Budget(peak_activation_bytes=499), "the two smallest take 500 bytes of peak"),
        (Budget(size_bytes=10, macs=9000), "the two smallest take 180 bytes"),
    ],
)
def test_a_budget_without_room_for_two_is_an_error(budget, words):
    with pytest.raises(ConfigError, match=words):
        select_members([A, B, C], LABELS, budget, "log_loss")

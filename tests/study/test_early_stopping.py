import math

import pytest

from nas_asc.study.config import EarlyStopping
from nas_asc.study.job import loss_of, make_rung

EARLIER = [(1000 * 2**i, 2.0 - 0.2 * i) for i in range(8)]  # each size doubled costs 0.2 less


def promotes(loss, size_bytes=1000, earlier=EARLIER, keep=0.5):
    return make_rung(3, keep, "log_loss", size_bytes, earlier).promotes({"log_loss": loss})


def test_without_earlier_trials_or_a_judged_epoch_everything_passes():
    assert promotes(99.0, earlier=[])
    assert promotes(None, keep=0.01)


@pytest.mark.parametrize("size_bytes", [500, 1500, 3000, 20_000, 500_000])
def test_what_nothing_smaller_beats_promotes_however_little_is_kept(size_bytes):
    lowest = min((loss for size, loss in EARLIER if size <= size_bytes), default=math.inf)
    assert promotes(min(lowest, 5.0) - 0.01, size_bytes, keep=0.01)


def test_a_small_network_is_not_compared_with_large_ones():
    assert promotes(1.9, 1_000)
    assert not promotes(1.9, 1_000_000)


def test_the_share_that_promotes_is_counted_among_those_of_like_size():
    earlier = [(1000, float(loss)) for loss in range(1, 10)]
    # 6 nearest of 9, all of one size: losses 1 to 6 in the order given; half of 7 is 3.5
    assert make_rung(3, 0.5, "log_loss", 1000, earlier).peer_losses == (1, 2, 3, 4, 5, 6)
    assert promotes(3.5, earlier=earlier)
    assert not promotes(4.5, earlier=earlier)


def test_what_ties_with_the_best_goes_on():
    """Few validation clips give few accuracies: after an epoch all may be at chance, or at 0."""
    rung = make_rung(1, 0.5, "accuracy", 1000, [(1000, 1.0)] * 8)
    assert rung.promotes({"accuracy": 0.0})
    assert promotes(2.0, 1000, [(1000, 2.0), *[(900, 3.0)] * 7], keep=0.01)


def test_a_tie_with_those_of_like_size_counts_half():
    """Of seven, 0.5 keeps fewer than 3.5 that are better; half of six ties are three."""
    smaller_and_better = [(10, 1.0)]
    ties = [(1000, 2.0)] * 6
    assert promotes(2.0, 1000, smaller_and_better + ties, keep=0.5)
    assert not promotes(2.0, 1000, smaller_and_better + ties, keep=0.4)


def test_accuracy_is_compared_the_other_way_round():
    earlier = [(1000, 1.0 - accuracy) for accuracy in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)]
    at = make_rung(3, 0.5, "accuracy", 1000, earlier)
    assert at.promotes({"accuracy": 0.85})
    assert not at.promotes({"accuracy": 0.55})
    assert loss_of({"accuracy": 0.75}, "accuracy") == 0.25
    assert loss_of({"accuracy": None}, "accuracy") is None


def test_rungs_are_shares_of_the_epochs():
    stopping = EarlyStopping(enabled=True, rungs=(1 / 9, 1 / 3), keep=0.5, min_history=6)
    assert stopping.epochs(27) == (3, 9)
    assert stopping.epochs(1) == ()
    assert stopping.model_copy(update={"enabled": False}).epochs(27) == ()

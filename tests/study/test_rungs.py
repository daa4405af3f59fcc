import math

import pytest

from nas_asc.study.early_stopping import EarlyStopping, loss_of, make_rung

EARLIER = [(1000 * 2**i, 2.0 - 0.2 * i) for i in range(8)]  # each size doubled costs 0.2 less


def test_a_rung_without_earlier_trials_lets_everything_pass():
    assert make_rung(3, 0.5, "log_loss", 1000, []).promotes({"log_loss": 99.0})


def test_an_epoch_that_was_not_judged_lets_pass():
    assert make_rung(3, 0.01, "log_loss", 1000, EARLIER).promotes({"log_loss": None})


@pytest.mark.parametrize("size_bytes", [500, 1500, 3000, 20_000, 500_000])
def test_what_nothing_smaller_beats_promotes_however_little_is_kept(size_bytes):
    lowest = min((loss for size, loss in EARLIER if size <= size_bytes), default=math.inf)
    loss = min(lowest, 5.0) - 0.01
    assert make_rung(3, 0.01, "log_loss", size_bytes, EARLIER).promotes({"log_loss": loss})


def test_a_small_network_is_not_compared_with_large_ones():
    like_a_large_one = make_rung(3, 0.5, "log_loss", 1_000_000, EARLIER)
    like_a_small_one = make_rung(3, 0.5, "log_loss", 1_000, EARLIER)
    assert like_a_small_one.promotes({"log_loss": 1.9})
    assert not like_a_large_one.promotes({"log_loss": 1.9})


def test_the_share_that_promotes_is_counted_among_those_of_like_size():
    earlier = [(1000, float(loss)) for loss in range(1, 10)]
    # 6 nearest of 9, all of one size: losses 1 to 6 in the order given; half of 7 is 3.5
    at = make_rung(3, 0.5, "log_loss", 1000, earlier)
    assert at.peer_losses == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert at.promotes({"log_loss": 3.5})
    assert not at.promotes({"log_loss": 4.5})


def test_accuracy_is_compared_the_other_way_round():
    earlier = [(1000, 1.0 - accuracy) for accuracy in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)]
    at = make_rung(3, 0.5, "accuracy", 1000, earlier)
    assert at.promotes({"accuracy": 0.85})
    assert not at.promotes({"accuracy": 0.55})


def test_a_loss_is_absent_where_nothing_was_judged():
    assert loss_of({}, "log_loss") is None
    assert loss_of({"accuracy": None}, "accuracy") is None
    assert loss_of({"accuracy": 0.75}, "accuracy") == 0.25


def test_rungs_are_shares_of_the_epochs():
    stopping = EarlyStopping(enabled=True, rungs=(1 / 9, 1 / 3), keep=0.5, min_history=6)
    assert stopping.epochs(27) == (3, 9)
    assert stopping.epochs(1) == ()
    assert stopping.model_copy(update={"enabled": False}).epochs(27) == ()

import pytest

from nas_asc.study.config import EarlyStopping
from nas_asc.study.job import loss_of

THIRDS = EarlyStopping(enabled=True, rungs=(0.11, 0.33), keep=0.33)


@pytest.mark.parametrize(
    ("total", "epochs"),
    # none of the first two; of two that would be the same there is one
    [(27, (3, 9)), (90, (10, 30)), (12, (3, 4)), (9, (3,)), (3, ()), (1, ())],
)
def test_rungs_are_shares_of_the_epochs_and_never_the_first_two(total, epochs):
    assert THIRDS.epochs(total) == epochs


def test_without_early_stopping_there_is_no_rung():
    assert THIRDS.model_copy(update={"enabled": False}).epochs(27) == ()


def test_most_trials_need_few_epochs():
    """All the first 10 of 100, a half 20 more, a quarter the other 70."""
    halves = EarlyStopping(enabled=True, rungs=(0.1, 0.3), keep=0.5)
    assert halves.expected_share(100) == pytest.approx(0.1 + 0.5 * 0.2 + 0.25 * 0.7)
    assert halves.model_copy(update={"enabled": False}).expected_share(100) == 1


def test_what_is_minimised_is_the_loss_or_one_less_the_accuracy():
    assert loss_of({"accuracy": 0.75, "log_loss": 0.5}, "accuracy") == 0.25
    assert loss_of({"accuracy": 0.75, "log_loss": 0.5}, "log_loss") == 0.5
    assert loss_of({"accuracy": None}, "accuracy") is None

"""What the queue of trials learns about durations, and what it decides by that."""

import random
from types import MappingProxyType, SimpleNamespace

import pytest
from study_cases import study

from nas_asc.search.progress import TrialCounts
from nas_asc.search.storage.trials import Trial
from nas_asc.search.timing import Clock
from nas_asc.search.trial_queue import TrialQueue
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import JobResult

METRICS = MappingProxyType({"log_loss": 0.5, "accuracy": 0.8})


@pytest.fixture
def queue():
    """A queue with 40 s of one worker: 20 s for report models."""
    scheduler = SimpleNamespace(trials={}, can_ask=False, restore=lambda trial: ())
    return TrialQueue(study(time_s=40.0), scheduler, TrialCounts(None, "log_loss"), workers=1)


def trial(number, *macs, seconds=None, model=None, **values):
    """A trial of one or several networks, waiting or completed."""
    costs = {"size_bytes": 1000, "macs": sum(macs)}
    if len(macs) > 1:
        costs["network_macs"] = list(macs)
    result = None if seconds is None else JobResult(METRICS, costs, (), seconds)
    state = "waiting" if result is None else "completed"
    architecture = load_space("mbconv").random(random.Random(number))
    values = {"state": state, **values}
    return Trial(number, architecture, model, number, costs, result=result, **values)


def test_an_ensemble_says_nothing_of_how_long_one_network_takes(queue):
    """1 s for 1 million by the network: 10 s for 10 million, and 6 + 10 s are under 20 s.

    With 6 s for 2 million, of the ensemble, more than 20 s would be expected.
    """
    queue.restore(trial(0, 1_000_000, seconds=1.0))
    queue.restore(trial(1, 1_000_000, 1_000_000, seconds=6.0, model="ensemble"))
    waiting = trial(2, 10_000_000, model="network")
    queue.restore(waiting)
    assert queue.next_trial({}, Clock(40.0)) == waiting


@pytest.mark.parametrize(
    ("seconds", "spent_s"), [(21.0, 0.0), (10.0, 11.0)], ids=["by itself", "after earlier ones"]
)
def test_a_report_model_that_would_take_more_than_half_is_left_out(queue, seconds, spent_s):
    """1 s for 1 million; what an earlier session spent on report models counts."""
    queue.restore(trial(0, 1_000_000, seconds=1.0))
    queue.restore(trial(1, 1, model="cut", state="skipped", spent_s=spent_s))
    queue.restore(trial(2, round(1_000_000 * seconds), model="network"))
    chosen = queue.next_trial({}, Clock(40.0))
    assert (chosen.state, chosen.reason) == ("skipped", "report models may take half of the time")

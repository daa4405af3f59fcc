"""What the agenda learns about durations, and what it decides by that."""

import random
from types import MappingProxyType, SimpleNamespace

import pytest
from study_cases import study

from nas_asc.agenda import Agenda
from nas_asc.job import JobResult
from nas_asc.library import load_space
from nas_asc.study_clock import Clock
from nas_asc.trial_counts import TrialCounts
from nas_asc.trials import Trial

METRICS = MappingProxyType({"log_loss": 0.5, "accuracy": 0.8})


@pytest.fixture
def agenda():
    """An agenda with 40 s of one worker: 20 s for report models."""
    settings = study(time_s=40.0)
    scheduler = SimpleNamespace(trials={}, can_ask=False, place=lambda trial: ())
    return Agenda(settings, scheduler, TrialCounts(settings), workers=1)


def trial(number, *macs, seconds=None, model=None):
    """A trial of one or several networks, waiting or completed."""
    costs = {"size_bytes": 1000, "macs": sum(macs)}
    if len(macs) > 1:
        costs["network_macs"] = list(macs)
    result = None if seconds is None else JobResult(METRICS, costs, (), seconds)
    state = "waiting" if result is None else "completed"
    architecture = load_space("mbconv").random(random.Random(number))
    return Trial(number, architecture, model, number, costs, state=state, result=result)


def test_an_ensemble_says_nothing_of_how_long_one_network_takes(agenda):
    """1 s for 1 million by the network: 10 s for 10 million, and 6 + 10 s are under 20 s.

    With 6 s for 2 million, of the ensemble, more than 20 s would be expected.
    """
    agenda.take_up(trial(0, 1_000_000, seconds=1.0))
    agenda.take_up(trial(1, 1_000_000, 1_000_000, seconds=6.0, model="ensemble"))
    seed = trial(2, 10_000_000, model="network")
    agenda.take_up(seed)
    assert agenda.choose({}, Clock(40.0)) == seed


def test_a_report_model_that_would_take_more_than_half_is_left_out(agenda):
    """1 s for 1 million: 21 s for 21 million."""
    agenda.take_up(trial(0, 1_000_000, seconds=1.0))
    agenda.take_up(trial(1, 21_000_000, model="network"))
    chosen = agenda.choose({}, Clock(40.0))
    assert (chosen.state, chosen.reason) == ("skipped", "report models may take half of the time")

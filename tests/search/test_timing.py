"""What measured epochs forecast, and what they warn of."""

import logging
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from study_cases import DATASET, task

from nas_asc.datasets import Clip
from nas_asc.search.progress import Clock, Pace, TrialCounts
from nas_asc.search.storage.trials import Trial
from nas_asc.spaces.space_file import load_space


def test_earlier_sessions_count_towards_the_limit():
    clock = Clock(100.0, earlier_s=60.0)
    measured = (clock.left_s, clock.elapsed_s, clock.session_s)
    assert measured == pytest.approx((40.0, 60.0, 0.0), abs=1.0)
    assert Clock(None).left_s == math.inf


def trial(number, *macs):
    """A trial of one or several networks."""
    costs = {"size_bytes": 1000, "macs": sum(macs), "macs_fvcore_total": sum(macs)}
    costs["network_macs"] = list(macs)
    architecture = load_space("mbconv").random(random.Random(number))
    return Trial(number, architecture, None, number, costs, state="running")


@pytest.mark.parametrize(("slowness", "warnings"), [(0.5, 0), (1.9, 0), (2.5, 1)])
def test_a_machine_over_twice_as_slow_as_planned_is_warned_of_once(caplog, slowness, warnings):
    """Six epochs of 1 step, 8 ms each besides arithmetic of 3 x MACs x 1 clip at 40 G/s."""
    clip = Clip(Path("a.wav"), 0, "train", "a", None, None)
    pace = Pace(task(replace(DATASET, clips=(clip,))), workers=2)
    macs = 40_000_000_000
    planned = 6 * (0.008 + 3 * macs / 40e9) * (1 / 6)
    with caplog.at_level(logging.WARNING):
        for number in range(8):
            pace.note(trial(number, macs), {"epoch": 1, "seconds": slowness * planned})
    assert pace.slowness == pytest.approx(slowness, rel=0.01)
    assert len(caplog.records) == warnings


def test_a_forecast_is_of_what_has_ended_and_what_the_pace_leaves_room_for():
    clock = Clock(100.0, earlier_s=60.0)
    counts = TrialCounts(None, "log_loss")
    assert counts.progress(2, clock).expected is None
    assert counts.progress(2, clock, 4.0).expected == 10
    assert TrialCounts(30, "log_loss").progress(2, clock, 4.0).expected is None

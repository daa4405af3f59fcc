"""The benchmark of many workers, on few."""

import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_workers_of_timers_are_kept_busy_and_the_driver_is_timed(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    scale = __import__("scale")
    for name, value in {"LEAST_S": 4.0, "TRAININGS": 1, "TRIALS": 60, "LAST": 20}.items():
        monkeypatch.setattr(scale, name, value)
    monkeypatch.setattr(scale.SamplerTime, "seconds", 0.0)
    busy = scale.kept_busy(4, 0.5, "evolution")
    assert 0 < busy["busy"] <= 1
    assert (busy["lag"], busy["proposal_batch"]) == (8, 1)
    assert busy["trials"] > 4
    after = scale.after_thousands()
    assert after["driver_ms"] > 0
    assert sys.platform != "linux" or after["memory_bytes"] > 50e6

from math import cos, pi

import pytest
import torch

from nas_asc.study.config import NoSettings
from nas_asc.training.parts import SCHEDULES


def course(name, epochs, epoch_steps, peak=0.01):
    """The learning rate and the momentum of each step."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    schedule = SCHEDULES[name].function(optimizer, epochs, epoch_steps, settings=NoSettings())
    values = []
    for step in range(epochs * epoch_steps):
        values.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"][0]))
        optimizer.step()
        if step < epochs * epoch_steps - 1:
            schedule.step()
    return values


def half_cosine(start, end, share):
    return end + (start - end) * (1 + cos(pi * share)) / 2


@pytest.mark.parametrize("steps", [2, 3, 10, 15, 40, 601])
def test_one_cycle_rises_for_30_percent_and_falls_with_momentum_the_other_way(steps):
    last = 0.3 * steps - 1  # the step of the peak, from 0
    for step, (rate, momentum) in enumerate(course("one_cycle", 1, steps)):
        if step <= last:
            expected = half_cosine(0.01 / 25, 0.01, step / last if last else 1.0)
            beta = half_cosine(0.95, 0.85, step / last if last else 1.0)
        else:
            share = (step - last) / (steps - 1 - last)
            expected = half_cosine(0.01, 0.01 / 250_000, share)
            beta = half_cosine(0.85, 0.95, share)
        assert (rate, momentum) == pytest.approx((expected, beta), rel=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_only_step_of_a_training_is_made_at_the_peak(name):
    assert course(name, 1, 1) == [(0.01, 0.9)]


@pytest.mark.parametrize(("epochs", "epoch_steps"), [(1, 1), (1, 3), (4, 10), (200, 7)])
def test_cosine_falls_to_nought_and_constant_stays(epochs, epoch_steps):
    steps = epochs * epoch_steps
    falling = course("cosine", epochs, epoch_steps)
    expected = [half_cosine(0.01, 0.0, step / steps) for step in range(steps)]
    assert [rate for rate, _ in falling] == pytest.approx(expected, rel=1e-9)
    assert {momentum for _, momentum in falling} == {0.9}
    assert set(course("constant", epochs, epoch_steps)) == {(0.01, 0.9)}

"""The learning rate of each step, against the formulas of the papers and reports."""

from math import cos, floor, pi

import pytest
import torch
from recipe_cases import SCHEDULES as SETTINGS
from recipe_cases import recipe
from test_loop import trained

from nas_asc.training.batches import Clips
from nas_asc.training.parts import parts_of
from nas_asc.training.schedules import SCHEDULES


def course(name, epochs, epoch_steps, peak=0.01, **settings):
    """The learning rate and the momentum of each step."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    parts = parts_of(recipe(schedule={"name": name, **(settings or SETTINGS[name])}))
    schedule = parts.schedule(optimizer, epochs, epoch_steps)
    values = []
    for step in range(epochs * epoch_steps):
        values.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"][0]))
        optimizer.step()
        if step < epochs * epoch_steps - 1:
            schedule.step()
    return values


def rates(name, epochs, epoch_steps, **settings):
    return [rate for rate, _ in course(name, epochs, epoch_steps, **settings)]


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


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "plateau"])
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


@pytest.mark.parametrize("epoch_steps", [1, 7, 30])
def test_the_rate_of_srpol_falls_by_a_tenth_every_two_epochs(epoch_steps):
    """0.001 x 0.9^floor(epoch / 2), epochs from 0."""
    found = rates("step_decay", 12, epoch_steps, peak=0.001, factor=0.9, every=2)
    by_hand = {0: 1.0, 1: 1.0, 2: 0.9, 3: 0.9, 10: 0.59049}
    for epoch, share in by_hand.items():
        of_epoch = found[epoch * epoch_steps : (epoch + 1) * epoch_steps]
        assert of_epoch == pytest.approx([0.001 * share] * epoch_steps, rel=1e-12)


def test_a_shortened_decay_falls_between_epochs():
    found = rates("step_decay", 3, 10, factor=0.5, every=0.3)
    expected = [0.01 * 0.5 ** (step // 3) for step in range(30)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_line_falls_by_the_same_in_each_step():
    found = rates("linear", 2, 5, end=0.0)
    assert found == pytest.approx([0.01 * (10 - step) / 10 for step in range(10)])
    assert rates("linear", 1, 4, end=0.5) == pytest.approx([0.01, 0.00875, 0.0075, 0.00625])


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_a_cycle_is_a_triangle(policy):
    """Smith's own formula: two epochs of five steps up from a tenth of the rate, and two down."""
    setting = {"lowest": 0.1, "step_epochs": 2, "policy": policy, "gamma": 0.8}
    found = rates("cyclical", 12, 5, **setting)
    for step, rate in enumerate(found):
        cycle = floor(1 + step / 20)
        height = max(0.0, 1 - abs(step / 10 - 2 * cycle + 1))
        scale = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1)}
        scale["exp_range"] = 0.8 ** (step / 5)
        assert rate == pytest.approx(0.001 + 0.009 * height * scale[policy], rel=1e-9)
    assert (found[0], found[10], found[20]) == pytest.approx(
        (0.001, 0.001 + 0.009 * (0.64 if policy == "exp_range" else 1), 0.001)
    )
    assert {momentum for _, momentum in course("cyclical", 3, 5, **setting)} == {0.9}


@pytest.mark.parametrize(
    ("optimizer", "key"),
    [({"name": "sgd", "momentum": 0.9}, "momentum"), ({"name": "sgd"}, None)],
)
def test_one_cycle_leaves_an_optimizer_without_momentum_so(optimizer, key):
    parts = parts_of(recipe(optimizer={"weight_decay": 0.0, **optimizer}))
    made = parts.optimizer([torch.nn.Parameter(torch.zeros(1))], 0.01)
    parts.schedule(made, 2, 5)
    assert made.param_groups[0]["momentum"] == (0.95 if key else 0.0)


LOSSES = [2.0, 1.0, 0.95, 0.92, 0.91, 0.5, 0.49, 0.48, 0.47, 0.46, 0.455]


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_a_plateau_lowers_the_rate_as_torchs_scheduler_does(monkeypatch, patience, one_thread):
    """By the log loss after each epoch, though nobody else asks for it."""
    losses, found = iter(LOSSES), []
    monkeypatch.setattr("nas_asc.training.loop._judged", lambda *_: (next(losses), 0.5))
    step = torch.optim.AdamW.step

    def noted(self, *given):
        found.append(self.param_groups[0]["lr"])
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    schedule = {"name": "plateau", "factor": 0.5, "patience": patience, "threshold": 0.1}
    clips = Clips((torch.zeros(1, 1, 9, 12),), torch.zeros(1, dtype=torch.int64), 3)
    asked = {"validation": clips, "validation_epochs": ()}
    _, history = trained(recipe(schedule=schedule, batch_size=48), len(LOSSES), **asked)
    assert [report.log_loss for report in history] == LOSSES

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    settings = {"factor": 0.5, "patience": patience, "threshold": 0.1}
    torchs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
    expected = []
    for loss in LOSSES:
        expected.append(optimizer.param_groups[0]["lr"])
        torchs.step(loss)
    assert found == expected
    # 0.92 is not lower than 0.9: with a patience of 1 the second such epoch halves the rate
    assert patience != 1 or found[:6] == [0.01, 0.01, 0.01, 0.01, 0.005, 0.005]

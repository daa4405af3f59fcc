"""When a network is pruned in its training: the schedules of the reports, and the usual one."""

import pytest
import torch
from recipe_cases import recipe
from torch import nn

from nas_asc.complexity.pruning import ChannelPruning, MagnitudePruning
from nas_asc.networks.pruning import ChannelPruner, MagnitudePruner
from nas_asc.study.config import load_study
from nas_asc.study.recipe_tables import USUAL_PRUNING, PruningSchedule
from nas_asc.training.history import EpochReport, Selection
from nas_asc.training.optimisation import Optimisation
from nas_asc.training.parts import parts_of

# s(t) = 0.8 + (0.1 - 0.8) (1 - (t - 100) / 200)^3 of the NTU report at epochs 100, 110 ... 300
NTU = {
    100: 0.1, 110: 0.19984, 120: 0.2897, 130: 0.37011, 140: 0.4416, 150: 0.50469, 160: 0.5599,
    170: 0.60776, 180: 0.6488, 190: 0.68354, 200: 0.7125, 210: 0.73621, 220: 0.7552, 230: 0.76999,
    240: 0.7811, 250: 0.78906, 260: 0.7944, 270: 0.79764, 280: 0.7993, 290: 0.79991, 300: 0.8,
}  # fmt: skip


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(100, 1000, bias=False))


def sparsities(epochs, epoch_steps, schedule):
    """The share of zeros by epoch, and after how many steps the masks were drawn."""
    network = linear()
    pruner, weight = MagnitudePruner(network, MagnitudePruning(0.8), schedule), network[0].weight
    found, drawn, masks = {}, [], None
    for step in range(1, epochs * epoch_steps + 1):
        pruner.after_step(step, epochs * epoch_steps)
        if pruner.masks and pruner.masks[0] is not masks:
            masks = pruner.masks[0]
            drawn.append(step)
        if step % epoch_steps == 0:
            found[step // epoch_steps] = (weight == 0).double().mean().item()
    return found, drawn


def test_the_schedule_of_ntu_has_its_sparsity_at_each_epoch():
    """It stays as it is from one epoch of the table to the next."""
    study = load_study("ntu")
    schedule = study.recipe.pruning
    found, drawn = sparsities(study.epochs, 3, schedule)
    assert drawn == [3 * epoch for epoch in NTU]
    for epoch, expected in NTU.items():
        assert schedule.sparsity((epoch - 100) / 200, 0.8) == pytest.approx(expected, abs=6e-6)
        for later in range(epoch, min(epoch + 10, 401)):
            assert found[later] == pytest.approx(expected, abs=1.1e-5)
    assert {found[epoch] for epoch in range(1, 100)} == {0}
    assert {found[epoch] for epoch in range(300, 401)} == {0.8}


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (2, 1), (2, 7), (3, 10), (7, 3)])
def test_a_short_training_ends_with_the_final_sparsity(epochs, steps):
    for schedule in (load_study("ntu").recipe.pruning, USUAL_PRUNING):
        found, _ = sparsities(epochs, steps, schedule)
        assert found[epochs] == 0.8


def test_without_a_table_sparsity_rises_as_a_cubic_from_a_fifth_to_seven_tenths():
    usual = recipe().pruning_schedule
    found, drawn = sparsities(20, 5, usual)
    assert drawn == list(range(22, 71, 2))  # every fiftieth, and the one at which it ends
    for epoch, sparsity in found.items():
        last = max([step for step in drawn if step <= 5 * epoch], default=20)
        rise = 1 - (1 - (last / 100 - 0.2) / 0.5) ** 3
        assert sparsity == pytest.approx(0.8 * rise, abs=1e-5)


def test_no_more_is_pruned_at_the_start_than_in_the_end():
    schedule = PruningSchedule(start=0.0, end=0.5, initial=0.9, steps=2)
    assert [schedule.sparsity(share, 0.3) for share in (0.0, 0.5, 1.0)] == [0.3] * 3
    assert [schedule.steps_done(progress) for progress in (0.0, 0.24, 0.25, 0.5, 1.0)] == [
        *(1, 1, 2, 3, 3)
    ]


def test_iterations_are_spread_over_the_schedule():
    """Five from 0.5 to 0.9 of 100 steps: one just after the start, then one every 8 steps.

    A step earlier where the share of the way is rounded up.
    """
    schedule, network = load_study("imt").recipe.pruning, linear()
    pruner, begun = ChannelPruner(network, ChannelPruning(0.2, iterations=5), schedule), []
    for step in range(1, 101):
        before = pruner.iterations_done
        pruner.after_step(step, 100)
        begun += [step] * (pruner.iterations_done - before)
    assert begun == pytest.approx([51, 59, 67, 75, 83], abs=1)


def test_what_has_been_pruned_is_fine_tuned_at_a_share_of_the_rate_of_the_schedule():
    """Of plain gradient descent with a gradient of 1: each step is the rate."""
    made = recipe(
        optimizer={"name": "sgd", "weight_decay": 0.0},
        schedule={"name": "step_decay", "factor": 0.5, "every": 3},
        learning_rate=1.0,
        pruning={"start": 0.2, "end": 0.9, "rate": 0.01},
    )
    network = nn.Sequential(nn.Linear(4, 3))
    pruning = ChannelPruning(0.2, iterations=2)
    optimisation = Optimisation(network, made, parts_of(made), 10, 1, pruning)
    rates = []
    for _ in range(10):
        before = network[0].bias[0].item()
        optimisation.step(torch.ones(15))
        rates.append(before - network[0].bias[0].item())
    whole = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    assert rates == pytest.approx(
        [rate * (1 if step < 3 else 0.01) for step, rate in enumerate(whole)], abs=1e-5
    )


def test_epochs_count_from_the_end_of_the_schedule():
    made = recipe(
        pruning={"start": 0.1, "end": 0.4}, keep={"best": "log_loss"}, stop={"patience": 2}
    )
    history = [EpochReport(epoch, 1.0, 0.1 * epoch, 0.5, 0.0) for epoch in range(1, 7)]
    selection = Selection(made, 10, MagnitudePruning(0.5))
    assert [n for n in range(1, 7) if selection.is_best(history[:n])] == [4]
    assert [n for n in range(1, 7) if selection.has_ended(history[:n])] == [6]

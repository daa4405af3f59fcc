import pytest
import torch

from nas_asc.schedules import SCHEDULES, cosine, one_cycle


@pytest.mark.parametrize("steps", [10, 15, 40, 601])
def test_one_cycle_is_torchs(steps):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps)
    for step in range(steps):
        factor, momentum = one_cycle(step, steps)
        group = optimizer.param_groups[0]
        assert factor == pytest.approx(group["lr"], rel=1e-9)
        assert momentum == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            theirs.step()


def test_cosine_is_half_way_down_at_half_time():
    assert cosine(0, 100)[0] == 1.0
    assert cosine(50, 100)[0] == pytest.approx(0.5)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_schedules_hold_for_the_shortest_trainings(name, steps):
    for step in range(steps):
        factor, momentum = SCHEDULES[name](step, steps)
        assert 0 < factor <= 1
        assert 0.8 < momentum < 1

"""Each optimizer, schedule and order: gone on with from a checkpoint; and the L2 term."""

import pytest
import torch
from recipe_cases import OPTIMIZERS, ORDERS, SCHEDULES, recipe
from test_loop import plain_steps, small_network, tones, trained, weights_of

from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

FAMILIES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "order": ORDERS}
CASES = [
    pytest.param({family: {"name": name, **settings}}, id=name)
    for family, cases in FAMILIES.items()
    for name, settings in cases.items()
]
CASES += [
    pytest.param(changed, id=" ".join(changed))
    for changed in (
        {"optimizer": {"name": "sgd", "weight_decay": 0.0}},
        {"optimizer": {"name": "sgd", **OPTIMIZERS["sgd"]}, "schedule": "one_cycle"},
        {"l2": {"factor": 0.1, "layers": "kernels"}},
        {"keep": {"best": "log_loss"}, "learning_rate": 0.3, "schedule": "constant"},
        {"keep": {"best": "accuracy", "after": 0.5}, "ema_decay": 0.5},
        {"stop": {"patience": 1, "min_delta": 0.02}, "keep": {"best": "log_loss"}},
        {"curriculum": {"stages": 3, "until": 1.0, "first": 0.2}, "epoch_clips": 40},
    )
]


@pytest.mark.parametrize("changed", CASES)
def test_a_training_that_is_cut_goes_on_to_the_same_weights(tmp_path, changed):
    made, path, epochs = recipe(**changed), tmp_path / "checkpoint", 4
    hooks = {"validation": Clips(*tones(seed=2), 3)}
    whole, expected = trained(made, epochs, **hooks)
    hooks["on_checkpoint"] = lambda _, checkpoint: checkpoint().save(path, "this")
    for until in (1, 3, 4):
        before = load_checkpoint(path, "this")
        last, history = trained(made, epochs, until=until, go_on_from=before, **hooks)
    assert torch.equal(weights_of(last), weights_of(whole))
    assert [(r.train_loss, r.log_loss) for r in history] == [
        (r.train_loss, r.log_loss) for r in expected
    ]


@pytest.mark.parametrize(
    ("name", "of_torch"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("radam", torch.optim.RAdam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_an_optimizer_is_torchs_with_its_settings(name, of_torch):
    """On one tensor of all weights, against torch's own on each by itself."""
    assert {*OPTIMIZERS} == {"adamw", "adam", "radam", "sgd", "rmsprop"}
    made = recipe(optimizer={"name": name, **OPTIMIZERS[name]}, schedule="constant", batch_size=24)
    network, _ = trained(made, epochs=4)
    torch.manual_seed(1)
    plain = small_network()
    optimizer = of_torch(plain.parameters(), lr=0.01, **OPTIMIZERS[name])
    assert len([*plain_steps(plain, optimizer, epochs=4, batch_size=24)]) == 8
    torch.testing.assert_close(weights_of(network), weights_of(plain), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", ["kernels", "all but classifier"])
@pytest.mark.parametrize(
    ("optimizer", "of_torch"),
    [
        ({"name": "sgd", "weight_decay": 0.0}, torch.optim.SGD),
        ({"name": "adamw", "weight_decay": 0.1}, torch.optim.AdamW),
    ],
)
def test_the_gradient_of_l2_is_that_of_its_term_beside_the_loss(optimizer, of_torch, layers):
    l2 = {"factor": 0.05, "layers": layers}
    made = recipe(optimizer=optimizer, l2=l2, schedule="constant", batch_size=24)
    network, _ = trained(made, epochs=3)
    torch.manual_seed(1)
    plain = small_network()
    chosen = [plain[0].weight] + ([plain[6].weight] if layers == "kernels" else [])

    def term(_):
        return 0.05 * sum(weight.square().sum() for weight in chosen)

    decay = {"weight_decay": optimizer["weight_decay"]}
    of_plain = of_torch(plain.parameters(), lr=0.01, **decay)
    assert len([*plain_steps(plain, of_plain, epochs=3, batch_size=24, term=term)]) == 6
    torch.testing.assert_close(weights_of(network), weights_of(plain), rtol=1e-4, atol=1e-5)
    without, _ = trained(made.model_copy(update={"l2": None}), epochs=3)
    assert (weights_of(network) - weights_of(without)).abs().max() > 1e-3


def test_a_limit_of_the_gradient_is_of_loss_and_l2_together():
    """So large a factor that the first step is along the weights, of the length of the limit."""
    l2 = {"factor": 1e6, "layers": "kernels"}
    optimizer = {"name": "sgd", "weight_decay": 0.0}
    made = recipe(l2=l2, optimizer=optimizer, gradient_clip=0.5, batch_size=48, schedule="constant")
    network, _ = trained(made, epochs=1)
    torch.manual_seed(1)
    before = small_network()
    moved = torch.cat([(network[n].weight - before[n].weight).flatten() for n in (0, 6)])
    assert moved.norm().item() == pytest.approx(0.01 * 0.5, rel=1e-4)

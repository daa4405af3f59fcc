import pytest
import torch
from recipe_cases import AUGMENTED, recipe
from test_loop import tones, weights_of

from nas_asc.architectures.frontend import input_shapes
from nas_asc.complexity.pruning import NOT_PRUNED, ChannelPruning, MagnitudePruning
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model
from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.loop import Hooks, train

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS = 6


def start():
    torch.manual_seed(1)
    return build(report_model("deepsound-32").adapted(3, 1.0).architecture, 3, 1.0)


@pytest.mark.parametrize(
    ("pruning", "execution"),
    [
        (NOT_PRUNED, PLAIN),
        (MagnitudePruning(0.5), Execution(channels_last=True)),
        (ChannelPruning(0.2, iterations=3), PLAIN),
    ],
)
@pytest.mark.parametrize(
    "steps",
    [
        AUGMENTED,
        recipe(ema_decay=0.9, schedule="cosine", optimizer={"name": "adam", "weight_decay": 0.0}),
    ],
)
def test_a_training_goes_on_from_a_file_to_the_last_bit(tmp_path, steps, pruning, execution):
    """Stopped after each epoch and taken up by another network, as by another process."""
    shape = input_shapes(report_model("deepsound-32").architecture.sections["frontend"], 1.0)[0]
    inputs = torch.randn(24, *shape).half()
    clips = Clips((inputs,), torch.arange(24) % 3, 3)

    def trained(hooks):
        other = start()
        history = train(other, clips, steps, hooks, epochs=EPOCHS, seed=3, execution=execution)
        return other, history

    whole, expected = trained(Hooks(pruning=pruning, validation=clips))
    path = tmp_path / "checkpoint"
    for _ in range(EPOCHS):
        hooks = Hooks(
            pruning=pruning,
            validation=clips,
            go_on_from=load_checkpoint(path, "this"),
            on_checkpoint=lambda checkpoint: checkpoint().save(path, "this"),
            on_epoch=lambda _: False,
        )
        last, history = trained(hooks)
    assert torch.equal(weights_of(last), weights_of(whole))
    assert [(r.epoch, r.train_loss, r.log_loss) for r in history] == [
        (r.epoch, r.train_loss, r.log_loss) for r in expected
    ]
    seconds = [report.seconds for report in history]
    assert seconds == sorted(seconds)


def test_a_checkpoint_that_is_torn_or_of_another_training_is_none(tmp_path):
    path, kept = tmp_path / "checkpoint", []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
    hooks = Hooks(on_checkpoint=lambda checkpoint: kept.append(checkpoint()))
    train(network, Clips(*tones(), 3), recipe(), hooks, epochs=2, seed=0)
    assert [each.epoch for each in kept] == [1, 2]
    kept[0].save(path, "this")
    assert load_checkpoint(path, "this").epoch == 1
    assert load_checkpoint(path, "another") is None
    whole = path.read_bytes()
    for torn in (whole[:-1], whole[:50], b""):
        path.write_bytes(torn)
        assert load_checkpoint(path, "this") is None
    path.unlink()
    assert load_checkpoint(path, "this") is None

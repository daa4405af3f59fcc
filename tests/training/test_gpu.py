"""What a GPU alone can show: `pytest -m gpu`, on a machine with one."""

import warnings

import pytest
import torch
from recipe_cases import AUGMENTED
from test_loop import tones, weights_of

from nas_asc.complexity.pruning import MagnitudePruning
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model
from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.compute_mode import Execution
from nas_asc.training.device import prepare
from nas_asc.training.loop import Hooks, train
from nas_asc.training.orders import shuffled

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]

GRAPHS, EAGER = Execution(cuda_graphs=True), Execution()
CLIPS, EPOCHS = 44, 3  # in batches of eight; the last one of four


def trained(execution, until=None, name="deepsound-32", **hooks):
    device = prepare("cuda")
    torch.manual_seed(1)
    network = build(report_model(name).adapted(3, 1.0).architecture, 3, 1.0)
    inputs = tuple(torch.randn(CLIPS, *shape).half() for shape in network.input_shapes)
    clips = Clips(inputs, torch.arange(CLIPS) % 3, 3)
    network.to(device)
    how = {"epochs": EPOCHS, "until": until, "seed": 5, "execution": execution}
    hooks = Hooks(validation=clips, pruning=MagnitudePruning(0.5), **hooks)
    history = train(network, clips, AUGMENTED, hooks, **how)
    return weights_of(network).cpu(), [(r.train_loss, r.log_loss) for r in history]


@pytest.mark.parametrize("name", ["deepsound-32", "ntu-vggnet", "netease-student", "imt-a"])
def test_the_same_seed_gives_the_same_weights_with_graphs_and_without(name):
    runs = [trained(execution, name=name) for execution in (GRAPHS, GRAPHS, EAGER)]
    for weights, history in runs[1:]:
        assert history == runs[0][1]
        assert torch.equal(weights, runs[0][0])


def test_a_training_goes_on_from_a_file(tmp_path):
    path = tmp_path / "checkpoint"
    weights, expected = trained(GRAPHS)
    trained(GRAPHS, until=2, on_checkpoint=lambda _, take: take().save(path, "this"))
    again, history = trained(GRAPHS, go_on_from=load_checkpoint(path, "this"))
    assert history == expected
    assert torch.equal(again, weights)


def test_a_training_is_recorded(caplog):
    trained(GRAPHS)
    assert "not recorded" not in caplog.text


@pytest.mark.parametrize("execution", [GRAPHS, EAGER])
def test_a_gpu_is_waited_for_once_an_epoch(execution):
    """PyTorch warns of whatever waits while its debug mode is on: from an epoch's order on."""
    device = prepare("cuda")
    torch.manual_seed(1)
    network = build(report_model("deepsound-32").adapted(3, 1.0).architecture, 3, 1.0).to(device)
    inputs = tuple(torch.randn(CLIPS, *shape).half() for shape in network.input_shapes)

    def order(*given):
        torch.cuda.set_sync_debug_mode("warn")
        return shuffled(*given)

    clips, hooks = Clips(inputs, torch.arange(CLIPS) % 3, 3), Hooks(order=order)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            train(network, clips, AUGMENTED, hooks, epochs=EPOCHS, seed=5, execution=execution)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [str(each.message) for each in told if "synchroniz" in str(each.message)]
    assert len(waits) == EPOCHS, waits


def test_what_a_gpu_learns_is_what_a_processor_learns():
    """Up to rounding: the same draws, the same steps."""
    torch.manual_seed(1)
    losses = []
    for name in ("cpu", "cuda"):
        torch.manual_seed(1)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
        network.to(prepare(name))
        history = train(network, Clips(*tones(), 3), AUGMENTED, epochs=EPOCHS, seed=5)
        losses.append([report.train_loss for report in history])
    assert losses[1] == pytest.approx(losses[0], rel=0.01)

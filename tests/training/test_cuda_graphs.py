"""Steps that are recorded and replayed, with a recorder that runs the step again instead."""

import logging

import pytest
import torch
from recipe_cases import AUGMENTED, recipe
from test_loop import small_network, tones, weights_of

from nas_asc.complexity.pruning import NOT_PRUNED, MagnitudePruning
from nas_asc.training import cuda_graphs
from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.loop import Hooks, train

pytestmark = pytest.mark.usefixtures("one_thread")

GRAPHS = Execution(cuda_graphs=True)
# 44 clips in batches of eight: five, which are replayed, and one of four
CLIPS, EPOCHS = 44, 3


@pytest.fixture
def recorded(monkeypatch):
    """Record by running the step; give what happened: "recorded", "replayed", in order."""
    happened = []

    def record(step):
        for _ in range(3):
            step()
        outputs = step()
        happened.append("recorded")

        def replay():
            happened.append("replayed")
            for place, values in zip(outputs, step(), strict=True):
                place.copy_(values)

        return outputs, replay

    monkeypatch.setattr(cuda_graphs, "record", record)
    return happened


def trained(execution, steps=AUGMENTED, until=None, **hooks):
    torch.manual_seed(1)
    network = small_network()
    (inputs,), labels = tones(CLIPS)
    clips = Clips((inputs,), labels, 3)
    hooks = Hooks(validation=clips, **hooks)
    lengths = {"epochs": EPOCHS, "until": until}
    history = train(network, clips, steps, hooks, **lengths, seed=5, execution=execution)
    return network, [(r.train_loss, r.log_loss, r.accuracy) for r in history]


def everything(network):
    return {name: values.clone() for name, values in network.state_dict().items()}


@pytest.mark.parametrize("pruning", [NOT_PRUNED, MagnitudePruning(0.5)])
def test_what_is_replayed_is_the_same_training_to_the_last_bit(recorded, pruning):
    """With dropout, batch norms and an average, and though recording ran the step four times."""
    plain, expected = trained(PLAIN, pruning=pruning)
    assert recorded == []
    graphed, history = trained(GRAPHS, pruning=pruning)
    assert recorded == ["recorded"] + ["replayed"] * 5 * EPOCHS
    assert history == expected
    for name, values in everything(plain).items():
        assert torch.equal(values, everything(graphed)[name]), name


def test_a_training_goes_on_from_a_file_and_records_anew(recorded, tmp_path):
    path = tmp_path / "checkpoint"
    whole, expected = trained(GRAPHS)
    trained(GRAPHS, until=2, on_checkpoint=lambda _, take: take().save(path, "this"))
    again, history = trained(GRAPHS, go_on_from=load_checkpoint(path, "this"))
    assert recorded.count("recorded") == 3
    assert history == expected
    assert torch.equal(weights_of(again), weights_of(whole))


def test_what_cannot_be_recorded_is_computed_and_told_once(monkeypatch, caplog):
    cuda_graphs._tell_once.cache_clear()

    def record(step):
        step()
        raise RuntimeError("operation not permitted when stream is capturing\nCompile with ...")

    monkeypatch.setattr(cuda_graphs, "record", record)
    plain, expected = trained(PLAIN)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            slower, history = trained(GRAPHS)
            assert history == expected
            assert torch.equal(weights_of(slower), weights_of(plain))
    (line,) = caplog.messages
    assert line.endswith("slower: operation not permitted when stream is capturing")


def test_memory_that_runs_out_while_recording_is_no_reason_to_go_on(monkeypatch):
    def record(step):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")

    monkeypatch.setattr(cuda_graphs, "record", record)
    with pytest.raises(torch.OutOfMemoryError):
        trained(GRAPHS, recipe())

import hashlib
import os
import subprocess
import sys
from copy import deepcopy
from math import isnan, log
from pathlib import Path

import pytest
import torch
from recipe_cases import AUGMENTED, PLAINEST, recipe
from torch import nn

from nas_asc.complexity.pruning import NOT_PRUNED, MagnitudePruning
from nas_asc.errors import TrainingError
from nas_asc.features import one_torch_thread
from nas_asc.networks.network import build
from nas_asc.networks.stored import restore, store
from nas_asc.reports.lookup import report_model
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.loop import Hooks, train
from nas_asc.training.metrics import evaluate
from nas_asc.training.optimisation import MovingAverage, gathered

pytestmark = pytest.mark.usefixtures("one_thread")


def small_network():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(6, 3),
    )


def tones(clips=48, seed=0):
    """Maps of which one of three bands is loud, float16, and which it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(clips) % 3
    inputs = torch.randn(clips, 1, 9, 12, generator=generator)
    for label in range(3):
        inputs[labels == label, :, 3 * label : 3 * label + 3] += 1.5 * (label + 1)
    return (inputs.half(),), labels


def trained(recipe, epochs=3, seed=5, until=None, **hooks):
    torch.manual_seed(1)
    network = small_network()
    clips = Clips(*tones(), 3)
    lengths = {"epochs": epochs, "until": until}
    return network, train(network, clips, recipe, Hooks(**hooks), **lengths, seed=seed)


def weights_of(network):
    values = network.state_dict().values()
    return torch.cat([v.flatten().double() for v in values if v.is_floating_point()])


def plain_steps(network, optimizer, epochs, batch_size, term=lambda network: 0.0):
    """Train as one would write it, with a term beside the loss; yield the loss after each step."""
    (inputs,), labels = tones()
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    for _ in range(epochs):
        for chosen in torch.randperm(48, generator=generator).split(batch_size):
            loss = nn.CrossEntropyLoss()(network(inputs[chosen].float()), labels[chosen])
            optimizer.zero_grad()
            (loss + term(network)).backward()
            optimizer.step()
            yield loss.item()


def test_without_augmentation_it_is_the_loop_that_one_would_write():
    network, history = trained(PLAINEST)
    torch.manual_seed(1)
    plain = small_network()
    optimizer = torch.optim.AdamW(plain.parameters(), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=18)
    losses = []
    for loss in plain_steps(plain, optimizer, epochs=3, batch_size=8):
        losses.append(loss)
        scheduler.step() if scheduler.last_epoch < 17 else None
    torch.testing.assert_close(weights_of(network), weights_of(plain), rtol=1e-4, atol=1e-6)
    assert history[-1].train_loss == pytest.approx(sum(losses[-6:]) / 6, rel=1e-4)


def test_the_moving_average_is_what_is_left_in_the_network():
    """Its decay is min(0.2, (1 + step) / (10 + step))."""
    averaged = recipe(ema_decay=0.2, schedule="constant", batch_size=48)
    network, _ = trained(averaged, epochs=4)
    torch.manual_seed(1)
    plain = small_network()
    expected = weights_of(plain)
    optimizer = torch.optim.AdamW(plain.parameters(), 0.01, weight_decay=0.01)
    steps = plain_steps(plain, optimizer, epochs=4, batch_size=48)
    for decay, _ in zip((1 / 10, 2 / 11, 0.2, 0.2), steps, strict=True):
        expected = decay * expected + (1 - decay) * weights_of(plain)
    torch.testing.assert_close(weights_of(network), expected, rtol=1e-4, atol=1e-6)


def test_it_learns():
    network, history = trained(PLAINEST, epochs=10)
    metrics = evaluate(network, *tones(seed=1), ("low", "middle", "high"))
    assert metrics.accuracy > 0.95
    assert history[-1].train_loss < history[0].train_loss


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    first, second, other = (trained(AUGMENTED, seed=s)[0] for s in (5, 5, 6))
    assert torch.equal(weights_of(first), weights_of(second))
    assert not torch.equal(weights_of(first), weights_of(other))


def test_the_global_generator_neither_matters_nor_moves():
    networks = [small_network(), small_network()]
    networks[1].load_state_dict(networks[0].state_dict())
    for network, state in zip(networks, (10, 20), strict=True):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        train(network, Clips(*tones(), 3), AUGMENTED, epochs=1, seed=3)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights_of(networks[0]), weights_of(networks[1]))


def digest_of_a_training():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build(report_model("deepsound-32").architecture, 3, 0.3)
    clips = Clips((torch.randn(16, *network.input_shapes[0]),), torch.arange(16) % 3, 3)
    for bfloat16 in (False, True):
        way = Execution(channels_last=True, bfloat16=bfloat16)
        train(network, clips, AUGMENTED, epochs=1, seed=2, execution=way)
    return hashlib.sha256(weights_of(network).numpy().tobytes()).hexdigest()


def test_another_process_gets_the_same_weights_to_the_last_bit():
    script = "from test_loop import *; print(digest_of_a_training())"
    path = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == digest_of_a_training()


def test_fast_layers_train_as_the_plain_ones_do():
    deepsound = report_model("deepsound-32").architecture

    def first_losses(execution):
        torch.manual_seed(0)
        network = build(deepsound, 3, 0.4)
        clips = Clips((torch.randn(24, *network.input_shapes[0]),), torch.arange(24) % 3, 3)
        slow = recipe(learning_rate=0.001, gradient_clip=1.0)
        history = train(network, clips, slow, epochs=3, seed=2, execution=execution)
        return [entry.train_loss for entry in history]

    fast = Execution(channels_last=True)
    assert first_losses(fast) == pytest.approx(first_losses(PLAIN), rel=1e-2)


@pytest.mark.parametrize("pruning", [NOT_PRUNED, MagnitudePruning(0.3)])
def test_validation_is_judged_after_the_epochs_asked_for_and_changes_nothing(pruning):
    """Also in the middle of pruning, when other weights are at zero than in the end."""
    clips = Clips(*tones(seed=2), 3)
    averaged = AUGMENTED.model_copy(update={"ema_decay": 0.9, "learning_rate": 0.05})
    epochs = (*range(1, 11), 12)
    judged = {"validation": clips, "validation_epochs": epochs, "pruning": pruning}
    network, history = trained(averaged, 12, 3, **judged)
    assert tuple(entry.epoch for entry in history if entry.log_loss is not None) == epochs
    metrics = evaluate(network, clips.inputs, clips.labels, "abc")
    assert (history[-1].log_loss, history[-1].accuracy) == (metrics.log_loss, metrics.accuracy)
    without, _ = trained(averaged, 12, 3, pruning=pruning)
    assert torch.equal(weights_of(network), weights_of(without))


@pytest.fixture(scope="module")
def of_band_limited():
    """A network that tells apart clips with nothing above a band, its weights, and other clips.

    There a recording is at the floor of the log-mels, always; the front end has a batch norm.
    """

    def clips(number, seed):
        labels = torch.arange(number) % 3
        generator = torch.Generator().manual_seed(seed)
        inputs = torch.randn(number, 1, 32, 16, generator=generator) * 2 - 8
        for label in range(3):
            inputs[labels == label, :, 5 * label : 5 * label + 5] += 1.5
        inputs[:, :, 17:] = log(1e-8)
        return (inputs.half(),), labels

    torch.manual_seed(0)
    network = build(report_model("deepsound-32").architecture, 3, 0.24)
    with one_torch_thread():
        train(network, Clips(*clips(96, seed=0), 3), PLAINEST, epochs=8, seed=0)
    return network, deepcopy(network.state_dict()), clips(150, seed=1)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_network_of_band_limited_clips_is_as_good_as_stored(of_band_limited, precision):
    network, weights, clips = of_band_limited
    network.load_state_dict(weights)
    exact = evaluate(network, *clips, "abc")
    restore(network, store(network, precision=precision))
    stored = evaluate(network, *clips, "abc")
    assert exact.accuracy > 0.9
    assert stored.accuracy >= exact.accuracy - 1 / 150
    assert stored.log_loss <= exact.log_loss + 0.01


def test_training_ends_at_an_epoch_of_a_longer_one():
    """Its schedule is that of the whole training."""
    _, history = trained(AUGMENTED, epochs=5, until=2)
    _, whole = trained(AUGMENTED, epochs=5)
    assert [entry.train_loss for entry in history] == [entry.train_loss for entry in whole[:2]]


@pytest.mark.parametrize(("clips", "epochs", "passes"), [(16, 9, 3), (32, 3, 2)])
def test_an_epoch_of_a_part_of_the_clips_goes_on_where_the_last_one_ended(clips, epochs, passes):
    """Of 48 clips in batches of four, by a constant rate: steps are steps."""
    steady = {"schedule": "constant", "batch_size": 4}
    parts, history = trained(recipe(**steady, epoch_clips=clips), epochs=epochs)
    whole, _ = trained(recipe(**steady), epochs=passes)
    assert len(history) == epochs
    assert torch.equal(weights_of(parts), weights_of(whole))


def test_an_order_of_its_own_decides_what_an_epoch_trains_on():
    asked = []

    def first_third(clips, epoch, generator):
        asked.append((clips, epoch))
        return torch.arange(8)

    _, history = trained(PLAINEST, epochs=2, order=first_third)
    assert asked == [(48, 1), (48, 2)]
    torch.manual_seed(1)
    plain = small_network()
    (inputs,), labels = tones()
    torch.manual_seed(5)
    first = nn.CrossEntropyLoss()(plain(inputs[:8].float()), labels[:8])
    assert history[0].train_loss == pytest.approx(first.item(), rel=1e-5)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_pruned_weights_are_zero_in_the_end(ema_decay):
    pruning = MagnitudePruning(0.5)
    network, _ = trained(recipe(ema_decay=ema_decay), epochs=4, pruning=pruning)
    assert (network[0].weight == 0).sum() == 27
    assert (network[6].weight == 0).sum() == 9


def test_a_loss_that_is_not_a_number_names_the_epoch_and_what_to_do():
    steep = recipe(learning_rate=1e6, schedule="constant")
    with pytest.raises(TrainingError, match=r"nan in epoch 2 of 3, lower recipe\.learning_rate"):
        trained(steep)


@pytest.mark.parametrize(
    ("clips", "batch_size", "batches"),
    [
        (31, 16, [16, 15]),
        (24, 16, [16, 8]),
        (23, 16, [16]),
        (32, 16, [16, 16]),
        (7, 2, [2, 2, 2]),
        (4, 3, [3]),
        (5, 3, [3, 2]),
        (3, 8, [3]),
    ],
)
def test_a_last_batch_is_kept_from_half_a_batch_on_but_never_a_single_clip(
    clips, batch_size, batches
):
    network, seen = small_network(), []
    network.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    (inputs,), labels = tones(clips=48)
    some = Clips((inputs[:clips],), labels[:clips], 3)
    train(network, some, recipe(batch_size=batch_size), epochs=2, seed=0)
    assert seen == batches * 2


def test_the_schedule_ends_with_the_last_step_where_the_last_batch_is_kept(monkeypatch):
    rates = []
    optimizer_step = torch.optim.AdamW.step

    def step(self, *given):
        rates.append(self.param_groups[0]["lr"])
        return optimizer_step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    train(small_network(), Clips(*tones(clips=31), 3), recipe(batch_size=16), epochs=3, seed=0)
    assert len(rates) == 6
    assert rates[-1] == pytest.approx(0.01 / 250_000)


def test_fewer_clips_than_a_batch_are_one_batch():
    history = train(small_network(), Clips(*tones(clips=5), 3), PLAINEST, epochs=2, seed=0)
    assert len(history) == 2
    assert not isnan(history[-1].train_loss)


@pytest.mark.parametrize("labels", [0, 47])
def test_clips_without_labels_are_refused(labels):
    (inputs,), all_labels = tones()
    clips = Clips((inputs[: labels + labels % 2],), all_labels[:labels], 3)
    with pytest.raises(ValueError, match="expected clips, as many labels"):
        train(small_network(), clips, PLAINEST, epochs=1, seed=0)


def test_batch_norm_statistics_are_averaged_and_counters_are_not():
    network = nn.Sequential(nn.BatchNorm1d(2))
    average = MovingAverage(gathered(network), 0.9)
    network(torch.randn(20, 2) + 5)
    average.update()
    live = network[0].running_mean.clone()
    average.swap()
    torch.testing.assert_close(network[0].running_mean, live * 0.9)
    assert network[0].num_batches_tracked == 1

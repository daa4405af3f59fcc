import hashlib
import subprocess
import sys
from math import isnan
from pathlib import Path

import pytest
import torch
from torch import nn

from nas_asc.errors import TrainingError
from nas_asc.evaluation import evaluate
from nas_asc.execution import PLAIN, Execution
from nas_asc.library import report_model
from nas_asc.network import build
from nas_asc.pruning_counts import MagnitudePruning
from nas_asc.recipe import Recipe
from nas_asc.training import train

pytestmark = pytest.mark.usefixtures("one_thread")

TABLE = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "schedule": "one_cycle",
    "batch_size": 8,
    "mixup_alpha": 0.0,
    "label_smoothing": 0.0,
    "mel_masks": 0,
    "mel_mask_width": 0.0,
    "frame_masks": 0,
    "frame_mask_width": 0.0,
    "time_shift": 0.0,
    "ema_decay": 0.0,
    "gradient_clip": 0.0,
}
PLAINEST = Recipe(**TABLE)
AUGMENTED = Recipe(
    **TABLE
    | {
        "mixup_alpha": 0.3,
        "mel_masks": 1,
        "mel_mask_width": 0.2,
        "frame_masks": 1,
        "frame_mask_width": 0.2,
        "time_shift": 0.5,
        "ema_decay": 0.9,
        "gradient_clip": 1.0,
        "label_smoothing": 0.1,
    }
)


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
    """Give maps of which one of three bands is loud, float16, and which it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(clips) % 3
    inputs = torch.randn(clips, 1, 9, 12, generator=generator)
    for label in range(3):
        inputs[labels == label, :, 3 * label : 3 * label + 3] += 1.5 * (label + 1)
    return inputs.half(), labels


def trained(recipe, epochs=3, seed=5, build_network=small_network, **options):
    torch.manual_seed(1)
    network = build_network()
    inputs, labels = tones()
    course = train(
        network, inputs, labels, recipe, epochs=epochs, seed=seed, n_classes=3, **options
    )
    return network, course


def weights_of(network):
    values = network.state_dict().values()
    return torch.cat([v.flatten().double() for v in values if v.is_floating_point()])


def test_without_augmentation_it_is_the_loop_that_one_would_write():
    network, course = trained(PLAINEST)
    torch.manual_seed(1)
    plain = small_network()
    inputs, labels = tones()
    optimizer = torch.optim.AdamW(plain.parameters(), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=18)
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    losses = []
    for _ in range(3):
        for chosen in torch.randperm(48, generator=generator).split(8):
            loss = nn.CrossEntropyLoss()(plain(inputs[chosen].float()), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step() if scheduler.last_epoch < 17 else None
            losses.append(loss.item())
    torch.testing.assert_close(weights_of(network), weights_of(plain), rtol=1e-4, atol=1e-6)
    assert course[-1].train_loss == pytest.approx(sum(losses[-6:]) / 6, rel=1e-4)


def test_the_moving_average_is_what_is_left_in_the_network():
    recipe = Recipe(**TABLE | {"ema_decay": 0.5, "schedule": "constant", "batch_size": 48})
    network, _ = trained(recipe, epochs=4)
    torch.manual_seed(1)
    plain = small_network()
    expected = weights_of(plain)
    inputs, labels = tones()
    optimizer = torch.optim.AdamW(plain.parameters(), 0.01, weight_decay=0.01)
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    for decay in (1 / 10, 2 / 11, 3 / 12, 4 / 13):
        chosen = torch.randperm(48, generator=generator)
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(plain(inputs[chosen].float()), labels[chosen]).backward()
        optimizer.step()
        expected = decay * expected + (1 - decay) * weights_of(plain)
    torch.testing.assert_close(weights_of(network), expected, rtol=1e-4, atol=1e-6)


def test_it_learns():
    network, course = trained(PLAINEST, epochs=10)
    metrics = evaluate(network, *tones(seed=1), ("low", "middle", "high"))
    assert metrics.accuracy > 0.95
    assert course[-1].train_loss < course[0].train_loss


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    first, second, other = (trained(AUGMENTED, seed=s)[0] for s in (5, 5, 6))
    assert torch.equal(weights_of(first), weights_of(second))
    assert not torch.equal(weights_of(first), weights_of(other))


def test_the_global_generator_neither_matters_nor_moves():
    torch.manual_seed(1)
    networks = [small_network()]
    networks.append(small_network())
    networks[1].load_state_dict(networks[0].state_dict())
    for network, state in zip(networks, (10, 20), strict=True):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        train(network, *tones(), AUGMENTED, epochs=1, seed=3, n_classes=3)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights_of(networks[0]), weights_of(networks[1]))


def digest_of_a_training():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build(report_model("deepsound-32").architecture, 3, 0.3)
    inputs, labels = torch.randn(16, *network.input_shapes[0]), torch.arange(16) % 3
    for bfloat16 in (False, True):
        way = Execution(channels_last=True, bfloat16=bfloat16)
        train(network, inputs, labels, AUGMENTED, epochs=1, seed=2, n_classes=3, execution=way)
    return hashlib.sha256(weights_of(network).numpy().tobytes()).hexdigest()


def test_another_process_gets_the_same_weights_to_the_last_bit():
    script = "from tests.test_training import *; print(digest_of_a_training())"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == digest_of_a_training()


def test_fast_layers_train_as_the_plain_ones_do():
    deepsound = report_model("deepsound-32").architecture

    def first_losses(execution):
        torch.manual_seed(0)
        network = build(deepsound, 3, 0.4)
        x = torch.randn(24, *network.input_shapes[0])
        recipe = Recipe(**TABLE | {"learning_rate": 0.001, "gradient_clip": 1.0})
        course = train(
            network, x, torch.arange(24) % 3, recipe, epochs=3, seed=2, n_classes=3,
            execution=execution,
        )  # fmt: skip
        return [entry.train_loss for entry in course]

    assert first_losses(Execution(channels_last=True)) == pytest.approx(
        first_losses(PLAIN), rel=1e-2
    )


def test_validation_is_judged_after_the_epochs_asked_for():
    inputs, labels = tones(seed=2)
    network, course = trained(
        AUGMENTED, epochs=3, validation=(inputs, labels), judged_epochs=(1, 3)
    )
    assert [entry.log_loss is None for entry in course] == [False, True, False]
    metrics = evaluate(network, inputs, labels, "abc")
    assert course[-1].log_loss == metrics.log_loss
    assert course[-1].accuracy == metrics.accuracy


def test_judging_does_not_change_the_training():
    inputs, labels = tones(seed=2)
    with_it, _ = trained(AUGMENTED, validation=(inputs, labels))
    without, _ = trained(AUGMENTED)
    assert torch.equal(weights_of(with_it), weights_of(without))


def test_a_report_that_says_no_ends_the_training():
    seen = []

    def report(entry):
        seen.append(entry.epoch)
        return entry.epoch < 2

    _, course = trained(AUGMENTED, epochs=5, report=report)
    assert seen == [1, 2]
    assert len(course) == 2


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_pruned_weights_are_zero_in_the_end(ema_decay):
    recipe = Recipe(**TABLE | {"ema_decay": ema_decay})
    network, _ = trained(recipe, epochs=4, pruning=MagnitudePruning(0.5))
    assert (network[0].weight == 0).sum() == 27
    assert (network[6].weight == 0).sum() == 9


def test_a_loss_that_is_not_a_number_names_the_epoch_and_what_to_do():
    recipe = Recipe(**TABLE | {"learning_rate": 1e6, "schedule": "constant"})
    with pytest.raises(
        TrainingError, match=r"found nan in epoch 2 of 3, lower recipe\.learning_rate"
    ):
        trained(recipe)


def test_fewer_clips_than_a_batch_are_one_batch():
    network = small_network()
    inputs, labels = tones(clips=5)
    course = train(network, inputs, labels, PLAINEST, epochs=2, seed=0, n_classes=3)
    assert len(course) == 2
    assert not isnan(course[-1].train_loss)


def test_nothing_to_train_on_is_refused():
    inputs, labels = tones()
    with pytest.raises(ValueError, match="found 0 clips"):
        train(small_network(), inputs[:0], labels[:0], PLAINEST, epochs=1, seed=0, n_classes=3)

"""Networks with a mean spectrum as second input, and front ends with a second plane."""

import pytest
import torch

from nas_asc.augmentations import mixup, time_shift
from nas_asc.evaluation import evaluate, predict_proba
from nas_asc.execution import PLAIN, Execution
from nas_asc.library import load_space, report_model
from nas_asc.network import build
from nas_asc.recipe import Recipe
from nas_asc.training import augment, train

RECIPE = Recipe(
    optimizer="adamw",
    learning_rate=0.01,
    weight_decay=0.0,
    schedule="constant",
    batch_size=8,
    mixup_alpha=0.0,
    label_smoothing=0.0,
    mel_masks=1,
    mel_mask_width=0.4,
    frame_masks=1,
    frame_mask_width=0.4,
    time_shift=0.5,
    ema_decay=0.0,
    gradient_clip=1.0,
)
MIXED = Recipe(**RECIPE.to_dict() | {"mixup_alpha": 0.5})
CLIP_S = 0.2


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def two_inputs():
    """A small network with a mean spectrum, and 16 clips of two classes that only it tells."""
    choices = report_model("srpol-c10separable").architecture.choices
    space = load_space("separable")
    changed = {
        path: value
        for path, value in choices.items()
        if not path.startswith("stage3.") or path == "stage3.depth"
    } | {
        "frontend.n_mels": 40,
        "frontend.mean_spectrum": True,
        "stem.width": 8,
        "stage1.width": 16,
        "stage1.depth": 1,
        "stage2.width": 24,
        "stage2.depth": 1,
        "stage3.depth": 0,
    }
    torch.manual_seed(3)
    network = build(space.from_choices(changed), 2, CLIP_S)
    maps = torch.randn(16, *network.input_shapes[0], generator=generator())
    means = torch.randn(16, 40, generator=generator(1))
    labels = torch.arange(16) % 2
    means[labels == 1, :20] += 3
    return network, (maps.half(), means.half()), labels


def test_shift_and_masks_leave_the_mean_spectrum_alone():
    _, (maps, means), labels = two_inputs()
    targets = torch.nn.functional.one_hot(labels, 2).float()
    inputs = (maps.float(), means.float())
    (shifted, same), wanted = augment(inputs, targets, RECIPE, generator())
    assert not torch.equal(shifted, inputs[0])
    assert torch.equal(same, inputs[1])
    assert torch.equal(wanted, targets)


def test_mixup_blends_all_inputs_by_the_share_of_the_targets():
    clips = torch.eye(8)
    maps, targets, means = mixup(clips.view(8, 1, 2, 4), clips, 0.5, generator(), 10 * clips)
    torch.testing.assert_close(maps.flatten(1), targets)
    torch.testing.assert_close(means, 10 * targets)
    assert not torch.equal(targets, clips)


def test_a_further_input_does_not_change_what_is_drawn():
    _, (maps, means), labels = two_inputs()
    targets = torch.nn.functional.one_hot(labels, 2).float()
    alone = augment((maps.float(),), targets, MIXED, generator())
    both = augment((maps.float(), means.float()), targets, MIXED, generator())
    assert torch.equal(alone[0][0], both[0][0])
    assert torch.equal(alone[1], both[1])


def test_in_a_second_plane_time_runs_along_the_other_axis():
    planes = torch.arange(4 * 2 * 10 * 20.0).view(4, 2, 10, 20)
    shifted = time_shift(planes, 0.5, generator(), second_plane=True)
    distances = []
    for clip, moved in zip(planes, shifted, strict=True):
        (frames,) = (d for d in range(-10, 10) if torch.equal(clip[0].roll(d, 1), moved[0]))
        (rows,) = (d for d in range(-5, 5) if torch.equal(clip[1].roll(d, 0), moved[1]))
        assert abs(frames / 20 - rows / 10) < 0.051
        distances.append(frames)
    assert len(set(distances)) > 1


@pytest.mark.parametrize("execution", [PLAIN, Execution(channels_last=True)])
def test_a_network_with_two_inputs_learns_from_the_second(execution):
    network, inputs, labels = two_inputs()
    train(
        network, inputs, labels, RECIPE, epochs=12, seed=0, n_classes=2, execution=execution,
        validation=(inputs, labels), judged_epochs=(1,),
    )  # fmt: skip
    assert evaluate(network, inputs, labels, ("a", "b")).accuracy > 0.9


def test_the_seed_decides_the_weights_of_a_network_with_two_inputs():
    weights = []
    for _ in range(2):
        network, inputs, labels = two_inputs()
        fast = Execution(channels_last=True)
        train(network, inputs, labels, MIXED, epochs=2, seed=4, n_classes=2, execution=fast)
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.equal(*weights)


def test_probabilities_do_not_depend_on_how_clips_are_batched():
    network, inputs, _ = two_inputs()
    whole, parts = predict_proba(network, inputs), predict_proba(network, inputs, batch_size=5)
    torch.testing.assert_close(torch.from_numpy(parts), torch.from_numpy(whole))


def test_inputs_of_different_clips_are_refused():
    network, (maps, means), labels = two_inputs()
    with pytest.raises(ValueError, match="expected clips"):
        train(network, (maps, means[:-1]), labels, RECIPE, epochs=1, seed=0, n_classes=2)

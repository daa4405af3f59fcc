"""Networks with a mean spectrum as second input, and front ends with a second plane."""

import pytest
import torch
from recipe_cases import AUGMENTATIONS, AUGMENTED, recipe

from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model
from nas_asc.spaces.space_file import load_space
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.loop import Hooks, train
from nas_asc.training.metrics import evaluate

MASKS = {name: AUGMENTATIONS[name] for name in ("time_shift", "spec_augment")}
MASKED = recipe(schedule="constant", gradient_clip=1.0, augmentations=MASKS)


def two_inputs():
    """A small network with a mean spectrum, and 16 clips of two classes that only it tells."""
    choices = report_model("srpol-c10separable").architecture.choices
    space = load_space("separable")
    kept = {path: value for path, value in choices.items() if not path.startswith("stage3.")}
    changed = {"frontend.n_mels": 40, "frontend.mean_spectrum": True, "stem.width": 8}
    changed |= {"stage1.width": 16, "stage1.depth": 1, "stage2.width": 24, "stage2.depth": 1}
    torch.manual_seed(3)
    network = build(space.from_choices(kept | changed | {"stage3.depth": 0}), 2, 0.2)
    maps = torch.randn(16, *network.input_shapes[0])
    means = torch.randn(16, 40)
    labels = torch.arange(16) % 2
    means[labels == 1, :20] += 3
    return network, Clips((maps.half(), means.half()), labels, 2)


@pytest.mark.parametrize("execution", [PLAIN, Execution(channels_last=True)])
def test_a_network_with_two_inputs_learns_from_the_second(execution):
    network, clips = two_inputs()
    train(network, clips, MASKED, Hooks(validation=clips), epochs=12, seed=0, execution=execution)
    assert evaluate(network, clips.inputs, clips.labels, ("a", "b")).accuracy > 0.9


def test_the_seed_decides_the_weights_of_a_network_with_two_inputs():
    weights = []
    for _ in range(2):
        network, clips = two_inputs()
        train(network, clips, AUGMENTED, epochs=2, seed=4, execution=Execution(channels_last=True))
        weights.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.equal(*weights)

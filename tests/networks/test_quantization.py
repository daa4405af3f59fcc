"""Training that expects int8: what is rounded, the gradient that passes, and when."""

import numpy as np
import pytest
import torch
from recipe_cases import AUGMENTED, PLAINEST
from test_loop import tones, trained, weights_of
from torch import nn

from nas_asc.networks.quantization import FakeQuantizer, fake_int8
from nas_asc.networks.rounding import from_int8, to_int8
from nas_asc.networks.stored import restore, store
from nas_asc.training.metrics import evaluate

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("size", [1e30, 1e6, 1.0, 1e-3, 1e-6, 1e-40])
@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (4, 1, 7), (3, 10)])
def test_what_is_rounded_in_training_is_what_is_stored(size, shape):
    weight = np.random.default_rng(0).normal(0, size, shape).astype(np.float32)
    weight[1] = 0.0
    found = fake_int8(torch.from_numpy(weight)).numpy()
    assert np.array_equal(found, from_int8(*to_int8(weight)))


def test_the_gradient_at_the_rounded_weights_passes_to_the_exact_ones():
    """The scale is 127 / 127 = 1: 2.4 is 2, -0.6 is -1. Of (w x - 5)^2 / 2 it is (w x - 5) x."""
    layer = nn.Linear(3, 1, bias=False)
    exact = torch.tensor([[127.0, 2.4, -0.6]])
    layer.weight.data.copy_(exact)
    x = torch.tensor([1.0, 10.0, 100.0])
    with FakeQuantizer(layer).quantized():
        assert layer.weight.tolist() == [[127.0, 2.0, -1.0]]
        loss = (layer(x) - 5.0).square().sum() / 2
        (gradient,) = torch.autograd.grad(loss, [layer.weight])
    assert gradient.tolist() == [[(127 + 20 - 100 - 5) * value for value in (1.0, 10.0, 100.0)]]
    assert torch.equal(layer.weight.detach(), exact)


def test_the_exact_weights_come_back_though_a_step_fails():
    layer = nn.Linear(3, 2)
    exact = layer.weight.detach().clone()
    with pytest.raises(RuntimeError, match="no step"), FakeQuantizer(layer).quantized():
        raise RuntimeError("no step")
    assert torch.equal(layer.weight.detach(), exact)


def test_weights_are_rounded_in_the_last_share_of_a_training_for_int8_alone():
    """Of four epochs of six steps 0.5 are the last two."""
    aware = AUGMENTED.model_copy(update={"quantization_aware": 0.5})

    def weights(steps, until, precision):
        return weights_of(trained(steps, 4, until=until, precision=precision)[0])

    for until, same in ((2, True), (3, False)):
        exact, rounded = (weights(steps, until, "int8") for steps in (AUGMENTED, aware))
        assert torch.equal(exact, rounded) is same
    assert torch.equal(weights(aware, 4, "float16"), weights(AUGMENTED, 4, "float16"))


def test_a_network_learns_with_rounded_weights_what_is_stored():
    aware = PLAINEST.model_copy(update={"quantization_aware": 1.0})
    network, _ = trained(aware, 10, precision="int8")
    restore(network, store(network, precision="int8"))
    assert evaluate(network, *tones(seed=1), ("low", "middle", "high")).accuracy > 0.95

import random

import pytest
import torch
from torch.nn.modules.dropout import _DropoutNd

from nas_asc.complexity import count
from nas_asc.execution import (
    BFLOAT16_FROM_MACS,
    PLAIN,
    Execution,
    computes_in_bfloat16,
    execution_for,
)
from nas_asc.library import load_space, report_model, shipped
from nas_asc.network import build

FAST = Execution(channels_last=True)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def candidates(number, name="mbconv"):
    """Draw some small networks, or the smallest if there are none."""
    space, generator = load_space(name), random.Random(4)
    drawn = [space.random(generator) for _ in range(10 * number)]
    macs = [count(a, 10, 0.6).macs for a in drawn]
    most = max(2_000_000, min(macs) + 1)
    return [a for a, cost in zip(drawn, macs, strict=True) if cost < most][:number]


def outcome(architecture, execution, dtype=torch.float64):
    """Give logits, gradients and buffers after one pass in training."""
    torch.manual_seed(1)
    network = build(architecture, 10, 0.6).to(dtype)
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.p = 0.0  # what it drops depends on the memory order
    inputs = [torch.randn(3, *shape, dtype=dtype) for shape in network.input_shapes]
    with execution.autocast(inputs[0].device):
        logits = execution.forward_of(network)(*inputs)
    logits.square().sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    return logits.detach(), gradients, dict(network.named_buffers())


@pytest.mark.parametrize("name", [n for n in shipped("search_spaces") if n != "asc"])
def test_fast_layers_give_the_plain_logits_gradients_and_statistics(name):
    for architecture in candidates(25 if name == "mbconv" else 5, name):
        fast, plain = outcome(architecture, FAST), outcome(architecture, PLAIN)
        torch.testing.assert_close(fast, plain, msg=lambda m, a=architecture: f"{a.choices}: {m}")


def test_bfloat16_gives_the_plain_logits_to_two_digits():
    for architecture in candidates(8):
        fast = outcome(architecture, Execution(channels_last=True, bfloat16=True), torch.float32)
        plain = outcome(architecture, PLAIN, torch.float32)
        assert (fast[0] - plain[0]).norm() < 0.05 * plain[0].norm(), architecture.choices


def test_in_float32_deepsound_64_gives_the_plain_logits_and_gradients():
    deepsound = report_model("deepsound-64").architecture
    fast, plain = (outcome(deepsound, e, torch.float32) for e in (FAST, PLAIN))
    torch.testing.assert_close(fast, plain, rtol=2e-3, atol=2e-3)


def test_large_networks_compute_in_bfloat16_where_the_processor_can():
    deepsound = report_model("deepsound-64").architecture
    complexity = count(deepsound, 10, 5.0)
    assert complexity.macs > BFLOAT16_FROM_MACS
    assert execution_for(complexity) == Execution(True, computes_in_bfloat16())


def test_small_networks_compute_in_float32():
    complexity = count(report_model("deepsound-32").architecture, 10, 0.5)
    assert complexity.macs < BFLOAT16_FROM_MACS
    assert execution_for(complexity) == Execution(channels_last=True)

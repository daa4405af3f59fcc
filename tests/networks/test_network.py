import copy
import subprocess
import sys

import pytest
import torch
from shipped_models import MODELS
from torch import nn

from nas_asc.architectures.architecture import build_graph
from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import act, add, conv, global_pool, norm, pointwise
from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.network import Network, build
from nas_asc.reports.lookup import report_model

TRAIN_ALL = """
import random
import torch
from nas_asc.spaces.space_file import load_space
from nas_asc.shipped import shipped
from nas_asc.networks.network import build

torch.manual_seed(0)
torch.set_num_threads(1)


def train_one_step(architecture, classes, clip_s):
    network = build(architecture, classes, clip_s).to(memory_format=torch.channels_last)
    inputs = [torch.randn(2, *shape) for shape in network.input_shapes]
    if inputs[0].dim() == 4:
        inputs[0] = inputs[0].contiguous(memory_format=torch.channels_last)
    loss = torch.nn.functional.cross_entropy(network(*inputs), torch.tensor([0, 1]))
    loss.backward()
    torch.optim.AdamW(network.parameters()).step()
    assert loss.isfinite()
    assert all(p.grad is not None for p in network.parameters())


for name in shipped("search_spaces"):
    space = load_space(name)
    if space.families:
        continue
    for model in space.models.values():
        train_one_step(model.architecture, model.classes, model.clip_s)
        print(model.id)
    rng = random.Random(0)
    for _ in range(5):
        train_one_step(space.random(rng), 10, 1.0)
"""


@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_model_runs_as_it_is_counted(model_id):
    model = report_model(model_id)
    network = build(model.architecture, model.classes, model.clip_s).eval()
    layers = {layer.name: layer for layer in network.layers if layer.params}
    shapes = {}
    for name, layer in layers.items():
        module = network.get_submodule(name)
        assert sum(p.numel() for p in module.parameters()) == layer.params
        module.register_forward_hook(lambda _, args, y, n=name: shapes.update({n: y.shape[1:]}))
    with torch.no_grad():
        assert network(*network.example_inputs()).shape == (1, model.classes)
    assert shapes == {name: layer.shape for name, layer in layers.items()}


@pytest.mark.slow
def test_every_report_model_trains_in_channels_last_float32():
    """In a process of its own: a memory fault would take the other tests with it."""
    done = subprocess.run([sys.executable, "-c", TRAIN_ALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == list(MODELS)


def test_parameters_are_named_after_their_layers_and_decided_by_the_seed():
    architecture = report_model("deepsound-64").architecture

    def seeded():
        torch.manual_seed(3)
        return dict(build(architecture, 10, 1.0).named_parameters())

    first, second = seeded(), seeded()
    layers = build_graph(architecture, 10, 1.0).layers
    assert {n.rsplit(".", 1)[0] for n in first} == {la.name for la in layers if la.params}
    assert "stage1.2.expand.weight" in first
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_copy_is_independent():
    torch.manual_seed(0)
    network = build(report_model("deepsound-32").architecture, 10, 0.37).eval()
    x = torch.randn(2, *network.input_shapes[0])
    before = network(x)
    other = copy.deepcopy(network)
    assert torch.equal(other(x), before)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not torch.equal(other(x), before)
    assert torch.equal(network(x), before)


def test_a_shortcut_is_not_overwritten_by_an_activation():
    g = Graph()
    x = g.input((1, 4))
    h = pointwise(g, x, 1, name="conv")
    add(g, act(g, norm(g, h), "relu"), h)
    network = Network(g.layers).eval()
    with torch.no_grad():
        network.get_submodule("conv").weight.fill_(-1.0)
    x = torch.tensor([[[1.0, -2.0, 3.0, -4.0]]])
    deviation = (1 + 1e-5) ** 0.5
    expected = torch.tensor([[[-1.0, 2 / deviation + 2, -3.0, 4 / deviation + 4]]])
    torch.testing.assert_close(network(x), expected)


def test_an_operator_without_a_module_is_refused():
    g = Graph()
    x = g.input((1, 8))
    g.add_layer(type("wavelet", (), {})(), "head.wavelet", (x,), (1, 4))
    with pytest.raises(UnsupportedOperation, match=r"head\.wavelet: no module .* 'wavelet'"):
        Network(g.layers)


@pytest.mark.parametrize(
    ("x", "kernel", "stride", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], (3,), (1,), [3.0, 6.0, 9.0, 7.0]),
        ([1.0, 2.0, 3.0, 4.0], (3,), (2,), [6.0, 7.0]),
        ([1.0, 2.0, 3.0, 4.0], (3,), (3,), [3.0, 7.0]),
        ([[1.0, 2.0], [10.0, 20.0]], (1, 2), (1, 1), [[3.0, 2.0], [30.0, 20.0]]),
    ],
)
def test_same_padding_by_hand(x, kernel, stride, expected):
    """Under a window of ones; one of 1 x 2 looks one frame ahead, not one mel bin."""
    g, x = Graph(), torch.tensor([x])
    conv(g, g.input(x.shape), 1, kernel, stride, name="conv", padding="same")
    network = Network(g.layers)
    nn.init.ones_(network.get_submodule("conv").weight)
    assert network(x[None])[0, 0].tolist() == expected


@pytest.mark.parametrize("padding", ["half", "same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (1, 5), (1, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
def test_every_padding_runs_as_it_is_counted(padding, kernel, stride):
    g = Graph()
    shape = conv(g, g.input((2, 11, 8)), 4, kernel, stride, name="conv", padding=padding)
    assert Network(g.layers)(torch.randn(2, 2, 11, 8)).shape == (2, *shape)


@pytest.mark.parametrize(
    ("kind", "expected"), [("avg", [2.5, -2.5]), ("max", [4.0, -1.0]), ("avg+max", [6.5, -3.5])]
)
@pytest.mark.parametrize("keep", [False, True])
def test_global_pooling_by_hand(kind, expected, keep):
    g = Graph()
    global_pool(g, g.input((2, 2, 2)), kind, keep_axes=keep)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    out = Network(g.layers)(torch.stack([x, -x]).unsqueeze(0))
    assert out.shape == ((1, 2, 1, 1) if keep else (1, 2))
    assert out.flatten().tolist() == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relu", [0.0, 0.0, 1.0, 4.0]),
        ("silu", [-0.0719448, 0.0, 0.7310586, 3.9280552]),
        ("hardswish", [0.0, 0.0, 0.6666667, 4.0]),
        ("selu", [-1.7258986, 0.0, 1.0507010, 4.2028040]),
        ("sigmoid", [0.0179862, 0.5, 0.7310586, 0.9820138]),
    ],
)
def test_activations_by_formula(kind, expected):
    """At -4, 0, 1 and 4."""
    g, x = Graph(), torch.tensor([[-4.0, 0.0, 1.0, 4.0]])
    act(g, g.input((4,)), kind)
    torch.testing.assert_close(Network(g.layers)(x), torch.tensor([expected]))
    assert x.tolist() == [[-4.0, 0.0, 1.0, 4.0]], "an input is left as it is"

import warnings
from math import prod

import pytest
import torch
from shipped_models import MODELS
from torch import Tensor, nn

from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import conv, linear, norm, pool
from nas_asc.complexity.counting import count
from nas_asc.errors import UnsupportedOperation
from nas_asc.networks.network import Network, build
from nas_asc.networks.reference_count import reference_count
from nas_asc.reports.lookup import report_model


class Stranger(nn.Module):
    """A module with an operator whose cost nobody has stated."""

    def example_inputs(self) -> tuple[Tensor, ...]:
        return (torch.zeros(1, 4),)

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(1)


def test_layers_by_hand():
    """3 -> 8 channels, 3x3, on 10 x 10; a bias costs nothing, batch norm 2 per element."""
    g = Graph()
    norm(g, conv(g, g.input((3, 10, 10)), 8, (3, 3), name="conv", bias=True))
    counted = reference_count(Network(g.layers))
    assert counted.macs == 3 * 8 * 9 * 100
    assert counted.total == counted.macs + 2 * 8 * 100
    g = Graph()
    linear(g, g.input((64,)), 10, name="dense")
    assert reference_count(Network(g.layers)).total == 640


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("axes", [(12,), (12, 8)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_pooling_costs_nothing_along_one_axis_or_two(kind, axes, padding):
    g, ones = Graph(), (1,) * len(axes)
    h = conv(g, g.input((1, *axes)), 2, ones, name="conv")
    pool(g, h, kind, tuple(5 * n for n in ones), tuple(2 * n for n in ones), padding=padding)
    assert reference_count(Network(g.layers)).total == 2 * prod(axes)


@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_model_is_counted_as_by_the_closed_form(model_id):
    model = report_model(model_id)
    asked = (model.architecture, model.classes, model.clip_s)
    complexity = count(*asked)
    assert reference_count(build(*asked)) == (complexity.macs, complexity.macs_fvcore_total)


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was_and_nothing_is_warned_of(training):
    network = build(report_model("deepsound-32").architecture, 10, 0.37).train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reference_count(network)
    assert network.training == training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_operator_without_a_stated_cost_is_refused():
    with pytest.raises(UnsupportedOperation, match=r"stated cost, got aten::cumsum"):
        reference_count(Stranger())

"""Channels that are removed together: groups and what is left, counted by hand."""

from functools import partial

import pytest

from nas_asc.architectures.architecture import (
    CHANNEL_REMOVAL,
    Architecture,
    as_trained,
    build_graph,
    tally_of,
)
from nas_asc.architectures.channel_groups import channel_groups, channels_left, without_channels
from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import (
    add,
    concat,
    conv,
    depthwise,
    flatten,
    global_pool,
    linear,
    mul,
    norm,
    pointwise,
)
from nas_asc.reports.lookup import report_model

HALF = partial(channels_left, sparsity=0.5, iterations=1)
SUMS = ("weights", "biases", "macs", "norm_channels", "norm_elements")


def removed(architecture, sparsity=0.3, iterations=1):
    settings = {"pruning": CHANNEL_REMOVAL, "sparsity": sparsity, "iterations": iterations}
    given = {"precision": "float32", **settings}
    sections = {**architecture.sections, "compression": given}
    return Architecture(architecture.space, sections, ())


def groups_by_name(g):
    """Return the groups along each layer's output by the layer's name."""
    found = channel_groups(g.layers)
    names = [layer.name for layer in g.layers]
    return found, dict(zip(names, found.axes, strict=True))


def sizes_of(found, runs):
    return [found.sizes[group] for group, _ in runs]


def test_a_sum_a_gate_and_a_depthwise_convolution_tie_channels():
    g = Graph()
    x = conv(g, g.input((1, 8, 8)), 6, (3, 3), name="a")
    h = norm(g, depthwise(g, x, (3, 3), name="b"))
    gate = pointwise(g, global_pool(g, h, "avg", keep_axes=True, name="mean"), 6, name="c")
    x = add(g, mul(g, h, gate), conv(g, x, 6, (1, 1), name="d"))
    linear(g, global_pool(g, x, "avg"), 3, name="e")
    found, axes = groups_by_name(g)
    assert len({axes[name] for name in ("a", "b", "norm", "c", "mul", "d", "add", "pool")}) == 1
    assert sizes_of(found, axes["a"]) == [6]
    assert [found.removable[axes[name][0].group] for name in ("input", "a", "e")] == [
        *(False, True, False)
    ]
    small = without_channels(g, HALF)
    # 3 of 6 channels stay: 3x3x1x3, 3x3x3, 3x3, 3x3 and 3x3 values
    assert [layer.weights for layer in small.layers if layer.weights] == [27, 27, 9, 9, 9]
    assert (small.macs, small.norms) == (64 * (27 + 27 + 9) + 9 + 9, [3])


def test_a_concatenation_added_to_a_wider_output_parts_it():
    g = Graph()
    x = g.input((2, 4, 4))
    parts = [conv(g, x, width, (1, 1), name=f"part{width}") for width in (6, 10)]
    wide = conv(g, concat(g, parts), 16, (1, 1), name="wide")
    x = add(g, wide, concat(g, parts))
    flat = flatten(g, x)
    linear(g, flat, 5, name="last")
    found, axes = groups_by_name(g)
    assert sizes_of(found, axes["wide"]) == sizes_of(found, axes["add"]) == [6, 10]
    assert axes["wide"] == (*axes["part6"], *axes["part10"])
    assert [repeat for _, repeat in axes["flatten"]] == [16, 16]
    small = {layer.name: layer for layer in without_channels(g, HALF).layers}
    assert small["wide"].weights == (3 + 5) * (3 + 5)
    assert small["last"].weights == (3 + 5) * 16 * 5


def test_of_a_group_one_channel_stays_whatever_is_asked():
    g = Graph()
    linear(g, global_pool(g, conv(g, g.input((1, 4, 4)), 3, (1, 1), name="a"), "avg"), 2, name="b")
    most = partial(channels_left, sparsity=0.99, iterations=100)
    assert [layer.weights for layer in without_channels(g, most).layers][1] == 1


@pytest.mark.parametrize("model_id", ["deepsound-32", "ntu-inceptionnet", "imt-a"])
def test_with_nothing_to_remove_the_graph_stays(model_id):
    model = report_model(model_id)
    whole = build_graph(as_trained(removed(model.architecture)), model.classes, model.clip_s)
    same = without_channels(whole, lambda channels: channels)
    assert same.layers == whole.layers
    for name in (*SUMS, "kernels", "norms", "norm_shapes", "shortcut_norms", "shrunk"):
        assert getattr(same, name) == getattr(whole, name)


def test_the_tally_is_that_of_the_graph_that_is_left():
    architecture = removed(report_model("deepsound-32").architecture)
    tally, graph = (f(architecture, 3, 1.0) for f in (tally_of, build_graph))
    assert [getattr(tally, name) for name in SUMS] == [getattr(graph, name) for name in SUMS]
    assert tally.weights == sum(layer.weights for layer in graph.layers)
    assert tally.macs == sum(layer.macs for layer in graph.layers)
    whole = tally_of(as_trained(architecture), 3, 1.0)
    assert tally.macs < 0.6 * whole.macs


def test_what_is_trained_is_the_architecture_itself_unless_channels_are_removed():
    architecture = report_model("deepsound-32").architecture
    assert as_trained(architecture) is architecture

"""What makes no difference is not asked: each choice that is in use makes another network."""

import random

import pytest

from nas_asc.architectures.architecture import build_graph
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

SPACES = tuple(shipped("search_spaces"))
CLIP_S = 10.0


def network(architecture):
    """Give all that a network is but its layers' names; None where a window had to shrink."""
    graph = build_graph(architecture, 10, CLIP_S)
    if graph.shrunk:
        return None
    layers = [(x.operator, x.inputs, x.shape, x.weights, x.biases, x.norm) for x in graph.layers]
    return layers, architecture.sections["frontend"], architecture.sections["compression"]


@pytest.mark.parametrize("space_name", SPACES)
def test_another_option_makes_another_network(space_name):
    space, rng = load_space(space_name).for_data(48000), random.Random(0)
    options = {p.path: p for p in space.parameters()}
    compared = set()
    for _ in range(25):
        drawn = space.random(rng)
        before = network(drawn)
        for path, value in drawn.choices.items() if before else ():
            (own,) = options[path].option(value)
            other = rng.choice([option for option in options[path].options if option != own])
            choices = {**drawn.choices, path: other}
            changed = space.architecture(
                lambda p, c=choices: c[p.path] if p.path in c else rng.choice(p.options)
            )
            if after := network(changed):
                assert after != before, (path, value, other, drawn)
                compared.add(path)
    assert len(compared) > len(options) / 2

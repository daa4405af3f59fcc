"""The closed form against the built module and three independent counters, on random candidates."""

import random

import pytest
from network_checks import hold_count
from shipped_models import FAMILIES

from nas_asc.complexity.counting import count
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

SPACES = tuple(shipped("search_spaces"))
CLIPS_S = (0.3701, 1.0, 2.01, 5.0)


def check(space_name, seed):
    rng = random.Random(seed)
    architecture = load_space(space_name).random(rng)
    n_classes, clip_s = rng.choice((2, 3, 10)), CLIPS_S[seed % len(CLIPS_S)]
    hold_count(architecture, n_classes, clip_s)


def some(space_name):
    """Give the seeds of the default run: 50 for the first of the spaces, 20 for the others."""
    return range(50 if space_name == "mbconv" else 20)


@pytest.mark.parametrize(
    ("space_name", "seed"), [(name, seed) for name in SPACES for seed in some(name)]
)
def test_the_closed_form_is_exact(space_name, seed):
    check(space_name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1500, 50))
@pytest.mark.parametrize("space_name", SPACES)
def test_the_closed_form_is_exact_on_500_candidates(space_name, first):
    for seed in range(first, first + 50):
        check(space_name, seed)


@pytest.mark.parametrize("space_name", [*FAMILIES, "asc"])
def test_the_candidates_vary(space_name):
    """So that the agreement above means something: odd and even shapes, precisions, sparsity."""
    counted = [
        count(load_space(space_name).random(random.Random(seed)), 10, CLIPS_S[seed % len(CLIPS_S)])
        for seed in range(50)
    ]
    assert {c.input_shapes[0][-1] % 2 for c in counted} == {0, 1}
    assert {c.precision for c in counted} == {"float32", "float16", "int8"}
    assert len({c.sparsity for c in counted}) > 1
    assert len({c.size_bytes for c in counted}) > 40

import random
import re
from collections import Counter

import pytest
from space_text import NO_MODELS, with_keys

from nas_asc.errors import ConfigError
from nas_asc.spaces.space import Parameter
from nas_asc.spaces.space_file import read_space

TINY = with_keys(
    NO_MODELS,
    {
        "stage1.expand": "[2, 3, 4]",
        "stage1.pool": None,
        "head.conv": "[0, 16]",
        "head.activation": '["relu", "silu"]',
        "compression.precision": '"float16"',
        "compression.pruning": '["none", "magnitude"]',
        "compression.sparsity": "[0.5, 0.8]",
    },
)
# n_mels 2; stage1 dropped, or depth 2 x (separable: width 2, or mbconv: width 2 x expand 3);
# head without convolution, or with one and 2 activations; not pruned, or at 2 sparsities.
TINY_SIZE = 2 * (1 + 2 * (2 + 2 * 3)) * (1 + 2) * (1 + 2)


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return read_space(path)


def everything(space):
    """Walk every branch of a space."""
    found, prefixes = [], [[]]
    while prefixes:
        prefix = prefixes.pop()
        asked = []

        def choose(parameter, prefix=prefix, asked=asked):
            number = prefix[len(asked)] if len(asked) < len(prefix) else 0
            asked.append((number, len(parameter.options)))
            return parameter.options[number]

        found.append(space.architecture(choose))
        for place in range(len(prefix), len(asked)):
            numbers = [number for number, _ in asked[:place]]
            prefixes += [[*numbers, other] for other in range(1, asked[place][1])]
    return found


def test_a_list_is_a_choice_and_a_scalar_is_fixed(space):
    stage = [f"stage1.{key}" for key in ("depth", "block", "width", "expand")]
    ordered = {p.path: p.ordered for p in space.parameters()}  # those of numbers are
    assert list(ordered) == [
        "frontend.n_mels",
        *stage,
        "head.conv",
        "head.activation",
        "compression.pruning",
        "compression.sparsity",
    ]
    words = {"stage1.block", "head.activation", "compression.pruning"}
    assert {path for path, is_ordered in ordered.items() if not is_ordered} == words
    assert not Parameter("stem.bias", (False, True)).ordered


@pytest.mark.parametrize(
    ("block", "depth", "in_use", "dropped"),
    [
        ("separable", 1, ["block", "width"], {"expand"}),
        ("mbconv", 2, ["block", "width", "expand"], set()),
        ("separable", 0, [], {"block", "width", "kernel"}),  # the stage is dropped
    ],
)
def test_only_choices_in_use_are_asked_for_and_part_of_it(space, block, depth, in_use, dropped):
    asked, wanted = [], {"stage1.block": block, "stage1.depth": depth}

    def choose(parameter):
        asked.append(parameter.path)
        return wanted.get(parameter.path, parameter.options[0])

    architecture = space.architecture(choose)
    stage = [f"stage1.{key}" for key in ["depth", *in_use]]
    assert asked == ["frontend.n_mels", *stage, "head.conv", "compression.pruning"]
    assert list(architecture.choices) == asked
    assert not dropped & architecture.sections["stage1"].keys()


def test_random_draws_reach_every_architecture_and_nothing_else(space):
    every, rng = everything(space), random.Random(0)
    assert len(set(every)) == len(every) == TINY_SIZE == space.size()
    assert {space.random(rng) for _ in range(60 * TINY_SIZE)} == set(every)


def test_the_same_seed_draws_the_same(space):
    draws = [[space.random(rng) for _ in range(20)] for rng in map(random.Random, (7, 7, 8))]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_each_active_choice_is_uniform(space):
    rng = random.Random(0)
    draws = [space.random(rng).choices for _ in range(6000)]
    depths = Counter(choices["stage1.depth"] for choices in draws)
    expands = Counter(choices["stage1.expand"] for choices in draws if "stage1.expand" in choices)
    # four standard deviations: 4 sqrt(6000 x 1/3 x 2/3), and of the third that has an expansion
    assert all(abs(depths[depth] - 2000) < 147 for depth in (0, 1, 2))
    total = expands.total()
    assert abs(total - 2000) < 147
    assert all(abs(expands[expand] - total / 3) < 90 for expand in (2, 3, 4))


def test_a_random_architecture_is_the_one_that_its_choices_name(space):
    rng = random.Random(1)
    for _ in range(100):
        drawn = space.random(rng)
        named = space.from_choices(drawn.choices)
        assert named.sections == drawn.sections
        assert named.choices == drawn.choices


VALID = {
    "frontend.n_mels": 32,
    "stage1.depth": 1,
    "stage1.block": "separable",
    "stage1.width": 12,
    "head.conv": 0,
    "compression.pruning": "none",
}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        (
            {"frontend.n_mels": 30, "stage1.expand": 2, "stage1.wdith": 4},
            ["frontend.n_mels: .* got 30", "stage1.expand: .* in use", "stage1.wdith: .*1.width'"],
        ),
        ({"stage1.depth": True}, ["stage1.depth: .*0, 1, 2.*, got True"]),  # no number
    ],
)
def test_exact_choices_report_every_fault(space, changes, faults):
    assert space.from_choices(VALID).choices == VALID
    with pytest.raises(ConfigError) as error:
        space.from_choices({**VALID, **changes})
    found = str(error.value).split("; ")
    assert len(found) == len(faults)
    assert all(re.match(told, fault) for told, fault in zip(faults, found, strict=True)), found

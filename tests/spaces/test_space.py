import random
from collections import Counter

import pytest

from nas_asc.errors import ConfigError
from nas_asc.spaces.space import Parameter
from nas_asc.spaces.space_file import read_space

TINY = """
[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 512
hop = [256, 512]
n_mels = 32
f_min_hz = 0
f_max_hz = 0
normalisation = "none"

[stem]
block = "conv"
width = 4
kernel = 3
stride = 1
activation = "relu"

[stage1]
depth = [0, 1, 2]
block = ["conv", "mbconv"]
width = [4, 8]
kernel = 3
stride = "1x2"
expand = [2, 3, 4]
squeeze_excite = 0.0
activation = "relu"

[head]
conv = [0, 16]
activation = ["relu", "silu"]
pooling = "avg"

[compression]
precision = "float16"
pruning = ["none", "magnitude"]
sparsity = [0.5, 0.8]
"""
# hop 2; stage1 dropped, or depth 2 x (conv: width 2, or mbconv: width 2 x expand 3);
# head without convolution, or with one and 2 activations; not pruned, or at 2 sparsities.
TINY_SIZE = 2 * (1 + 2 * (2 + 2 * 3)) * (1 + 2) * (1 + 2)


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return read_space(path)


def answers(**given):
    """Choose what is given by path ("stage1__width"), else the first option."""
    by_path = {name.replace("__", "."): value for name, value in given.items()}
    return lambda parameter: by_path.get(parameter.path, parameter.options[0])


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
    assert [p.path for p in space.parameters()] == [
        "frontend.hop",
        "stage1.depth",
        "stage1.block",
        "stage1.width",
        "stage1.expand",
        "head.conv",
        "head.activation",
        "compression.pruning",
        "compression.sparsity",
    ]


def test_lists_of_numbers_are_ordered():
    assert Parameter("stage1.width", (4, 8)).ordered
    assert Parameter("compression.sparsity", (0.5, 1)).ordered
    assert not Parameter("stem.kernel", ("3x3", "3x5")).ordered
    assert not Parameter("stem.bias", (False, True)).ordered


def test_only_choices_in_use_are_asked_for(space):
    asked = []

    def choose(parameter):
        asked.append(parameter.path)
        return parameter.options[0]

    space.architecture(choose)
    assert asked == ["frontend.hop", "stage1.depth", "head.conv", "compression.pruning"]


def test_what_the_block_does_not_use_is_not_part_of_the_architecture(space):
    plain = space.architecture(answers(stage1__depth=1, stage1__block="conv"))
    inverted = space.architecture(answers(stage1__depth=1, stage1__block="mbconv"))
    assert "expand" not in plain.sections["stage1"]
    assert inverted.sections["stage1"]["expand"] == 2
    assert "stage1.expand" not in plain.choices


def test_a_stage_of_depth_zero_is_dropped(space):
    architecture = space.architecture(answers(stage1__depth=0))
    assert architecture.sections["stage1"] == {"depth": 0}


def test_choices_are_in_asking_order(space):
    architecture = space.architecture(answers(stage1__depth=2, stage1__block="mbconv"))
    assert list(architecture.choices) == [
        "frontend.hop",
        "stage1.depth",
        "stage1.block",
        "stage1.width",
        "stage1.expand",
        "head.conv",
        "compression.pruning",
    ]


def test_the_size_is_the_number_of_different_architectures(space):
    keys = [architecture.key for architecture in everything(space)]
    assert len(set(keys)) == len(keys) == TINY_SIZE == space.size()


def test_the_same_seed_draws_the_same(space):
    draws = [[space.random(rng) for _ in range(20)] for rng in map(random.Random, (7, 7, 8))]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_random_draws_reach_every_architecture_and_nothing_else(space):
    rng = random.Random(0)
    drawn = {space.random(rng) for _ in range(60 * TINY_SIZE)}
    assert drawn == set(everything(space))


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
        assert named == drawn
        assert named.sections == drawn.sections
        assert named.choices == drawn.choices


def test_exact_choices_report_every_fault(space):
    with pytest.raises(ConfigError) as error:
        space.from_choices(
            {
                "frontend.hop": 300,
                "stage1.depth": 1,
                "stage1.block": "conv",
                "stage1.wdith": 4,
                "stage1.expand": 2,
                "head.conv": 0,
                "compression.pruning": "none",
            }
        )
    faults = str(error.value).split("; ")
    assert faults == [
        "frontend.hop: expected one of [256, 512], got 300",
        "stage1.width: expected one of [4, 8], got nothing",
        "stage1.expand: expected a choice that is in use",
        "stage1.wdith: expected a choice of the space, did you mean 'stage1.width'?",
    ]


def test_a_flag_is_not_a_number(space):
    with pytest.raises(ConfigError, match=r"stage1.depth: expected one of \[0, 1, 2\], got True"):
        space.from_choices(
            {
                "frontend.hop": 256,
                "stage1.depth": True,
                "head.conv": 0,
                "compression.pruning": "none",
            }
        )

import random
from functools import partial
from itertools import islice
from math import inf, log
from statistics import fmean

import pytest

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.spaces.feasibility import excess
from nas_asc.spaces.mutations import mutations, one_choice_mutations
from nas_asc.spaces.space_file import load_space

SCALES = {"depth", "width", "expand", "kernel", "conv", "n_mels", "precision"}


def never(_):
    return 0.0


def mutated(
    space_name, budget, number=12, seed=0, admits=lambda _: True, clip_s=1.0, overtime=never
):
    space = load_space(space_name)
    parents = [model.adapted(10, clip_s).architecture for model in space.models.values()]
    measure = partial(count, n_classes=10, clip_s=clip_s)
    rng = random.Random(seed)

    def over(architecture, limits):
        counted = measure(architecture)
        return excess(limits, counted) + overtime(counted) if admits(architecture) else inf

    drawn = [next(mutations(space, parents, budget, measure, over, rng, n)) for n in range(number)]
    return parents, [(each, measure(each)) for each in drawn]


@pytest.mark.parametrize(
    ("space", "budget"),
    [
        ("mbconv", Budget(size_bytes=131_072)),
        ("mbconv", Budget(size_bytes=16_384, macs=1_000_000, precisions=("int8",))),
        ("asc", Budget(params=20_000, macs=3_000_000)),
    ],
)
def test_mutations_fit_the_budget_and_the_first_few_are_of_many_sizes(space, budget):
    _, found = mutated(space, budget)
    assert all(budget.exceeded(costs) is None for _, costs in found)
    sizes = [costs.size_bytes for _, costs in found]
    assert max(sizes) > 4 * min(sizes)


def test_mutations_keep_what_designers_chose_besides_the_scale():
    """Where the budget forces nothing else: no stride or activation is another."""
    parents, found = mutated("mbconv", Budget(size_bytes=131_072))
    kept = [_design(parent) for parent in parents]
    for mutation, _ in found:
        assert any(_design(mutation).items() <= each.items() for each in kept)
        assert mutation not in parents


def test_blocks_are_as_designed_and_then_of_each_kind_by_turns():
    """Deepsound's are fused in the first stage and not in the others."""
    _, found = mutated("mbconv", Budget(size_bytes=131_072), number=10)
    kinds = [
        {value for path, value in mutation.choices.items() if path.endswith(".block")}
        for mutation, _ in found
    ]
    assert kinds[:5] == kinds[5:]
    assert kinds[1:5] == [{"fused_mbconv"}, {"mbconv"}, {"separable"}, {"conv"}]
    assert {"stage1.block": "fused_mbconv", "stage2.block": "mbconv"}.items() <= (
        found[0][0].choices.items()
    )


def test_plain_blocks_are_few_and_wide():
    """Deepsound's stages have two or three blocks, and are 21 wide on average."""
    _, found = mutated("mbconv", Budget(macs=8_000_000), number=10)
    for mutation, _ in (found[4], found[9]):
        stages = [s for name, s in mutation.sections.items() if name.startswith("stage")]
        used = [stage for stage in stages if stage["depth"]]
        assert {stage["block"] for stage in used} == {"conv"}
        assert fmean(stage["depth"] for stage in used) < 2
        assert fmean(stage["width"] for stage in used) > 21


def test_what_takes_too_long_is_made_smaller_and_hears_as_it_was_designed_to():
    """Not by another front end, which would be the shortest way: the report's has 16 ms."""

    def overtime(counted):
        return max(0.0, log(counted.weight_layers / 20))

    _, found = mutated("mbconv", Budget(size_bytes=131_072), overtime=overtime)
    assert all(costs.weight_layers <= 20 for _, costs in found)
    assert {mutation.choices["frontend.hop_ms"] for mutation, _ in found} == {16}


def _design(architecture):
    return {path: value for path, value in architecture.choices.items() if _is_design(path)}


def _is_design(path):
    section, _, key = path.partition(".")
    return section != "frontend" and key not in {*SCALES, "block"}


def test_a_front_end_that_does_not_suit_the_data_is_drawn_anew():
    def admits(architecture):
        return architecture.frontend.sample_rate_hz <= 8000

    parents, found = mutated("mbconv", Budget(size_bytes=131_072), admits=admits)
    assert not any(map(admits, parents))
    assert all(admits(mutation) for mutation, _ in found)


def test_the_same_seed_gives_the_same_mutations():
    found = [mutated("asc", Budget(size_bytes=65_536), 3, seed)[1] for seed in (1, 1, 2)]
    first, again, other = ([architecture for architecture, _ in each] for each in found)
    assert first == again != other


@pytest.mark.parametrize("space_name", ["mbconv", "asc"])
def test_one_choice_is_another_and_what_goes_with_it_is_drawn(space_name):
    space, rng = load_space(space_name), random.Random(0)
    parents = [space.random(rng) for _ in range(3)]
    changed = set()
    for mutation in islice(one_choice_mutations(space, parents, rng), 200):
        assert not space.choice_faults(mutation.choices)
        changes = [_changed(parent, mutation) for parent in parents]
        assert min(map(len, changes)) == 1
        changed |= {path.split(".")[-1] for path in min(changes, key=len)}
    assert changed >= {"depth", "block", "stride", "activation", "precision"}


def _changed(parent, mutation):
    """The choices that are active in both and differ."""
    both = parent.choices.keys() & mutation.choices.keys()
    return [path for path in both if parent.choices[path] != mutation.choices[path]]

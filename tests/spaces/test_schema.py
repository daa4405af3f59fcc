"""Which keys are in use under which selection, what they may be, and how large a number.

No key takes a number that would keep the program busy: every number has an upper bound.
"""

import pytest
from stage_values import value_of

from nas_asc.architectures.architecture import Architecture
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.complexity.counting import count
from nas_asc.errors import ConfigError
from nas_asc.spaces.schema import (
    DOMAINS,
    MEMBER_KEYS,
    MODEL_DOMAINS,
    PRINTED_KEYS,
    SELECTORS,
    keys_in_use,
    section_kind,
    selector_in_use,
)
from nas_asc.spaces.space_checks import faults_between, read_section
from nas_asc.spaces.space_file import check_architecture


def used(section, **selected):
    return {key for key, _ in keys_in_use(section, selected)}


def test_every_key_of_a_block_and_every_selector_has_a_domain():
    for block in BLOCKS:
        assert used("stage", block=block) <= set(DOMAINS["stage"])
    for kind, selectors in SELECTORS.items():
        assert set(selectors) <= set(DOMAINS[kind])


@pytest.mark.parametrize(
    ("kind", "selected", "present", "absent"),
    [
        ("stage", {"block": "conv", "order": "conv-act"}, "activation", ""),
        ("stage", {"block": "conv", "order": "conv"}, "width kernel", "activation"),
        ("stage", {"block": "conv", "pool": "none"}, "dropout", "pool_padding pool_norm"),
        ("stage", {"block": "conv", "pool": "max 2x2"}, "pool_padding pool_norm", ""),
        ("stage", {"block": "dwsep", "residual": "none"}, "kernel", "units width"),
        ("stage", {"block": "dwsep", "residual": "block"}, "units", ""),
        (
            *("stage", {"block": "inception", "branches": "1x1+pool"}),
            *("width_1x1 width_pool", "width_3x3 width_5x5"),
        ),
        ("stage", {"block": "inception"}, "width_3x3 width_5x5 width_pool", "width_1x1"),
        ("stage", {"depth": 0}, "", "block width dropout"),
        ("head", {"conv": 0, "classifier": "conv 3x3"}, "map_dropout", "pooling dropout"),
        ("head", {"conv": 0, "classifier": "linear"}, "pooling dropout", "map_dropout activation"),
        ("head", {"conv": 8}, "activation", "dense_norm"),
        ("head", {"conv": 0, "dense": 20}, "dense_norm dense_activation", ""),
        ("frontend", {"kind": "waveform"}, "channels sample_rate_hz", "hop second_window"),
        ("frontend", {"kind": "logmel"}, "mean_spectrum second_window hop", ""),
        ("compression", {"pruning": "none"}, "precision", "sparsity prune_classifier"),
        ("compression", {"pruning": "magnitude"}, "sparsity prune_classifier", "iterations"),
        ("compression", {"pruning": "channels"}, "sparsity prune_classifier iterations", ""),
        ("compression", {"pruning": "channel_removal"}, "sparsity iterations", "prune_classifier"),
    ],
)
def test_only_what_the_chosen_kind_uses_is_asked_for(kind, selected, present, absent):
    keys = used(kind, **selected)
    assert set(present.split()) <= keys
    assert not keys.intersection(absent.split())


def test_selectors_are_in_use_as_those_in_front_of_them_say():
    assert selector_in_use("stage", "order", {"depth": 1, "block": "conv"})
    assert not selector_in_use("stage", "order", {"depth": 1, "block": "mbconv"})
    assert not any(selector_in_use("stage", key, {"depth": 0}) for key in SELECTORS["stage"][1:])
    assert not selector_in_use("head", "dense", {"conv": 0, "classifier": "conv 3x3"})


@pytest.mark.parametrize(
    ("kind", "key", "good", "bad"),
    [
        ("stage", "pool", ("max 10x4", "avg 3x3/2", "none"), ("max", "avg 0x3", "max 4x4x4")),
        ("stage", "pool", (), ("median 3",)),
        ("stage", "kernel", (3, "3", "3x5"), ("3x", 3.0, "9" * 5000 + "y")),
        ("stage", "stride", ("1x2",), ("0x2", "\u0663x2")),  # a three in Arabic digits
        ("stage", "dropout", ("plain 0.3", "alpha 0.05"), ("plain 3", "alpha 0.0", "plain 1.0")),
        ("stage", "dropout", ("spatial 0.25", "none"), (0.25,)),
        ("stage", "width_pool", (1,), (0, True)),
        ("stage", "branches", ("1x1+3x3+5x5+pool", "5x5"), ("pool+3x3", "")),
        ("stage", "units", (2,), (1,)),
        ("stage", "residual", ("unit",), (True,)),
        ("head", "classifier", ("conv 1x1",), ("conv",)),
        ("head", "dense_activation", ("none",), ("linear",)),
        ("frontend", "second_window", (0, 16384), ("16384", 1)),
        ("frontend", "window", (16,), (0, 1)),
        ("frontend", "f_max_hz", (0, 8000.5), (float("nan"), float("inf"))),
        ("compression", "iterations", (5,), (0,)),
        ("compression", "pruning", ("channels",), ("kernels",)),
    ],
)
def test_a_key_takes_what_its_domain_says(kind, key, good, bad):
    accepts = DOMAINS[kind][key].accepts
    assert all(accepts(value) for value in good)
    assert not any(accepts(value) for value in bad)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("stage", ("stem", "stage12")),
        ("head", ("head",)),
        # The number of a stage has few digits.
        (None, ("tail", "stage", "stagex", "stage1000", "stage" + "1" * 5000, "stage\u0663")),
    ],
)
def test_sections_are_known_by_name(kind, names):
    assert {section_kind(name) for name in names} == {kind}


TABLES = {**DOMAINS, "model": {**MODEL_DOMAINS, **PRINTED_KEYS}, "member": MEMBER_KEYS}
SECTIONS = {"frontend": "frontend", "stage": "stage1", "head": "head", "compression": "compression"}
# What a number may stand in; one alone is no text.
FORMS = ("{}", "{}x5", "5x{}", "max {}", "max 3x{}", "avg 3/{}", "conv {}", "conv {}x3")
SMALL = (0, 0.5, 1, 3, 16, 1000)


def written(number, form):
    return number if form == "{}" else form.format(number)


def huge(form):
    """Give values beyond all reason; one has more digits than Python writes."""
    if form != "{}":
        return [form.format(10**12), form.format("9" * 5000), form.format("9" * 100_000)]
    return [10**18, 10**400, 16**5000, 1e300, float("inf")]


KEYS = [
    (table, key, form)
    for table, domains in TABLES.items()
    for key, domain in domains.items()
    for form in FORMS
    if not domain.accepts("any text")
    and any(domain.accepts(written(number, form)) for number in SMALL)
]


def most(table, key, form="{}"):
    """Find the largest whole number that a key takes, by halving."""
    accepts = TABLES[table][key].accepts
    low, high = next(n for n in (0, 1, 16, 1000) if accepts(written(n, form))), 10**18
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepts(written(middle, form)) else (low, middle)
    return low


def test_numbers_are_found_in_every_table_and_form():
    assert {form for _, _, form in KEYS} == set(FORMS)
    assert {table for table, _, _ in KEYS} == set(TABLES)
    assert {("stage", "units"), ("frontend", "hop"), ("member", "number")} <= {k[:2] for k in KEYS}


@pytest.mark.parametrize(("table", "key", "form"), KEYS)
def test_the_bound_of_a_number_is_named_and_a_huge_one_refused_in_a_few_words(table, key, form):
    domain, bound = TABLES[table][key], most(table, key, form)
    assert bound <= (1000 if key in ("depth", "units") else 10**15)
    assert f"{bound:,}" in domain.expected
    for value in huge(form):
        assert not domain.accepts(value)
        assert len(domain.error_message(value)) < 400
        assert "\n" not in domain.error_message(value)


@pytest.mark.parametrize(("kind", "key", "form"), [k for k in KEYS if k[0] in SECTIONS])
def test_a_huge_number_is_a_fault_of_a_space_and_of_an_architecture(kind, key, form):
    name, expected = SECTIONS[kind], f"{key}: expected {DOMAINS[kind][key].expected}, got "
    for value in huge(form):
        for given in (value, [value]):
            texts = [fault.text for fault in read_section(name, {key: given})[1]]
            assert sum(text.startswith(f"{name}.{expected}") for text in texts) == 1
        with pytest.raises(ConfigError) as error:
            check_architecture(Architecture("mine", {name: {key: value}}, ()))
        lines = str(error.value).splitlines()
        assert sum(line.startswith(f"architecture: {name}.{expected}") for line in lines) == 1


def at_its_most(section, **given):
    """Give a section with the largest number for every key in use that takes a whole one."""
    values = dict(given)
    for _, key, _form in [k for k in KEYS if k[0] == section and k[2] == "{}"]:
        in_samples = not key.endswith("_ms")  # what states both is a fault
        if key not in values and in_samples and not DOMAINS[section][key].accepts(0.5):
            values[key] = most(section, key)
    used = {key for key, _ in keys_in_use(section, values)} | given.keys()
    return {key: value for key, value in values.items() if key in used | {"depth", "conv", "dense"}}


@pytest.mark.parametrize("block", BLOCKS)
def test_all_numbers_at_their_most_can_be_counted(block):
    stage = at_its_most("stage", block=block, pool="max 10000x10000/10000")
    if "units" in stage:
        stage["units"] = 10  # 1,000 in all
    needed = [key for key, has_default in keys_in_use("stage", stage) if not has_default]
    stage = {key: value_of(key) for key in needed} | stage
    stage |= {key: v for key, v in (("squeeze_excite", 1.0), ("kernel", 9999)) if key in stage}
    sections = {
        "frontend": at_its_most(  # the second window is the second channel
            "frontend", kind="logmel", channels=1, normalisation="none", f_min_hz=0, f_max_hz=0
        ),
        "stage1": stage,
        "head": at_its_most("head", activation="relu", pooling="flatten", dense_activation="relu"),
        "compression": {"precision": "float32", "pruning": "none"},
    }
    architecture = Architecture("mine", sections, ())
    check_architecture(architecture)
    counted = count(architecture, most("model", "classes"), float(most("model", "clip_s")))
    assert 0 < counted.size_bytes < 10**30
    assert counted.peak_activation_bytes > 0


@pytest.mark.parametrize(("depth", "units"), [([1, 11], 100), (100, [10, 11])])
def test_the_units_of_a_stage_have_a_bound_together(depth, units):
    values = {"block": "dwsep", "kernel": 3, "activation": "relu"}
    section, faults = read_section("stage1", {**values, "depth": depth, "units": units})
    assert faults == []
    (fault,) = faults_between({"stage1": section})
    assert fault.path == "stage1.units"
    assert "at most 1,000 units in a stage, depth x units, got 1" in fault.text
    assert faults_between({"stage1": read_section("stage1", {**values, "units": 100})[0]}) == []


def test_a_choice_has_a_bounded_number_of_options():
    fault, *_ = read_section("stage1", {"width": list(range(1, 50_001))})[1]
    assert fault.text == "stage1.width: expected at most 1,000 options, got 50,000"
    fault, *_ = read_section("stage1", {"width": list(range(1, 1001))})[1]
    assert fault.path != "stage1.width"


def test_a_section_of_many_options_is_counted_at_once():
    """A stage that is dropped, or depths x pools x the outcomes of each block."""
    outcomes = {"conv": 2 * 2, "separable": 2 * 2, "inception": 2 * 2, "dwsep": 1}
    outcomes |= {"mbconv": 2, "fused_mbconv": 2, "basic": 2}
    values = {
        "depth": list(range(101)),
        "block": list(outcomes),
        "pool": [f"max {n}" for n in range(1, 1001)],
        "order": ["conv-norm-act", "conv"],
        **{"width": [4, 8], "kernel": 3, "stride": 1, "activation": "relu", "units": 2},
        **{"expand": 2, "squeeze_excite": 0.0},
    }
    section, faults = read_section("stage1", values)
    assert faults == []
    assert section.size() == 1 + 100 * 1000 * sum(outcomes.values())

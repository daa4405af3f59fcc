from dataclasses import dataclass

import pytest

from nas_asc.complexity.budget import Budget, parse_budget
from nas_asc.complexity.rules import counting_rule
from nas_asc.errors import ConfigError

PLAIN = counting_rule("plain")


@dataclass(frozen=True)
class Cost:
    size_bytes: int = 0
    counted_params: int = 0
    counted_macs: int = 0
    peak_activation_bytes: int = 0
    precision: str = "float16"


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("128KB", Budget(size_bytes=131_072)),
        ("65536params", Budget(params=65_536)),
        ("64Kparams", Budget(params=64_000)),
        ("30MMAC", Budget(macs=30_000_000)),
        ("500MAC", Budget(macs=500)),
        ("64KiBram", Budget(peak_activation_bytes=65_536)),
        ("0.5MB,30MMAC", Budget(size_bytes=524_288, macs=30_000_000)),
        (" 32KB , 10MMAC ", Budget(size_bytes=32_768, macs=10_000_000)),
        ("1kB,2params,3MAC,4Bram", Budget(1000, 2, 3, 4)),
        ("1.5KB,1GMAC,0.5MiBram", Budget(1536, macs=10**9, peak_activation_bytes=524_288)),
        ("1.001kB", Budget(size_bytes=1001)),
        ("1.0009kB", Budget(size_bytes=1000)),
        ("128 KB", Budget(size_bytes=131_072)),
        ("128kb", Budget(size_bytes=131_072)),
        ("128 kB", Budget(size_bytes=128_000)),
        ("30MMACs", Budget(macs=30_000_000)),
        ("64kibRAM", Budget(peak_activation_bytes=65_536)),
        ("1 MB", Budget(size_bytes=1_048_576)),
    ],
)
def test_budgets_are_read(text, budget):
    assert parse_budget(text, PLAIN) == budget


def test_a_kb_follows_the_rule():
    assert parse_budget("128KB", counting_rule("dcase2024-1")).size_bytes == 128_000
    assert parse_budget("128KBram", counting_rule("dcase2024-1")).peak_activation_bytes == 128_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *((text, "") for text in ("", "128", "-1KB", "128KB,", "ram", "1e3KB", "KB", "\u0661KB")),
        ("10Kparam", "did you mean 'Kparams'?"),
        *((text, "") for text in ("128KBs of it", "128kBs", "128kBrams", "5paramss", "1Bs")),
        ("30MACK", "did you mean 'MAC'?"),
    ],
)
def test_another_spelling_is_refused_with_the_known_ones(text, meant):
    with pytest.raises(ConfigError, match=r"B, kB, .* params, MAC .*; got") as error:
        parse_budget(text, PLAIN)
    assert meant in str(error.value)


@pytest.mark.parametrize("text", ["0KB", "0MAC", "0.1params"])
def test_a_limit_of_zero_is_refused(text):
    with pytest.raises(ConfigError, match="expected a limit above zero"):
        parse_budget(text, PLAIN)


@pytest.mark.parametrize("unit", ["B", "params", "MAC", "Bram"])
def test_a_limit_is_at_most_what_64_bits_hold(unit):
    most = 9_223_372_036_854_775_807
    assert list(parse_budget(f"{most}{unit}", PLAIN).limits().values()) == [most]
    with pytest.raises(ConfigError, match=r"at most 9,223,372,036,854,775,807, got '92233"):
        parse_budget(f"{most + 1}{unit}", PLAIN)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("128KB,1MMAC,64KB", "expected one limit on size, got '128KB' and '64KB'"),
        ("5params, 6params", "expected one limit on parameters, got '5params' and '6params'"),
        ("5MAC,1MMAC", "expected one limit on multiply-accumulates, got '5MAC' and '1MMAC'"),
        (
            "1KBram,2KBram",
            "expected one limit on peak activation memory, got '1KBram' and '2KBram'",
        ),
    ],
)
def test_two_limits_of_a_kind_are_refused_as_they_were_typed(text, refusal):
    with pytest.raises(ConfigError) as error:
        parse_budget(text, PLAIN)
    assert str(error.value) == f"budget: {refusal} - keep one"


def test_a_rules_limits_hold_too_and_the_tighter_wins():
    rule = counting_rule("dcase2022-1")
    budget = parse_budget("64KB,40MMAC", rule, with_limits=True)
    assert budget.limits() == {"size_bytes": 64_000, "params": 128_000, "macs": 30_000_000}


def test_a_rule_alone_is_a_budget():
    budget = parse_budget(None, counting_rule("dcase2020-1b"), with_limits=True)
    assert budget.limits() == {"size_bytes": 512_000}


@pytest.mark.parametrize("with_limits", [True, False])
def test_no_limit_at_all_is_refused(with_limits):
    with pytest.raises(ConfigError, match="rule 'plain' has none of its own, give --budget"):
        parse_budget(None, PLAIN, with_limits=with_limits)


def test_a_rules_limits_do_not_hold_unless_asked_for():
    assert parse_budget("1MB", counting_rule("dcase2024-1")).limits() == {"size_bytes": 1_000_000}


@pytest.mark.parametrize(
    ("limit", "measure"),
    [
        ("size_bytes", "size_bytes"),
        ("params", "counted_params"),
        ("macs", "counted_macs"),
        ("peak_activation_bytes", "peak_activation_bytes"),
    ],
)
def test_limits_are_inclusive(limit, measure):
    budget = Budget(**{limit: 100})
    assert budget.exceeded(Cost(**{measure: 100})) is None
    assert budget.exceeded(Cost(**{measure: 101})) == limit


def test_an_edition_of_int8_refuses_other_precisions():
    budget = parse_budget(None, counting_rule("dcase2022-1"), with_limits=True)
    assert budget.exceeded(Cost(precision="float16")) == "precision"
    assert budget.exceeded(Cost(precision="int8")) is None


def test_all_networks_of_an_ensemble_need_a_precision_that_the_edition_admits():
    """The edition of 2022 admits int8 alone."""
    budget = parse_budget(None, counting_rule("dcase2022-1"), with_limits=True)
    assert budget.exceeded(Cost(precision="float32+int8")) == "precision"
    both = Budget(precisions=("float16", "int8"))
    assert both.exceeded(Cost(precision="float16+int8")) is None
    assert both.exceeded(Cost(precision="float16+float32")) == "precision"


def test_peak_memory_is_not_worked_out_when_something_else_binds():
    class Unasked:
        size_bytes = 2
        precision = "int8"

        @property
        def peak_activation_bytes(self):
            raise AssertionError("worked out")

    assert Budget(size_bytes=1, peak_activation_bytes=1).exceeded(Unasked()) == "size_bytes"
    assert Budget(size_bytes=2).exceeded(Unasked()) is None


def test_the_echo_says_bytes():
    text = str(parse_budget("128KB,30MMAC,64KiBram,64Kparams", PLAIN))
    assert text == (
        "131,072 bytes, 64,000 parameters, 30,000,000 multiply-accumulates, "
        "65,536 bytes of peak activation memory"
    )


def test_the_echo_says_which_precisions_a_rule_admits():
    budget = parse_budget("64kB", counting_rule("dcase2022-1"), with_limits=True)
    assert str(budget) == (
        "64,000 bytes, 128,000 parameters, 30,000,000 multiply-accumulates, stored as int8"
    )


def test_json_has_null_for_a_limit_that_is_not_set():
    assert parse_budget("128KB", PLAIN).to_dict() == {
        "size_bytes": 131_072,
        "params": None,
        "macs": None,
        "peak_activation_bytes": None,
    }

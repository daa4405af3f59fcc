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
        ("64Kparams", Budget(params=64_000)),
        ("64KiBram", Budget(peak_activation_bytes=65_536)),
        (" 32KB , 10MMAC ", Budget(32_768, macs=10_000_000)),
        ("1kB,2params,3MAC,4Bram", Budget(1000, 2, 3, 4)),
        ("1.5KB,1GMAC,0.5MiBram", Budget(1536, macs=10**9, peak_activation_bytes=524_288)),
        ("1.001kB", Budget(size_bytes=1001)),
        ("1.0009kB", Budget(size_bytes=1000)),
        ("128kb", Budget(size_bytes=131_072)),
        ("128 kB", Budget(size_bytes=128_000)),
        ("30MMACs", Budget(macs=30_000_000)),
        ("64kibRAM", Budget(peak_activation_bytes=65_536)),
        ("1 MB", Budget(size_bytes=1_048_576)),
        ("64 KiB RAM", Budget(peak_activation_bytes=65_536)),
        ("64 kB ram", Budget(peak_activation_bytes=64_000)),
        ("100kparams, 30 M MACs", Budget(params=100_000, macs=30_000_000)),
    ],
)
def test_budgets_are_read(text, budget):
    assert parse_budget(text, PLAIN) == budget


MOST = 2**63 - 1  # what 64 bits hold


@pytest.mark.parametrize("unit", ["B", "params", "MAC", "Bram"])
def test_a_limit_is_at_most_what_64_bits_hold(unit):
    assert list(parse_budget(f"{MOST}{unit}", PLAIN).limits().values()) == [MOST]


KNOWN = "B, kB, .* params, MAC .*; got"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("", "128", "-1KB", "128KB,", "ram", "1e3KB", "KB", "\u0661KB"), KNOWN),
        (("128KBs of it", "128kBs", "128kBrams", "5paramss", "1Bs"), KNOWN),
        (("10Kparam",), f"{KNOWN}.* mean 'Kparams'"),
        (("30MACK",), f"{KNOWN}.* mean 'MAC'"),
        (("0KB", "0MAC", "0.1params"), "above zero"),
        ((f"{MOST + 1}B", f"{MOST + 1}MAC"), f"at most {MOST:,}, got '92233"),
        (("128KB,1MMAC,64KB",), "one limit on size, got '128KB' and '64KB'"),
        (("5params, 6params",), "one limit on parameters, got '5params' and '6params'"),
        (("5MAC,1MMAC",), "one limit on multiply-accumulates, got '5MAC' and '1MMAC'"),
        (("1KBram,2KBram",), "one limit on peak activation memory, got '1KBram'"),
        ((None,), "rule 'plain' has none of its own, give --budget"),
    ],
)
def test_what_is_no_budget_is_refused(texts, told):
    for text in texts:
        with pytest.raises(ConfigError, match=f"budget: .*{told}"):
            parse_budget(text, PLAIN, with_limits=text is None)


@pytest.mark.parametrize(
    ("text", "rule", "with_limits", "limits"),
    [
        # The tighter limit wins; a KB is the rule's.
        (
            *("64KB,40MMAC", "dcase2022-1", True),
            {"size_bytes": 64_000, "params": 128_000, "macs": 30_000_000},
        ),
        (None, "dcase2020-1b", True, {"size_bytes": 512_000}),
        ("1MB", "dcase2024-1", False, {"size_bytes": 1_000_000}),
        ("128KBram", "dcase2024-1", False, {"peak_activation_bytes": 128_000}),
    ],
)
def test_a_rules_limits_hold_too_where_asked_for(text, rule, with_limits, limits):
    assert parse_budget(text, counting_rule(rule), with_limits=with_limits).limits() == limits


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


def test_all_networks_need_a_precision_that_the_edition_admits():
    """The edition of 2022 admits kernels in int8 alone; an ensemble may be of several."""
    budget = parse_budget(None, counting_rule("dcase2022-1"), with_limits=True)
    assert str(budget).endswith("30,000,000 multiply-accumulates, stored as int8 or full_int8")
    for precision in ("int8", "full_int8"):
        assert budget.exceeded(Cost(precision=precision)) is None
    for precision in ("float16", "float32+int8"):
        assert budget.exceeded(Cost(precision=precision)) == "precision"
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


def test_the_echo_says_bytes_and_json_has_null_for_a_limit_that_is_not_set():
    budget = parse_budget("128KB,64KiBram,64Kparams", PLAIN)
    words = str(budget)
    assert words == "131,072 bytes, 64,000 parameters, 65,536 bytes of peak activation memory"
    assert budget.to_dict() == {
        "size_bytes": 131_072,
        "params": 64_000,
        "macs": None,
        "peak_activation_bytes": 65_536,
    }

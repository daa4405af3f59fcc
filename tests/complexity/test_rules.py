"""The editions' numbers: the organisers' calculators and baselines that each rule names."""

import pytest

from nas_asc.complexity.counting import Complexity
from nas_asc.complexity.rules import BYTES_PER_VALUE, RULES, counting_rule

EDITIONS = {
    # id: bytes, KB, parameters, MACs, batch norm values per channel, zeros counted, clip in s
    "dcase2020-1b": (512_000, 1024, None, None, 0, False, 10.0),
    "dcase2021-1a": (131_072, 1024, None, None, 4, False, 10.0),
    "dcase2022-1": (128_000, 1000, 128_000, 30_000_000, 2, True, 1.0),
    "dcase2023-1": (128_000, 1000, None, 30_000_000, 2, True, 1.0),
    "dcase2024-1": (128_000, 1000, None, 30_000_000, 2, True, 1.0),
    "dcase2025-1": (128_000, 1000, None, 30_000_000, 2, True, 1.0),
}


@pytest.mark.parametrize("rule_id", EDITIONS)
def test_an_edition_counts_as_the_organisers_do(rule_id):
    *limits, batch_norm, zeros_counted, clip_s = EDITIONS[rule_id]
    _, _, params, macs = limits
    rule = counting_rule(rule_id)
    assert [rule.max_bytes, rule.kb, rule.max_params, rule.max_macs] == limits
    assert (rule.batch_norm, rule.zeros_counted, rule.clip_s) == (batch_norm, zeros_counted, clip_s)
    assert rule.biases
    assert not rule.compact
    # An edition with a limit on multiply-accumulates judges by torchinfo; 2022 fixes the precision.
    assert rule.judged_macs == ("macs_torchinfo" if macs else "macs")
    assert rule.precisions == (("int8", "full_int8") if params else tuple(BYTES_PER_VALUE))


@pytest.mark.parametrize(
    ("rule_id", "params", "precision", "size_kb"),
    [
        # dcase2020_task1_baseline; IMT models A and B; NTU models 1 and 3
        ("dcase2020-1b", 115_219, "float32", 450.1),
        ("dcase2020-1b", 12_160, "float16", 23.8),
        ("dcase2020-1b", 29_888, "float16", 58.4),
        ("dcase2020-1b", 17_115, "float32", 66.9),
        ("dcase2020-1b", 119_758, "float32", 467.8),
        # dcase2024_task1_baseline
        ("dcase2024-1", 61_148, "float16", 122.3),
    ],
)
def test_published_sizes_in_kb(rule_id, params, precision, size_kb):
    size_bytes = params * BYTES_PER_VALUE[precision]
    assert round(size_bytes / counting_rule(rule_id).kb, 1) == size_kb
    assert size_bytes <= counting_rule(rule_id).max_bytes


def test_the_default_rule_is_what_a_compact_file_holds():
    plain = counting_rule("plain")
    assert plain.compact
    assert (plain.batch_norm, plain.kb, plain.max_bytes, plain.max_macs) == (2, 1024, None, None)


def test_the_reports_count_batch_norm_in_four_ways():
    ways = {"srpol": 0, "imt": 1, "srpol-3": 4, "ntu": 4}
    assert {rule_id: counting_rule(rule_id).batch_norm for rule_id in ways} == ways


@pytest.mark.parametrize("rule_id", RULES)
def test_every_rule_is_whole(rule_id):
    rule = RULES[rule_id]
    assert rule.id == rule_id
    assert hasattr(Complexity, rule.judged_macs)
    assert set(rule.precisions) <= set(BYTES_PER_VALUE)
    assert rule.kb in (1000, 1024)
    assert rule.title
    assert rule.source

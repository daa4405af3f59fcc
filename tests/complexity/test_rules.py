"""The editions' numbers: the organisers' calculators and baselines that each rule names."""

import pytest

from nas_asc.complexity.counting import Complexity
from nas_asc.complexity.rules import BYTES_PER_VALUE, RULES, counting_rule
from nas_asc.errors import ConfigError

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
def test_an_edition_has_the_organisers_limits(rule_id):
    size_bytes, kb, params, macs, *_ = EDITIONS[rule_id]
    rule = counting_rule(rule_id)
    assert (rule.max_bytes, rule.kb, rule.max_params, rule.max_macs) == (
        size_bytes,
        kb,
        params,
        macs,
    )


@pytest.mark.parametrize("rule_id", EDITIONS)
def test_an_edition_counts_as_the_organisers_do(rule_id):
    *_, batch_norm, zeros_counted, clip_s = EDITIONS[rule_id]
    rule = counting_rule(rule_id)
    assert (rule.batch_norm, rule.zeros_counted, rule.clip_s) == (batch_norm, zeros_counted, clip_s)
    assert rule.biases
    assert not rule.compact


@pytest.mark.parametrize("rule_id", ["dcase2022-1", "dcase2023-1", "dcase2024-1", "dcase2025-1"])
def test_editions_with_a_mac_limit_judge_by_torchinfo(rule_id):
    assert counting_rule(rule_id).judged_macs == "macs_torchinfo"


@pytest.mark.parametrize("rule_id", EDITIONS)
def test_only_2022_fixes_the_precision(rule_id):
    expected = ("int8",) if rule_id == "dcase2022-1" else tuple(BYTES_PER_VALUE)
    assert counting_rule(rule_id).precisions == expected


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
    ways = {rule_id: counting_rule(rule_id).batch_norm for rule_id in ("srpol", "srpol-3", "imt")}
    assert ways == {"srpol": 0, "srpol-3": 4, "imt": 1}
    assert counting_rule("ntu").batch_norm == 4


@pytest.mark.parametrize("rule_id", RULES)
def test_every_rule_is_whole(rule_id):
    rule = RULES[rule_id]
    assert rule.id == rule_id
    assert hasattr(Complexity, rule.judged_macs)
    assert set(rule.precisions) <= set(BYTES_PER_VALUE)
    assert rule.kb in (1000, 1024)
    assert rule.title
    assert rule.source


def test_an_unknown_rule_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"got 'dcase2024', did you mean 'dcase2024-1'\?"):
        counting_rule("dcase2024")

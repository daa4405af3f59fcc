"""`nas-asc count`: which number is the network's and which one the rule's."""

import json
from dataclasses import replace

import pytest

from nas_asc.library import report_model
from nas_asc.rules import RULES


@pytest.fixture
def count(run_command, monkeypatch):
    """Count something; give stdout."""

    def with_arguments(*argv):
        monkeypatch.setenv("COLUMNS", "140")
        code, out, err = run_command("count", *argv)
        assert code == 0, err
        return out

    return with_arguments


def row_of(out, rule):
    return next(line for line in out.splitlines() if line.startswith(rule)).split()


def test_the_networks_own_numbers_stand_beside_those_of_the_rule(count):
    """Deepsound: 62,346 parameters; the 2021 calculator sees 66,130 of two bytes, 1,188 B over."""
    value = json.loads(count("deepsound-160", "--rule", "dcase2021-1a", "--json"))
    assert (value["params"], value["kept_params"], value["stored_bytes"]) == (
        62_346,
        62_346,
        2 * 62_346,
    )
    assert (value["counted_params"], value["counted_nonzero_params"], value["size_bytes"]) == (
        66_130,
        66_130,
        2 * 66_130,
    )
    assert value["over"] == [
        {"measure": "size_bytes", "value": 132_260, "limit": 131_072, "over": 1_188}
    ]


def test_what_pruning_leaves_is_never_more_than_there_was(count):
    """NTU prints 80,839 and 17,115, with two running statistics of each of 236 channels."""
    value = json.loads(count("ntu-vggnet", "--json"))
    assert (value["counted_params"], value["counted_nonzero_params"]) == (80_839, 17_115)
    assert value["nonzero_params"] == 17_115
    assert (value["params"], value["kept_params"]) == (80_839 - 2 * 236, 17_115 - 2 * 236)
    assert "80,367 parameters, 16,643 after pruning" in count("ntu-vggnet")


def test_what_an_ensemble_keeps_is_the_sum_of_its_members(count):
    ensemble = json.loads(count("ntu-ensemble", "--json"))
    vggnet, inceptionnet = (
        json.loads(count(member, "--json"))["kept_params"]
        for member in ("ntu-vggnet", "ntu-inceptionnet")
    )
    assert ensemble["kept_params"] == 5 * vggnet + inceptionnet


@pytest.mark.parametrize("rule", RULES)
def test_judged_macs_are_shown_where_a_rule_judges_them(count, rule):
    judged = row_of(count("netease-teacher", "--rule", "all"), rule)[6]
    assert (judged != "-") == (rule in ("dcase2022-1", "dcase2023-1", "dcase2024-1", "dcase2025-1"))


def test_a_limit_that_is_the_same_one_twice_is_said_once(count):
    """In int8 the 128,000 parameters of 2022 are its 128,000 bytes."""
    out = count("netease-teacher", "--rule", "dcase2022-1")
    assert "2,190,678 parameters over" in out
    assert "bytes over" not in out
    over = json.loads(count("netease-teacher", "--rule", "dcase2022-1", "--json"))["over"]
    assert [limit["measure"] for limit in over] == ["size_bytes", "counted_params", "counted_macs"]
    assert all(limit["value"] - limit["limit"] == limit["over"] for limit in over)


def test_limits_that_differ_are_both_said(count, monkeypatch):
    monkeypatch.setitem(RULES, "srpol", replace(RULES["srpol"], max_bytes=1000, max_params=2000))
    out = count("srpol-c3multi", "--rule", "srpol")
    assert "280,740 bytes over" in out
    assert "68,435 parameters over" in out


def test_a_trial_and_its_folder_are_counted_alike(count, tmp_path):
    folder = tmp_path / "run" / "models" / "4"
    folder.mkdir(parents=True)
    data = report_model("deepsound-64").architecture.to_dict()
    (folder / "architecture.json").write_text(json.dumps({**data, "classes": 10, "clip_s": 10}))
    trial = json.loads(count(f"{tmp_path / 'run'}:4", "--json"))
    assert trial["params"] == 62_154
    assert {**json.loads(count(str(folder), "--json")), "id": trial["id"]} == trial

"""`nas-asc count`: which number is the network's and which one the rule's."""

import json
from dataclasses import replace

import pytest

from nas_asc.commands import count as commands_count
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model


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


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        ("deepsound-160", 317_346_088),
        ("deepsound-128", 253_878_568),
        ("deepsound-64", 126_943_528),
        ("deepsound-32", 63_476_008),
    ],
)
def test_a_model_is_counted_for_other_clips(count, model, macs):
    """The crops of 8 s that the report trains on: shared/facts/report_models.md, alternatives."""
    assert json.loads(count(model, "--clip", 8, "--json"))["macs"] == macs


def test_a_model_is_counted_for_other_classes(count):
    """imt-c: its classifier of 128 features has 7 more rows for 10 classes, none of them pruned."""
    value = json.loads(count("imt-c", "--classes", 10, "--json"))
    pruned = 384 - 256  # weights of the classifier for three classes that the report's pruning took
    assert value["counted_params"] == 398_400 + 7 * 128
    assert value["counted_nonzero_params"] == 130_730 + 7 * 128 + pruned


def test_the_members_of_an_ensemble_are_counted_for_other_clips(count):
    """The NTU report's ensemble: five and one, whatever the length of the clips."""
    five, one, six = (
        json.loads(count(model, "--clip", 4, "--json"))["macs"]
        for model in ("ntu-vggnet", "ntu-inceptionnet", "ntu-ensemble")
    )
    assert six == 5 * five + one


def test_the_members_of_an_ensemble_are_counted_for_other_classes(count):
    """As a search trains the NTU report's ensemble on ten classes."""
    five, one, six = (
        json.loads(count(model, "--classes", 10, "--json"))["counted_params"]
        for model in ("ntu-vggnet", "ntu-inceptionnet", "ntu-ensemble")
    )
    assert six == 5 * five + one


@pytest.mark.parametrize("model", ["deepsound-64", "srpol-1"])
def test_layers_add_up(count, model):
    """Deepsound's plain count is of parameters; SRPOL's members have 70,435 and 37,059."""
    value = json.loads(count(model, "--layers", "--json"))
    assert sum(layer["counted"] for layer in value["layers"]) == value["counted_params"]
    assert sum(layer["macs"] for layer in value["layers"]) == value["macs"]


def test_under_all_rules_there_is_a_list(count):
    entries = json.loads(count("deepsound-32", "--rule", "all", "--json"))
    assert [entry["rule"] for entry in entries] == list(RULES)


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


def test_what_is_kept_is_counted_once_whatever_the_rules(count, monkeypatch):
    counted = []
    counter = commands_count.count
    monkeypatch.setattr(commands_count, "count", lambda *a: (counted.append(a), counter(*a))[1])
    values = json.loads(count("ntu-vggnet", "--rule", "all", "--json"))
    assert len(counted) == len(RULES) + 1
    assert {value["kept_params"] for value in values} == {17_115 - 2 * 236}


def test_a_large_size_has_commas(count):
    """The teacher's 2,318,678 parameters of four bytes, in KB of 1000."""
    assert row_of(count("netease-teacher", "--rule", "dcase2024-1"), "dcase2024-1")[4] == "9,274.7"


def test_holes_of_an_ensemble_are_those_of_one_network(count):
    """A VGGNet keeps 15,932 of its 79,656 kernel values, the InceptionNet 33,344 of 166,732."""
    value = json.loads(count("ntu-ensemble", "--rule", "dcase2022-1", "--json"))
    paid = [line for line in value["warnings"] if "zeros are paid for" in line]
    assert [line.split(": zeros are paid for: ") for line in paid] == [
        ["each of 5 ntu-vggnet", f"{79_656 - 15_932:,} pruned kernel values count in full"],
        ["ntu-inceptionnet", f"{166_732 - 33_344:,} pruned kernel values count in full"],
    ]


def test_layers_say_what_they_are_and_whether_the_sum_has_them(count):
    """IMT C: 130,730 non-zero values; batch norms stay out but for the three of shortcuts."""
    layers = json.loads(count("imt-c", "--layers", "--json"))["layers"]
    assert sum(la["nonzero"] for la in layers if la["in_nonzero_count"]) == 130_730
    left_out = [la for la in layers if not la["in_nonzero_count"]]
    norms = [la for la in layers if la["op"] == "norm"]
    assert [la["name"] for la in norms if la not in left_out] == [
        f"stage{n}.1.shortcut.norm" for n in (1, 2, 3)
    ]
    assert all(la["op"] == "norm" for la in left_out)
    assert all((la["macs"] > 0) == (la["op"] in ("conv", "linear")) for la in layers)


@pytest.mark.parametrize("rule", RULES)
def test_judged_macs_are_shown_where_a_rule_judges_them(count, rule):
    judged = row_of(count("netease-teacher", "--rule", "all"), rule)[6]
    assert (judged != "-") == (rule in ("dcase2022-1", "dcase2023-1", "dcase2024-1", "dcase2025-1"))


def test_a_limit_that_is_the_same_one_twice_is_said_once(count):
    """In int8 the 128,000 parameters of 2022 are its 128,000 bytes."""
    out = count("netease-teacher", "--rule", "dcase2022-1")
    assert "2,190,678 bytes and parameters over" in out
    assert out.count("2,190,678") == 1
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

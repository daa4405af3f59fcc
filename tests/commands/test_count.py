"""`nas-asc count`: which number is the network's and which one the rule's."""

import json
from dataclasses import replace

import pytest

from nas_asc.complexity.rules import RULES


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
    assert value["params"] == value["kept_params"] == 62_346
    assert value["stored_bytes"] == 2 * 62_346
    assert value["counted_params"] == value["counted_nonzero_params"] == 66_130
    assert value["size_bytes"] == 2 * 66_130
    assert value["over"] == [
        {"measure": "size_bytes", "value": 132_260, "limit": 131_072, "over": 1_188}
    ]


def test_a_model_is_counted_for_other_clips_and_classes(count):
    """Deepsound's crops of 8 s; imt-c: 7 more rows of 128 features, and no longer pruned."""
    assert json.loads(count("deepsound-160", "--clip", 8, "--json"))["macs"] == 317_346_088
    value = json.loads(count("imt-c", "--classes", 10, "--json"))
    pruned = 384 - 256  # weights of the classifier for three classes that the report's pruning took
    assert value["counted_params"] == 398_400 + 7 * 128
    assert value["counted_nonzero_params"] == 130_730 + 7 * 128 + pruned


@pytest.mark.parametrize(
    ("options", "measure"),
    [((), "kept_params"), (("--clip", 4), "macs"), (("--classes", 10), "counted_params")],
)
def test_an_ensemble_costs_its_members_for_other_clips_and_classes_too(count, options, measure):
    """The NTU report's: five VGGNets and one InceptionNet."""
    five, one, six = (
        json.loads(count(model, *options, "--json"))[measure]
        for model in ("ntu-vggnet", "ntu-inceptionnet", "ntu-ensemble")
    )
    assert six == 5 * five + one


@pytest.mark.parametrize("model", ["deepsound-64", "srpol-1"])
def test_layers_add_up(count, model):
    """Deepsound's plain count is of parameters; SRPOL's members have 70,435 and 37,059."""
    value = json.loads(count(model, "--layers", "--json"))
    assert sum(layer["counted"] for layer in value["layers"]) == value["counted_params"]
    assert sum(layer["macs"] for layer in value["layers"]) == value["macs"]


def test_what_pruning_leaves_is_never_more_than_there_was(count):
    """NTU prints 80,839 and 17,115, with two running statistics of each of 236 channels."""
    values = {v["rule"]: v for v in json.loads(count("ntu-vggnet", "--rule", "all", "--json"))}
    assert list(values) == list(RULES)
    value = values["ntu"]
    assert (value["counted_params"], value["counted_nonzero_params"]) == (80_839, 17_115)
    assert value["nonzero_params"] == 17_115
    assert value["params"] == 80_839 - 2 * 236
    assert {value["kept_params"] for value in values.values()} == {17_115 - 2 * 236}
    assert "80,367 parameters, 16,643 after pruning" in count("ntu-vggnet")


def test_holes_are_warned_of_once_for_all_rules(run_command):
    _, _, err = run_command("count", "imt-c", "--rule", "all")
    lines = err.splitlines()
    assert len(lines) == len(set(lines))
    assert any(line.startswith("warning: imt: ") and "130,656" in line for line in lines)
    assert any("dcase2022-1, dcase2023-1" in line and "1 s" in line for line in lines)


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


def test_judged_macs_are_shown_where_a_rule_judges_them(count):
    """The teacher's 2,318,678 parameters of four bytes, in KB of 1000, have a comma."""
    out = count("netease-teacher", "--rule", "all")
    rows = {rule: row_of(out, rule) for rule in RULES}
    judging = {f"dcase{edition}" for edition in ("2022-1", "2023-1", "2024-1", "2025-1")}
    assert {rule for rule, row in rows.items() if row[6] != "-"} == judging
    assert rows["dcase2024-1"][4] == "9,274.7"


def test_limits_are_said_once_where_they_are_the_same_one_twice(count, monkeypatch):
    """In int8 the 128,000 parameters of 2022 are its 128,000 bytes."""
    out = count("netease-teacher", "--rule", "dcase2022-1")
    assert "2,190,678 bytes and parameters over" in out
    assert out.count("2,190,678") == 1
    over = json.loads(count("netease-teacher", "--rule", "dcase2022-1", "--json"))["over"]
    assert [limit["measure"] for limit in over] == ["size_bytes", "counted_params", "counted_macs"]
    assert all(limit["value"] - limit["limit"] == limit["over"] for limit in over)
    monkeypatch.setitem(RULES, "srpol", replace(RULES["srpol"], max_bytes=1000, max_params=2000))
    out = count("srpol-c3multi", "--rule", "srpol")
    assert "280,740 bytes over" in out
    assert "68,435 parameters over" in out


def test_a_trial_and_its_folder_are_counted_alike(count, here):
    """srpol-4 for five classes: its classifier has 64 weights and a bias for two more."""
    trial = json.loads(count("run:3", "--json"))
    assert trial["params"] == 112_163 + 2 * 224 + 2 * 65
    assert {**json.loads(count("run/models/3", "--json")), "id": trial["id"]} == trial

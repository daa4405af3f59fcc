"""The command line as a user meets it: what it prints, where, and how it ends."""

import json
import subprocess
import sys

import pytest

from nas_asc.cli import COMMANDS
from nas_asc.rules import RULES


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run_command, command):
    code, out, _ = run_command(command, "--help")

    assert code == 0
    assert out.startswith(f"Usage: nas-asc {command}")


def test_count_prints_what_the_deepsound_report_prints(run_command):
    code, out, _ = run_command("count", "deepsound-160", "--json")
    value = json.loads(out)

    assert code == 0
    assert value["params"] == 62346
    assert round(value["size_bytes"] / 1024, 1) == 121.8
    assert value["input_shape"] == [[1, 160, 640]]
    assert value["macs"] == 396_680_488


def test_count_says_how_far_deepsound_is_over_the_2021_limit(run_command):
    _, out, _ = run_command("count", "deepsound-160", "--rule", "dcase2021-1a")

    assert "66,130" in out
    assert "132,260" in out
    assert "1,188 bytes over" in out


def test_count_under_all_rules_gives_a_list(run_command):
    _, out, _ = run_command("count", "deepsound-32", "--rule", "all", "--json")

    assert {entry["rule"] for entry in json.loads(out)} >= {"plain", "dcase2020-1b", "dcase2025-1"}


def test_count_layers_add_up(run_command):
    _, out, _ = run_command("count", "deepsound-64", "--layers", "--json")
    value = json.loads(out)

    assert sum(layer["params"] for layer in value["layers"]) == 62154
    assert sum(layer["macs"] for layer in value["layers"]) == 158_677_288


def test_models_agree_with_their_reports(run_command):
    _, out, _ = run_command("models", "--json")
    models = {entry["id"]: entry for entry in json.loads(out)}

    for bins, params, kb in ((32, 62090, 121.3), (64, 62154, 121.4), (128, 62282, 121.6)):
        entry = models[f"deepsound-{bins}"]
        assert (entry["counted_params"], entry["printed_params"]) == (params, None)
        assert (entry["printed_size_kb"], entry["match"]) == (kb, True)
    assert models["deepsound-160"]["printed_params"] == 62346


def test_models_list_the_ensembles(run_command):
    _, out, _ = run_command("models", "--json")
    models = {entry["id"]: entry for entry in json.loads(out)}

    assert len(models) == 18
    assert models["srpol-1"]["counted_params"] == 107_494
    assert models["ntu-ensemble"]["counted_nonzero"] == 119_758


def test_notes_of_models_stand_below_the_table(run_command):
    _, out, _ = run_command("models")
    table, notes = out.split("\n\n")

    assert table.count("note ") == 4
    assert "34,183" in notes
    assert notes.startswith("note 1: ")


def test_a_model_is_shown_as_its_report_prints_it(run_command):
    """IMT: 74 scales of the shortcuts' norms are among the non-zero values, the others are not."""
    _, out, _ = run_command("models", "imt-c")

    assert "conv 64/4 valid" in out
    assert "(11)" in out
    assert "Adam" in out
    assert "0.379" in out
    assert "open points" in out


def test_a_model_has_everything_in_json(run_command):
    _, out, _ = run_command("models", "deepsound-160", "--json")
    value = json.loads(out)

    assert sum(layer["counted"] for layer in value["layers"]) == 62_346
    assert value["choices"]["stage2.width"] == 18
    assert value["training"]["deepsound-160"]["batch_size"] == 64
    assert {"of": "overall", "accuracy": 0.705, "log_loss": 0.848} in value["results"]
    assert value["open_points"]


def test_an_ensemble_is_shown_with_its_members(run_command):
    _, out, _ = run_command("models", "srpol-1")
    value = json.loads(run_command("models", "srpol-1", "--json")[1])

    assert "bus + metro + tram = transportation" in " ".join(out.split())
    assert [(m["model"], m["weight"]) for m in value["members"]] == [
        ("srpol-c3multi", 0.7),
        ("srpol-c10separable", 0.3),
    ]
    assert set(value["training"]) == {"srpol-c3multi", "srpol-c10separable"}


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_model_is_drawn(run_command, tmp_path, ending, start):
    path = tmp_path / f"net.{ending}"
    code, out, _ = run_command("models", "srpol-3", "--plot", str(path))

    assert (code, out) == (0, "")
    assert path.read_bytes().startswith(start)


def test_spaces_give_the_feasible_share(run_command):
    _, out, _ = run_command("spaces", "mbconv", "--budget", "64KB", "--json")
    value = json.loads(out)
    low, high = value["feasibility"]["interval"]

    assert value["budget"]["size_bytes"] == 65536
    assert 0 < low < value["feasibility"]["share"] < high < 1


def test_spaces_copy_starts_a_space_of_ones_own(run_command, tmp_path):
    mine = tmp_path / "mine.toml"
    code, _, _ = run_command("spaces", "copy", "mbconv", str(mine))
    _, out, _ = run_command("spaces", str(mine), "--json")

    assert code == 0
    assert json.loads(out)["name"] == "mine"


def test_count_shows_the_honest_bytes_beside_the_official_ones(run_command):
    """62,346 parameters in two bytes each are stored; the calculator sees 66,130."""
    argv = ("count", "deepsound-160", "--rule", "dcase2021-1a", "--json")
    value = json.loads(run_command(*argv)[1])

    assert (value["size_bytes"], value["stored_bytes"]) == (132_260, 124_692)
    assert [limit["over"] for limit in value["over"]] == [1188]
    assert any("four values per channel" in line for line in value["warnings"])


def test_count_warns_of_holes_once_for_all_rules(run_command):
    _, _, err = run_command("count", "imt-c", "--rule", "all")
    lines = err.splitlines()

    assert len(lines) == len(set(lines))
    assert any(line.startswith("warning: imt: ") and "130,656" in line for line in lines)
    assert any("dcase2022-1, dcase2023-1" in line and "1 s" in line for line in lines)


@pytest.mark.parametrize(
    ("ensemble", "measure", "expected"),
    [
        ("srpol-1", "counted_params", 107_494),
        ("srpol-1", "macs", 1_015_498_176),
        ("ntu-ensemble", "nonzero_params", 119_758),
        ("ntu-ensemble", "counted_params", 571_766),
    ],
)
def test_count_takes_ensembles(run_command, ensemble, measure, expected):
    value = json.loads(run_command("count", ensemble, "--json")[1])
    assert value[measure] == expected


def test_count_shows_the_layers_of_each_network_of_an_ensemble(run_command):
    _, out, _ = run_command("count", "srpol-1", "--layers", "--json")
    layers = json.loads(out)["layers"]
    sums = {m: sum(x["counted"] for x in layers if x["model"] == m) for m in
            ("srpol-c3multi", "srpol-c10separable")}  # fmt: skip
    assert sums == {"srpol-c3multi": 70_435, "srpol-c10separable": 37_059}


@pytest.mark.parametrize(
    "argv",
    [
        ("rules",),
        ("spaces",),
        ("studies",),
        ("models",),
        ("spaces", "asc", "--budget", "64KB"),
        ("count", "imt-c", "--rule", "all", "--layers"),
        ("count", "ntu-ensemble"),
    ],
)
@pytest.mark.parametrize("columns", [80, 140])
def test_tables_keep_to_the_width_of_the_terminal(run_command, monkeypatch, columns, argv):
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = run_command(*argv)

    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out


@pytest.mark.parametrize("columns", [80, 140])
def test_names_of_rules_are_never_cut(run_command, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = run_command("rules")
    words = out.split()
    assert all(rule in words for rule in RULES)


def test_spaces_give_the_smallest_and_every_limit(run_command):
    argv = ("spaces", "asc", "--budget", "64KB,10MMAC", "--json")
    value = json.loads(run_command(*argv)[1])
    found = value["feasibility"]

    assert value["smallest"]["size_bytes"] <= found["size_bytes"][0]
    assert value["smallest"]["macs"] <= found["macs"][0]
    assert set(found["binds"]) == {"size_bytes", "macs"}
    assert value["log10_architectures"] > 20


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (("frobnicate",), ("expected a command", "frobnicate")),
        (("count",), ("missing argument",)),
        (("count", "deepsond-160"), ("did you mean 'deepsound-160'",)),
        (("count", "deepsound-160", "--rule", "dcase2024"), ("did you mean 'dcase2024-1'",)),
        (("count", "nothing.json"), ("nothing.json", "expected an architecture")),
        (("count", "runs/none:3"), ("expected a finished trial",)),
        (("spaces", "mbcon"), ("did you mean 'mbconv'",)),
        (("spaces", "mbconv", "--budget", "64KBs of"), ("expected a number and one of B, kB",)),
        (("search", "--space", "mbconv"), ("--budget",)),
        (("search", "--budget", "128KB"), ("--space",)),
        (("search", "--space", "mbconv", "--budget", "128XB"), ("128XB",)),
        (("search", "--space", "mbconv", "--budget", "8KB", "--time", "soon"), ("soon",)),
        (("search", "--space", "mbconv", "--budget", "8KB", "--workers", "0"), ("--workers",)),
        (("search", "--resume"), ("--out",)),
        (("front", "runs/none"), ("runs/none",)),
        (("models", "imt-z"), ("did you mean 'imt-",)),
        (("models", "--plot", "x.svg"), ("--plot: expected the ID",)),
        (("models", "srpol-3", "--plot", "x.pdf"), (".svg or .png", "x.pdf")),
        (("models", "srpol-3", "--plot", "none/x.svg"), ("none/x.svg",)),
        (("count", "ntu-ensembel"), ("did you mean 'ntu-ensemble'",)),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(run_command, monkeypatch, tmp_path, argv, parts):
    monkeypatch.chdir(tmp_path)
    code, out, err = run_command(*argv)

    assert code == 2
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "Traceback" not in err
    for part in parts:
        assert part in errors[0]


def test_help_and_counts_load_neither_torch_nor_optuna():
    code = (
        "import sys; sys.argv = ['nas-asc', 'count', 'deepsound-64', '--json']\n"
        "from nas_asc.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "assert not {'torch', 'optuna', 'sqlalchemy', 'matplotlib', 'plotly'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr

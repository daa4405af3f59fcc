"""The command line as a user meets it: what it prints, where, and how it ends."""

import json
import subprocess
import sys

import pytest

from nas_asc.cli import COMMANDS, main


def run(capsys, monkeypatch, *argv):
    """Run a command; give exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["nas-asc", *argv])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys, monkeypatch, command):
    code, out, _ = run(capsys, monkeypatch, command, "--help")

    assert code == 0
    assert out.startswith(f"Usage: nas-asc {command}")


def test_count_prints_what_the_deepsound_report_prints(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "count", "deepsound-160", "--json")
    value = json.loads(out)

    assert code == 0
    assert value["params"] == 62346
    assert round(value["size_bytes"] / 1024, 1) == 121.8
    assert value["input_shape"] == [[1, 160, 640]]
    assert value["macs"] == 396_680_488


def test_count_says_how_far_deepsound_is_over_the_2021_limit(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "count", "deepsound-160", "--rule", "dcase2021-1a")

    assert "66,130" in out
    assert "132,260" in out
    assert "1,188 bytes over" in out


def test_count_under_all_rules_gives_a_list(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "count", "deepsound-32", "--rule", "all", "--json")

    assert {entry["rule"] for entry in json.loads(out)} >= {"plain", "dcase2020-1b", "dcase2025-1"}


def test_count_layers_add_up(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "count", "deepsound-64", "--layers", "--json")
    value = json.loads(out)

    assert sum(layer["params"] for layer in value["layers"]) == 62154
    assert sum(layer["macs"] for layer in value["layers"]) == 158_677_288


def test_models_agree_with_their_reports(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "models", "--json")
    models = {entry["id"]: entry for entry in json.loads(out)}

    for bins, params, kb in ((32, 62090, 121.3), (64, 62154, 121.4), (128, 62282, 121.6)):
        entry = models[f"deepsound-{bins}"]
        assert (entry["counted_params"], entry["printed_params"]) == (params, None)
        assert (entry["printed_size_kb"], entry["match"]) == (kb, True)
    assert models["deepsound-160"]["printed_params"] == 62346


def test_spaces_give_the_feasible_share(capsys, monkeypatch):
    _, out, _ = run(capsys, monkeypatch, "spaces", "mbconv", "--budget", "64KB", "--json")
    value = json.loads(out)
    low, high = value["feasibility"]["interval"]

    assert value["budget"]["size_bytes"] == 65536
    assert 0 < low < value["feasibility"]["share"] < high < 1


def test_spaces_copy_starts_a_space_of_ones_own(capsys, monkeypatch, tmp_path):
    mine = tmp_path / "mine.toml"
    code, _, _ = run(capsys, monkeypatch, "spaces", "copy", "mbconv", str(mine))
    _, out, _ = run(capsys, monkeypatch, "spaces", str(mine), "--json")

    assert code == 0
    assert json.loads(out)["name"] == "mine"


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
        (("spaces", "mbconv", "--budget", "64kb"), ("expected a number and one of B, kB",)),
        (("search", "--space", "mbconv"), ("--budget",)),
        (("search", "--budget", "128KB"), ("--space",)),
        (("search", "--space", "mbconv", "--budget", "128XB"), ("128XB",)),
        (("search", "--space", "mbconv", "--budget", "8KB", "--time", "soon"), ("soon",)),
        (("search", "--space", "mbconv", "--budget", "8KB", "--workers", "0"), ("--workers",)),
        (("search", "--resume"), ("--out",)),
        (("front", "runs/none"), ("runs/none",)),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, argv, parts):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, monkeypatch, *argv)

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
        "assert not {'torch', 'optuna', 'ray', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr

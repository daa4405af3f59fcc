"""The command line as a user meets it: what it prints, where, and how it ends."""

import json
import subprocess
import sys

import pytest

from nas_asc.commands import COMMANDS
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model
from nas_asc.shipped import shipped
from nas_asc.spaces.schema import MODEL_DOMAINS

SMALL = ("--space", "mbconv", "--budget", "8KB")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run_command, command):
    code, out, _ = run_command(command, "--help")

    assert code == 0
    assert out.startswith(f"Usage: nas-asc {command}")


def test_models_are_listed_with_their_printed_numbers(run_command):
    models = {entry["id"]: entry for entry in json.loads(run_command("models", "--json")[1])}

    assert len(models) == 18
    assert models["srpol-1"]["counted_params"] == 107_494
    assert models["ntu-ensemble"]["counted_nonzero"] == 119_758
    entry = models["deepsound-128"]
    assert (entry["counted_params"], entry["printed_params"]) == (62_282, None)
    assert (entry["printed_size_kb"], entry["match"]) == (121.6, True)


def test_notes_of_models_stand_below_the_table(run_command):
    _, out, _ = run_command("models")
    table, notes = out.split("\n\n")

    assert table.count("note ") == 4
    assert "34,183" in notes
    assert notes.startswith("note 1: ")


def test_a_model_has_everything_in_json(run_command):
    _, out, _ = run_command("models", "deepsound-160", "--json")
    value = json.loads(out)

    assert sum(layer["counted"] for layer in value["layers"]) == 62_346
    assert value["choices"]["stage2.width"] == 18
    assert value["training"]["deepsound-160"]["batch_size"] == 64
    assert {"of": "overall", "accuracy": 0.705, "log_loss": 0.848} in value["results"]
    assert value["open_points"]


def test_count_warns_of_holes_once_for_all_rules(run_command):
    _, _, err = run_command("count", "imt-c", "--rule", "all")
    lines = err.splitlines()

    assert len(lines) == len(set(lines))
    assert any(line.startswith("warning: imt: ") and "130,656" in line for line in lines)
    assert any("dcase2022-1, dcase2023-1" in line and "1 s" in line for line in lines)


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


def test_numbers_of_models_are_whole_on_a_narrow_terminal(run_command, monkeypatch):
    """The teacher's parameters: printed, counted, and all of them non-zero."""
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run_command("models")
    assert out.split().count("2,318,678") == 3


@pytest.mark.parametrize("columns", [80, 140])
def test_rules_show_their_names_notes_and_sources(run_command, monkeypatch, columns):
    """The README of 2021, the KB of 2023 and the masks of a compact file are explained there."""
    monkeypatch.setenv("COLUMNS", str(columns))
    words = run_command("rules")[1].split()
    text = " ".join(words)
    assert set(RULES) <= set(words)
    assert "note: the baseline's README writes 128,000 bytes" in text
    assert "note: the base of the KB could not be read in the rule text" in text
    assert "min(dense, ceil(n / 8) + kept x bytes)" in text
    assert text.count("note: ") == sum(len(rule.notes) for rule in RULES.values())
    assert text.count("source: ") == len(RULES)


def test_rules_show_limits(run_command, monkeypatch):
    """The limits of 2022 are of int8 and clips of 1 s; NeSsi counts PyTorch's by torchinfo."""
    monkeypatch.setenv("COLUMNS", "300")
    table = run_command("rules")[1]
    _, _, rows = table.partition("dcase2022-1")
    rows, _, _ = rows.partition("dcase2023-1")
    for words in ("128,000 B", "128,000 parameters", "30,000,000 MACs by torchinfo", "int8 only",
                  "clips of 1 s", "source: marmoi/dcase2022_task1_baseline"):  # fmt: skip
        assert words in rows


def test_spaces_give_the_smallest_and_every_limit(run_command):
    argv = ("spaces", "asc", "--budget", "64KB,10MMAC", "--json")
    value = json.loads(run_command(*argv)[1])
    found = value["feasibility"]
    low, high = found["interval"]

    assert value["budget"]["size_bytes"] == 65536
    assert 0 < low < found["share"] < high < 1
    assert value["smallest"]["size_bytes"] <= found["size_bytes"][0]
    assert value["smallest"]["macs"] <= found["macs"][0]
    assert set(found["binds"]) == {"size_bytes", "macs"}
    assert value["log10_architectures"] > 20


# Wrong input: what is run where a run, a space and files of one's own are; the exit code; what the
# one line of the error names besides.
WRONG = [
    (("frobnicate",), 2, "expected a command (search, front, "),
    (("modles",), 2, "did you mean 'models'?"),
    (("count",), 2, "expected MODEL|FILE|RUN:TRIAL|SPACE.toml:MODEL, got nothing"),
    (("count", "imt-c", "--clas", "3"), 2, "got --clas, did you mean '--classes'?"),
    (("count", "imt-c", "--classes"), 2, "--classes: expected a value, got nothing"),
    (("count", "imt-c", "--json=1"), 2, "--json: expected no value, got one"),
    (("count", "imt-c", "imt-d"), 2, "expected nothing more, got imt-d"),
    (("count", "deepsond-160"), 2, "did you mean 'deepsound-160'"),
    (("count", "ntu-ensembel"), 2, "did you mean 'ntu-ensemble'"),
    (("count", "imt-c", "--rule", "dcase2024"), 2, "did you mean 'dcase2024-1'"),
    (("count", "nothing.json"), 2, "nothing.json: expected an architecture"),
    (("count", "runs/none:3"), 2, "expected a finished trial"),
    (("count", "srpol-1", "--classes", "10"), 2, "--classes: expected none for an ensemble"),
    (("models", "imt-z"), 2, "did you mean 'imt-"),
    (("models", "--plot", "x.svg"), 2, "--plot: expected the ID"),
    (("models", "srpol-3", "--plot", ""), 2, "a file ending in .svg or .png, got nothing"),
    (("models", "srpol-3", "--plot", "x.pdf"), 2, "a file ending in .svg or .png, got x.pdf"),
    (("models", "srpol-3", "--plot", "folder.svg"), 2, "folder.svg: expected a file to write"),
    (("models", "srpol-3", "--plot", "none/x.svg"), 2, "none/x.svg: expected a folder"),
    (("models", "run:4", "--plot", "x.svg"), 2, "finished trial of a run, got '4' - it has 3"),
    (("models", "mine.toml", "--plot", "x.svg"), 2, "one of its models, mine.toml:MODEL"),
    (("models", "run:3"), 2, "SPACE.toml:MODEL, got run:3 - nas-asc count run:3 --layers"),
    (("models", "run:3", "--json", "--plot", "x.svg"), 2, "report model or SPACE.toml:MODEL"),
    (("spaces", "mbcon"), 2, "did you mean 'mbconv'"),
    (("spaces", "mbconv", "vgg"), 2, "expected nothing more, got vgg"),
    (("spaces", "--budget", "64KB"), 2, "--budget: expected a NAME too, one of asc, "),
    (("spaces", "--rule", "imt", "--clip", "1"), 2, "--rule and --clip: expected a NAME"),
    (("spaces", "mbconv", "--budget", "64KBs of"), 2, "expected a number and one of B, kB"),
    (("spaces", "mbconv", "--budget", f"{10**25}MB"), 2, "at most 9,223,372,036,854,775,807, got"),
    (("spaces", "mbconv", "--budget", "100B", "--json"), 3, "budget: expected a limit on size"),
    (("spaces", "mbconv", "--rule", "all"), 2, "rule: expected one of "),
    *(
        (("spaces", "mbconv", "--classes", classes), 2,
         "--classes: expected a whole number from 2 to 10,000, got ")
        for classes in ("1", "10001", "9" * 30, "9" * 5000, "2.5", "x")
    ),
    *(
        (("spaces", "mbconv", "--clip", clip), 2,
         f"--clip: expected {MODEL_DOMAINS['clip_s'].expected}, got ")
        for clip in ("nan", "inf", "-inf", "1e12", "3600.1", "0", "-1", "0.009", "x")
    ),
    (("spaces", "copy", "mbconv"), 2, "expected FILE.toml, got nothing"),
    (("spaces", "copy", "mbconv", "x.toml", "--json"), 2, "got --json"),
    (("studies", "--json", "copy", "quick", "x.toml"), 2, "expected nothing more, got copy"),
    (("studies", "quick"), 2, "expected nothing more, got quick"),
    *(
        ((kind, "copy", name, target), 2, part)
        for kind, name in (("spaces", "mbconv"), ("studies", "quick"))
        for target, part in (
            ("mine.json", "expected a file name that ends in .toml"),
            ("none/mine.toml", "expected a folder none, there is none - create it"),
            ("mine.toml", "mine.toml: expected a new file, it exists"),
            ("/dev/null/mine.toml", "not a directory"),
            ("/proc/mine.toml", "/proc/mine.toml: expected a file that can be written"),
            ("m" * 300 + ".toml", "file name too long"),
        )
    ),
    (("search", "--space", "mbconv"), 2, "give --budget"),
    (("search", "--budget", "128KB"), 2, "--space: expected"),
    (("search", *SMALL, "--budget", "128XB"), 2, "128XB"),
    (("search", *SMALL, "--time", "soon"), 2, "--time: expected a duration"),
    (("search", *SMALL, "--workers", "0"), 2, "--workers: expected auto or a number"),
    (("search", *SMALL, "--trials", "0"), 2, "--trials: expected a whole number of at least 1"),
    (("search", *SMALL, "--sampler", "tpee"), 2, "--sampler: expected one of tpe, nsga2, random"),
    (("search", *SMALL, "--seed", str(2**63)), 2, "seed: expected"),
    (("search", *SMALL, "--clip", "nan"), 2, "--clip: expected a number from 0.01 to 3,600"),
    (("search", *SMALL, "--rule", "all"), 2, "rule: expected one of "),
    (("search", "--resume"), 2, "--out"),
    (("front", "runs/none"), 2, "runs/none"),
    (("front", "run", "--json", "--csv"), 2, "expected one of --csv and --json, got both"),
    (("data", "chek", "."), 2, "expected a command (check, synth), got 'chek', did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "code", "part"), WRONG)
def test_wrong_input_gets_one_line(run_command, monkeypatch, tmp_path, argv, code, part):
    monkeypatch.chdir(tmp_path)
    trial = tmp_path / "run" / "models" / "3"
    trial.mkdir(parents=True)
    data = report_model("srpol-4").architecture.to_dict()
    (trial / "architecture.json").write_text(json.dumps({**data, "classes": 5, "clip_s": 5.0}))
    (tmp_path / "mine.toml").write_bytes(shipped("search_spaces")["vgg"].read_bytes())
    (tmp_path / "folder.svg").mkdir()
    there = sorted(tmp_path.iterdir())
    ended, out, err = run_command(*argv)

    assert ended == code
    assert (out == "") is (code == 2)  # what nothing fits in is described before
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert part in errors[0]
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == there


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

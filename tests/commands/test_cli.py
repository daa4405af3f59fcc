"""The command line as a user meets it: what it prints, where, and how it ends."""

import subprocess
import sys

import pytest

from nas_asc.commands import COMMANDS
from nas_asc.complexity.rules import RULES

SMALL = ("--space", "mbconv", "--budget", "8KB")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run_command, command):
    code, out, _ = run_command(command, "--help")

    assert code == 0
    assert out.startswith(f"Usage: nas-asc {command}")


TABLES = ["rules", "spaces", "studies", "models", "count ntu-ensemble"]
TABLES += ["count imt-c --rule all --layers", "spaces asc --budget 64KB"]


@pytest.mark.parametrize("line", TABLES)
@pytest.mark.parametrize("columns", [80, 140])
def test_tables_keep_to_the_width_of_the_terminal(run_command, monkeypatch, columns, line):
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = run_command(*line.split())

    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out


def test_rules_show_their_names_limits_notes_and_sources(run_command, monkeypatch):
    """The limits of 2022 are of int8 and clips of 1 s; NeSsi counts PyTorch's by torchinfo."""
    monkeypatch.setenv("COLUMNS", "300")
    out = run_command("rules")[1]
    assert set(RULES) <= set(out.split())
    assert out.count("note: ") == sum(len(rule.notes) for rule in RULES.values())
    assert out.count("source: ") == len(RULES)
    row = out.partition("dcase2022-1")[2].partition("dcase2023-1")[0]
    for words in ("128,000 B", "128,000 parameters", "30,000,000 MACs by torchinfo", "int8 only",
                  "clips of 1 s", "source: marmoi/dcase2022_task1_baseline"):  # fmt: skip
        assert words in row


# Wrong input: what is run where a run and a space of one's own are, the exit code, and what the one
# line of the error must name.
WRONG = [
    (("modles",), 2, "did you mean 'models'?"),
    (("count",), 2, "MODEL|FILE|RUN:TRIAL|SPACE.toml:MODEL, got nothing"),
    (("count", "imt-c", "--clas", "3"), 2, "got --clas, did you mean '--classes'?"),
    (("count", "imt-c", "--classes"), 2, "--classes: expected a value"),
    (("count", "imt-c", "--json=1"), 2, "--json: expected no value"),
    (("count", "imt-c", "imt-d"), 2, "nothing more, got imt-d"),
    (("count", "deepsond-160"), 2, "did you mean 'deepsound-160'"),
    (("count", "imt-c", "--rule", "dcase2024"), 2, "did you mean 'dcase2024-1'"),
    (("count", "runs/none:3"), 2, "finished trial"),
    (("count", "srpol-1", "--classes", "10"), 2, "--classes: expected none for an ensemble"),
    (("models", "imt-z"), 2, "did you mean 'imt-"),
    (("models", "--plot", "x.svg"), 2, "--plot: expected the ID"),
    (("models", "srpol-3", "--plot", ""), 2, ".svg or .png, got nothing"),
    (("models", "srpol-3", "--plot", "x.pdf"), 2, ".svg or .png, got x.pdf"),
    (("models", "srpol-3", "--plot", "folder.svg"), 2, "folder.svg: expected a file"),
    (("models", "srpol-3", "--plot", "none/x.svg"), 2, "none/x.svg: expected a folder"),
    (("models", "run:3"), 2, "nas-asc count run:3 --layers"),
    (("models", "run:3", "--json", "--plot", "x.svg"), 2, "report model or SPACE.toml:MODEL"),
    (("spaces", "--rule", "imt", "--clip", "1"), 2, "--rule and --clip: expected a NAME"),
    (("spaces", "mbconv", "--budget", "64KBs of"), 2, "a number and one of B, kB"),
    (("spaces", "mbconv", "--budget", f"{10**25}MB"), 2, "at most 9,223,372,036,854,775,807"),
    (("spaces", "mbconv", "--budget", "100B", "--json"), 3, "budget: expected a limit on size"),
    *(
        (("spaces", "mbconv", "--classes", classes), 2, "--classes: expected a whole number from 2")
        for classes in ("1", "10001", "9" * 5000, "2.5")
    ),
    *(
        (("spaces", "mbconv", "--clip", clip), 2, "--clip: expected a number from 0.01 to 3,600")
        for clip in ("nan", "inf", "3600.1", "0.009", "x")
    ),
    (("spaces", "copy", "mbconv"), 2, "FILE.toml, got nothing"),
    (("spaces", "copy", "mbconv", "x.toml", "--json"), 2, "got --json"),
    (("studies", "--json", "copy", "quick", "x.toml"), 2, "nothing more, got copy"),
    (("studies", "copy", "quick", "mine.toml"), 2, "mine.toml: expected a new file"),
    (("spaces", "copy", "mbconv", "mine.json"), 2, "ends in .toml"),
    (("spaces", "copy", "mbconv", "none/mine.toml"), 2, "a folder none, there is none"),
    (("spaces", "copy", "mbconv", "/proc/mine.toml"), 2, "/proc/mine.toml: expected a file"),
    (("spaces", "copy", "mbconv", "m" * 300 + ".toml"), 2, "file name too long"),
    (("search", "--space", "mbconv"), 2, "give --budget"),
    (("search", "--budget", "128KB"), 2, "--space: expected"),
    (("search", *SMALL, "--budget", "128XB"), 2, "128XB"),
    (("search", *SMALL, "--time", "soon"), 2, "--time: expected a duration"),
    (("search", *SMALL, "--workers", "0"), 2, "--workers: expected auto or a number"),
    (("search", *SMALL, "--trials", "0"), 2, "--trials: expected a whole number of at least 1"),
    (("search", *SMALL, "--sampler", "tpee"), 2, "--sampler: expected one of tpe, nsga2, random, "),
    (("search", *SMALL, "--seed", str(2**63)), 2, "seed: expected"),
    (("search", *SMALL, "--rule", "all"), 2, "rule: expected one of "),
    (("search", "--resume"), 2, "--out"),
    (("front", "runs/none"), 2, "runs/none"),
    (("front", "run", "--json", "--csv"), 2, "--csv and --json, got both"),
    (("data", "chek", "."), 2, "(check, synth, table), got 'chek', did you mean"),
]


@pytest.mark.parametrize(("argv", "code", "part"), WRONG)
def test_wrong_input_gets_one_line(run_command, here, argv, code, part):
    (here / "folder.svg").mkdir()
    there = sorted(here.iterdir())
    ended, out, err = run_command(*argv)

    assert ended == code
    assert (out == "") is (code == 2)  # what nothing fits in is described before
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert part in error
    assert "Traceback" not in err
    assert sorted(here.iterdir()) == there


def test_help_and_counts_load_neither_torch_nor_optuna():
    code = (
        "import sys; sys.argv = ['nas-asc', 'count', 'deepsound-64', '--json']\n"
        "from nas_asc.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "assert not {'torch', 'optuna', 'sqlalchemy', 'matplotlib', 'plotly'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=60, check=True)


def test_a_name_that_no_file_can_have_is_one_line(run_command):
    long = "a" * 300
    for argv in (
        ("front", long),
        ("spaces", f"{long}.toml"),
        ("search", "--resume", "--out", long),
    ):
        code, out, err = run_command(*argv)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert "expected a path that can be used, found file name too long - check it" in err

"""Tables on narrow terminals, and what the texts of commands leave out: nothing."""

import re
import subprocess
import sys

import pytest

from nas_asc.commands.output import print_table
from nas_asc.rules import RULES


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_number_of_a_table_is_cut(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    numbers = ["2,318,678", "31,260", "74,800,000,000", "9,057.3"]
    print_table(
        ("model", *(f">column {n}" for n in range(8)), ">last"),
        [("a-name-of-some-length", *numbers, *numbers, "123,456,789")],
    )
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.split() == ["a-name-of-some-length", *numbers, *numbers, "123,456,789"]


def test_the_last_column_is_broken_between_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("name", "what"), [("x" * 50, "[16, 32] options of incomprehensible length")])
    lines = capsys.readouterr().out.splitlines()[1:]
    words = " ".join(line.replace("x" * 50, "").strip() for line in lines).split()
    assert words == ["[16,", "32]", "options", "of", "incomprehensible", "length"]


def test_numbers_of_models_are_whole_on_a_narrow_terminal(run_command, monkeypatch):
    """The teacher's parameters: printed, counted, and all of them non-zero."""
    monkeypatch.setenv("COLUMNS", "40")
    _, out, _ = run_command("models")
    assert out.split().count("2,318,678") == 3


@pytest.mark.parametrize("columns", [80, 140])
def test_rules_show_their_notes(run_command, monkeypatch, columns):
    """The README of 2021, the KB of 2023 and the masks of a compact file are explained there."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = " ".join(run_command("rules")[1].split())
    assert "note: the baseline's README writes 128,000 bytes" in text
    assert "note: the base of the KB could not be read in the rule text" in text
    assert "min(dense, ceil(n / 8) + kept x bytes)" in text
    assert text.count("note: ") == sum(len(rule.notes) for rule in RULES.values())


def test_rules_show_limits_and_sources(run_command, monkeypatch):
    """The limits of 2022 are of int8 and clips of 1 s; NeSsi counts PyTorch's by torchinfo."""
    monkeypatch.setenv("COLUMNS", "300")
    table = run_command("rules")[1]
    _, _, rows = table.partition("dcase2022-1")
    rows, _, _ = rows.partition("dcase2023-1")
    for words in ("128,000 B", "128,000 parameters", "30,000,000 MACs by torchinfo", "int8 only",
                  "clips of 1 s", "source: marmoi/dcase2022_task1_baseline"):  # fmt: skip
        assert words in rows
    assert table.count("source: ") == len(RULES)


def test_no_warning_of_the_drawing_library_reaches_the_user(tmp_path):
    """A home that nobody can write, not even root."""
    code = "import sys; sys.argv[0] = 'nas-asc'; from nas_asc.cli import main; main()"
    plot = tmp_path / "net.svg"
    done = subprocess.run(
        [sys.executable, "-c", code, "models", "imt-a", "--plot", str(plot)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": "/dev/null/home", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert plot.exists()
    assert re.fullmatch(r"wrote \S+net\.svg\n", done.stderr)

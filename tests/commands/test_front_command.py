"""`nas-asc front`: how wide its table is, and what reaches stdout."""

import io
import json
import sys

import pytest

import nas_asc.search
from nas_asc.commands.front import print_front
from nas_asc.results.front_files import front_csv


@pytest.fixture
def summary(make_summary, monkeypatch):
    """Let every run folder hold one and the same finished search."""
    found = make_summary()
    monkeypatch.setattr(nas_asc.search, "load_front", lambda run: found)
    return found


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_the_table_keeps_to_the_width_of_the_terminal(run_command, monkeypatch, summary, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = run_command("front", "run")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert max(map(len, lines)) <= columns
    assert any(line.split()[:4] == ["4", "81.2", "0.625", "31,232"] for line in lines)


def test_in_a_pipe_the_table_has_140_columns(run_command, monkeypatch, summary):
    monkeypatch.delenv("COLUMNS", raising=False)
    piped = run_command("front", "run")[1]
    monkeypatch.setenv("COLUMNS", "140")
    assert piped == run_command("front", "run")[1]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "term", "expected"),
    [
        (Terminal, "xterm-256color", True),
        (Terminal, "dumb", False),
        (io.StringIO, "xterm-256color", False),
    ],
)
def test_escape_codes_go_to_terminals_that_know_them(
    monkeypatch, make_summary, stream, term, expected
):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", stream())
    print_front(make_summary())
    assert ("\x1b[" in sys.stdout.getvalue()) is expected


def test_there_is_no_empty_line_at_the_end(run_command, summary):
    assert not run_command("front", "run")[1].endswith("\n\n")


def test_json_and_csv_do_not_depend_on_the_terminal(run_command, monkeypatch, summary):
    monkeypatch.setenv("COLUMNS", "60")
    assert json.loads(run_command("front", "run", "--json")[1])["seed"] == 1
    assert run_command("front", "run", "--csv")[1] == front_csv(summary)

"""What a stream can show."""

import io

import pytest

from nas_asc.commands.terminal import columns_of, fitted, styled


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "term", "expected"),
    [(Terminal(), "xterm", True), (Terminal(), "dumb", False), (io.StringIO(), "xterm", False)],
)
def test_escape_codes_go_to_terminals_that_know_them(monkeypatch, stream, term, expected):
    monkeypatch.setenv("TERM", term)
    assert styled(stream) is expected


def test_a_line_is_broken_between_words_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    text = "warning: a-rule: this line is longer than that"
    assert fitted(text, Terminal()) == ("warning: a-rule:\n  this line is\n  longer than that")


@pytest.mark.parametrize("text", ["warning: " + "many words " * 30, "two\nlines"])
def test_in_a_pipe_a_line_stays_one_line(monkeypatch, text):
    monkeypatch.setenv("COLUMNS", "20")
    assert fitted(text, io.StringIO()) == text


def test_what_has_no_place_to_break_stays_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    assert fitted("wrote /a-path/that-is/longer.svg", Terminal()).splitlines() == [
        "wrote",
        "  /a-path/that-is/longer.svg",
    ]


@pytest.mark.parametrize("columns", ["", "0", "wide"])
def test_a_terminal_of_unknown_width_has_80_columns(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines = fitted("word " * 40, Terminal()).splitlines()
    assert len(lines[0]) == 79


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_what_has_no_width_is_as_wide_as_the_caller_says(monkeypatch, stream):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert columns_of(stream, 140) == 140
    monkeypatch.setenv("COLUMNS", "20")
    assert columns_of(stream, 140) == 20

"""What a stream can show."""

import io

import pytest

from nas_asc.commands.terminal import styled


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

"""What commands print and where: tables, remarks, progress; streams that cannot be written."""

import contextlib
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
import termios
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import nas_asc.search
from nas_asc.commands.console import live_progress, print_table, remark, width
from nas_asc.commands.front import print_front
from nas_asc.results.front_files import front_csv
from nas_asc.search.progress import Progress

MAIN = "from nas_asc.cli import main; main()"
PLOT = ["models", "imt-c", "--plot", "net.svg"]
LONG = ["count", "imt-c", "--rule", "all", "--layers"]
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


def run(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, before=""):
    """Run a command in a process of its own; `before` runs in the shell that starts it."""
    shell = f'{before} exec "$@"'
    words = ["sh", "-c", shell, "sh", sys.executable, "-c", MAIN, *argv]
    return subprocess.run(words, stdout=stdout, stderr=stderr, text=True, timeout=60, check=False)


@pytest.mark.parametrize("argv", [["rules", "--json"], LONG, ["--help"], []])
@pytest.mark.parametrize(
    ("before", "reason"),
    [("exec >&-;", "it is closed"), pytest.param("exec >/dev/full;", "no space", marks=needs_full)],
)
def test_an_output_that_is_lost_is_told_in_one_line(argv, before, reason):
    done = run(*argv, before=before)
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    assert f"stdout: {reason}" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "ascii:surrogateescape"])
@pytest.mark.parametrize("argv", [["models", "imt-c"], ["count", "no-such-→"]])
def test_what_the_console_cannot_show_is_replaced(argv, encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    whole = run(*argv)
    assert "→" in whole.stdout + whole.stderr
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    done = run(*argv)
    assert done.returncode == whole.returncode
    assert "Traceback" not in done.stderr
    lines = [len(text.splitlines()) for text in (done.stdout, done.stderr)]
    assert lines == [len(text.splitlines()) for text in (whole.stdout, whole.stderr)]


@pytest.mark.parametrize("before", ["exec >&-;", "exec <&- >&- 2>&-;"])
def test_a_file_is_written_whole_before_a_closed_stdout_is_told(tmp_path, before):
    """With its stream closed, a file that is opened must not become stdout."""
    done = run(*PLOT, "--json", before=f"cd {tmp_path}; {before}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    ElementTree.parse(tmp_path / "net.svg")


@pytest.mark.parametrize("argv", [LONG, ["rules", "--json"]])
def test_a_reader_of_one_line_gets_it_and_the_command_ends_well(argv):
    words = [sys.executable, "-c", MAIN, *argv]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        first = command.stdout.readline()
        command.stdout.close()
        err = command.stderr.read()
        assert (command.wait(timeout=60), "Traceback" in err) == (0, False)
    assert first.strip()


@pytest.mark.parametrize("argv", [["models"], ["--help"], PLOT])
def test_a_reader_that_has_gone_is_no_failure(tmp_path, argv):
    """The reader leaves at once: every write, the first one too, finds a broken pipe."""
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = run(*argv, stdout=reader.stdin, before=f"cd {tmp_path};")
    assert (done.returncode, done.stderr) == (0, "wrote net.svg\n" if argv == PLOT else "")


@needs_full
def test_what_stderr_cannot_take_is_let_go():
    whole = run(*LONG)
    assert "warning: " in whole.stderr
    with FULL.open("w") as full:
        done = run(*LONG, stderr=full)
        assert run("models", "nothing", stderr=full).returncode == 2
        assert run("models", stdout=full, stderr=full).returncode == 2
    assert (done.returncode, done.stdout) == (0, whole.stdout)
    assert run("rules", "--nothing", before="exec 2>&-;").returncode == 2


def on_a_terminal(columns, *argv):
    """Run a command with its stderr on a terminal that is so wide; give exit code and stderr."""
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    words = [sys.executable, "-c", MAIN, *argv]
    own = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=terminal, env=own) as command:  # fmt: skip
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side has gone
            while read := os.read(master, 2**16):
                shown += read
        os.close(master)
        return command.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def test_a_warning_is_broken_between_words_on_a_terminal_and_one_line_in_a_pipe():
    piped = run("count", "imt-c").stderr
    code, shown = on_a_terminal(60, "count", "imt-c")
    assert code == 0
    assert max(map(len, piped.splitlines())) > 60
    assert all(line.startswith("warning: ") for line in piped.splitlines())
    assert max(map(len, shown.splitlines())) <= 60
    assert shown.split() == piped.split()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        ("20", ["wrote", "  /a-path/that-is/longer.svg"]),
        ("0", ["wrote /a-path/that-is/longer.svg"]),  # a terminal that does not know its width
    ],
)
def test_what_has_no_place_to_break_stays_whole(monkeypatch, columns, lines):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stderr", Terminal())
    remark("wrote /a-path/that-is/longer.svg")
    assert sys.stderr.getvalue().splitlines() == lines


@pytest.mark.parametrize(
    ("columns", "expected"), [("", 140), ("0", 140), ("wide", 140), ("70", 70)]
)
def test_a_pipe_has_140_columns_or_what_the_environment_says(monkeypatch, columns, expected):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert width() == expected


def test_progress_is_a_line_that_changes_below_the_warnings(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    log = logging.getLogger("nas_asc.search.search")
    with live_progress(1024) as show:
        show(Progress(completed=1, total=3))
        log.warning("%d workers", 3)
        log.info("nobody asked")
        show(Progress(completed=3, total=3))
    log.warning("no longer")
    text = sys.stderr.getvalue()
    first, warning, last = (text.index(part) for part in ("1/3 done", "3 workers\n", "3/3 done"))
    assert first < warning < last
    assert text.count("3 workers") == 1
    assert "nobody asked" not in text
    assert "no longer" not in text


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_progress_is_a_line_now_and_then_in_a_log(monkeypatch, stream, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", stream())
    with live_progress(1024) as show:
        for completed in range(3):
            show(Progress(completed=completed, total=3))
    (line,) = sys.stderr.getvalue().splitlines()
    assert line.startswith("0/3 done")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_number_of_a_table_is_cut(monkeypatch, stream):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys, "stdout", stream())
    numbers = ["2,318,678", "31,260", "74,800,000,000", "9,057.3"]
    print_table(
        ("model", *(f">column {n}" for n in range(8)), ">last"),
        [("a-name-of-some-length", *numbers, *numbers, "123,456,789")],
    )
    rows = [line.split() for line in sys.stdout.getvalue().splitlines() if line[:2] == "a-"]
    assert {row[0] for row in rows} == {"a-name-of-some-length"}
    assert [cell for row in rows for cell in row[1:]] == [*numbers, *numbers, "123,456,789"]


def test_the_last_column_is_broken_between_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("name", "what"), [("x" * 50, "[16, 32] options of incomprehensible length")])
    lines = capsys.readouterr().out.splitlines()[1:]
    words = " ".join(line.replace("x" * 50, "").strip() for line in lines).split()
    assert words == ["[16,", "32]", "options", "of", "incomprehensible", "length"]


def test_no_warning_of_the_drawing_library_reaches_the_user(tmp_path):
    """A home that nobody can write, not even root."""
    plot = tmp_path / "net.svg"
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "models", "imt-a", "--plot", str(plot)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": "/dev/null/home", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert plot.exists()
    assert re.fullmatch(r"wrote \S+net\.svg\n", done.stderr)


@pytest.fixture
def summary(make_summary, monkeypatch):
    """Let every run folder hold one and the same finished search."""
    found = make_summary()
    monkeypatch.setattr(nas_asc.search, "load_front", lambda run: found)
    return found


def test_a_front_is_as_wide_as_the_terminal_but_in_json_and_csv(run_command, monkeypatch, summary):
    monkeypatch.delenv("COLUMNS", raising=False)
    piped = run_command("front", "run")
    monkeypatch.setenv("COLUMNS", "140")
    assert piped == run_command("front", "run")
    monkeypatch.setenv("COLUMNS", "60")
    code, out, err = run_command("front", "run")
    assert (code, err, out.endswith("\n\n")) == (0, "", False)
    assert max(map(len, out.splitlines())) <= 60 < max(map(len, piped[1].splitlines()))
    assert json.loads(run_command("front", "run", "--json")[1])["seed"] == 1
    assert run_command("front", "run", "--csv")[1] == front_csv(summary)


@pytest.mark.parametrize(
    ("stream", "term", "expected"),
    [(Terminal, "xterm", True), (Terminal, "dumb", False), (io.StringIO, "xterm", False)],
)
def test_escape_codes_go_to_terminals_that_know_them(
    monkeypatch, make_summary, stream, term, expected
):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", stream())
    print_front(make_summary())
    assert ("\x1b[" in sys.stdout.getvalue()) is expected

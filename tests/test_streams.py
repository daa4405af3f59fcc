"""Where stdout or stderr cannot be written: a full disk, a closed stream, a reader gone."""

import contextlib
import os
import pty
import subprocess
import sys
import termios
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

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


@needs_full
@pytest.mark.parametrize(
    "argv",
    [
        ["models"],
        ["models", "--json"],
        ["models", "imt-c"],
        ["spaces"],
        ["rules"],
        ["rules", "--json"],
        LONG,
        ["--help"],
        ["spaces", "--help"],
        ["--version"],
        [],
    ],
)
def test_a_full_disk_is_told_in_one_line(argv):
    with FULL.open("w") as full:
        done = run(*argv, stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "error: cannot write the output to stdout: no space left on device - make room or send it "
        "elsewhere"
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1


@pytest.mark.parametrize(
    "argv",
    [["rules"], ["models"], ["count", "imt-a"], ["--help"], [], ["models", "imt-a", "--json"]],
)
def test_a_closed_stdout_is_told_in_one_line(argv):
    done = run(*argv, before="exec >&-;")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "error: cannot write the output to stdout: it is closed - make room or send it elsewhere"
    )
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr


def test_where_no_result_is_printed_a_closed_stdout_is_no_fault(tmp_path):
    done = run(*PLOT, before=f"cd {tmp_path}; exec >&-;")
    assert (done.returncode, done.stderr) == (0, "wrote net.svg\n")
    ElementTree.parse(tmp_path / "net.svg")


@pytest.mark.parametrize("before", ["exec >&-;", "exec <&- >&- 2>&-;"])
def test_a_file_is_written_whole_before_a_closed_stdout_is_told(tmp_path, before):
    """With its stream closed, a file that is opened must not become stdout."""
    done = run(*PLOT, "--json", before=f"cd {tmp_path}; {before}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    ElementTree.parse(tmp_path / "net.svg")


@pytest.mark.parametrize("argv", [PLOT, [*PLOT, "--json"]])
def test_a_file_is_written_whole_where_the_reader_has_gone(tmp_path, argv):
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = run(*argv, stdout=reader.stdin, before=f"cd {tmp_path};")
    assert (done.returncode, done.stderr) == (0, "wrote net.svg\n")
    ElementTree.parse(tmp_path / "net.svg")


@pytest.mark.parametrize("argv", [["models"], LONG, ["spaces", "asc"], ["rules", "--json"]])
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


@pytest.mark.parametrize(
    "argv",
    [
        ["models"],
        ["models", "imt-c"],
        ["models", "--json"],
        ["spaces"],
        ["spaces", "asc"],
        ["rules", "--json"],
        ["studies"],
        ["count", "imt-c", "--layers", "--json"],
        ["--help"],
    ],
)
def test_a_reader_that_has_gone_is_no_failure(argv):
    """The reader leaves at once: every write, the first one too, finds a broken pipe."""
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = run(*argv, stdout=reader.stdin)
    assert (done.returncode, done.stderr) == (0, "")


@needs_full
@pytest.mark.parametrize("argv", [["models", "nothing"], ["rules", "--nothing"]])
def test_an_error_that_cannot_be_told_keeps_its_exit_code(argv):
    with FULL.open("w") as full:
        assert run(*argv, stderr=full).returncode == 2
    assert run(*argv, before="exec 2>&-;").returncode == 2


@needs_full
def test_results_are_whole_where_remarks_cannot_be_written():
    whole = run(*LONG)
    assert "warning: " in whole.stderr
    with FULL.open("w") as full:
        done = run(*LONG, stderr=full)
    assert (done.returncode, done.stdout) == (0, whole.stdout)


@needs_full
def test_nothing_can_be_written_at_all():
    with FULL.open("w") as full:
        assert run("models", stdout=full, stderr=full).returncode == 2


def on_a_terminal(columns, *argv):
    """Run a command with its stderr on a terminal that is so wide; give exit code and stderr."""
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    words = [sys.executable, "-c", MAIN, *argv]
    own = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=terminal, env=own) as command:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side has gone
            while read := os.read(master, 2**16):
                shown += read
        os.close(master)
        return command.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def test_a_warning_is_wrapped_on_a_terminal_and_one_line_in_a_pipe():
    piped = run("count", "imt-c").stderr
    code, shown = on_a_terminal(60, "count", "imt-c")
    assert code == 0
    assert max(map(len, piped.splitlines())) > 60
    assert all(line.startswith("warning: ") for line in piped.splitlines())
    assert max(map(len, shown.splitlines())) <= 60
    assert shown.split() == piped.split()


def test_an_error_is_wrapped_on_a_terminal():
    code, shown = on_a_terminal(40, "count", "deepsond-160")
    assert code == 2
    assert shown.startswith("error: ")
    assert "\n  " in shown

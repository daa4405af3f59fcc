"""Where stdout or stderr cannot be written: a full disk, a closed stream, a reader gone."""

import subprocess
import sys
from pathlib import Path

import pytest

MAIN = "from nas_asc.cli import main; main()"
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


def test_a_closed_stdout_is_told_in_one_line():
    done = run("rules", before="exec >&-;")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write the output to stdout: it is closed - ")
    assert done.stderr.count("\n") == 1


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

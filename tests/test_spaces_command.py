"""`nas-asc spaces`: what fits, what binds, bounds of its options, copies."""

import json
import re
import resource
import subprocess
import sys

import pytest

from nas_asc.rules import RULES
from nas_asc.vocabulary import MODEL_DOMAINS


def test_what_is_proved_not_to_fit_ends_with_3(run_command):
    code, out, err = run_command("spaces", "mbconv", "--budget", "100B")
    smallest = re.search(r"the smallest it reaches is ([\d,]+) bytes\n$", err)[1]

    assert code == 3
    assert err.startswith("error: budget: expected a limit on size")
    assert err.count("\n") == 1
    assert "none of 5,000 draws fit 100 bytes (95 % interval 0.0% to 0.08%)" in out  # Wilson: z^2/n
    assert f"100.0% exceed the limit on size (smallest reachable {smallest}), which binds" in out


def test_json_comes_whole_where_nothing_fits(run_command):
    code, out, _ = run_command("spaces", "mbconv", "--budget", "100B", "--json")
    value = json.loads(out)
    assert code == 3
    assert value["feasibility"]["share"] == 0
    assert value["smallest"]["size_bytes"] > 100


def test_what_no_draw_meets_but_some_architecture_does_is_an_answer(run_command):
    least = json.loads(run_command("spaces", "mbconv", "--json")[1])["smallest"]
    budget = f"{least['size_bytes']}B"
    code, out, err = run_command("spaces", "mbconv", "--budget", budget)
    assert (code, err) == (0, "")
    assert "none of 5,000 draws fit" in out


@pytest.mark.parametrize(
    ("budget", "ending"), [("64KB", ", which binds"), ("64KB,1GMAC", ", which binds most")]
)
def test_the_limit_that_binds_is_named(run_command, budget, ending):
    _, out, _ = run_command("spaces", "mbconv", "--budget", budget)
    lines = [line for line in out.splitlines() if "exceed the limit on size" in line]
    assert len(lines) == 1
    assert lines[0].endswith(ending)


def test_limits_that_nothing_exceeds_are_said_not_to_bind(run_command):
    _, out, _ = run_command("spaces", "mbconv", "--budget", "900MB")
    assert "no limit binds" in out
    assert "exceed the limit" not in out


@pytest.mark.parametrize(
    ("options", "clip_s", "remarks"),
    [
        ((), 10.0, 0),
        (("--rule", "dcase2024-1"), 1.0, 0),
        (("--rule", "dcase2024-1", "--clip", "10"), 10.0, 1),
    ],
)
def test_clips_are_as_long_as_the_rule_has_them(run_command, options, clip_s, remarks):
    """DCASE 2024 task 1 judges clips of one second."""
    _, out, err = run_command("spaces", "dwsep", *options, "--json")
    assert json.loads(out)["clip_s"] == clip_s
    assert err.count("meant for clips of 1 s, here they are 10 s") == remarks


def test_every_limited_measure_has_its_row(run_command):
    argv = ("spaces", "mbconv", "--budget", "30Kparams,1MBram")
    _, out, _ = run_command(*argv)
    value = json.loads(run_command(*argv, "--json")[1])

    for row, measure in (("parameters", "params"), ("peak activation bytes",) * 2):
        measure = measure.replace(" ", "_")
        numbers = [value["smallest"][measure], *value["feasibility"][measure]]
        (line,) = [line for line in out.splitlines() if line.startswith(row)]
        assert line.removeprefix(row).split() == [f"{number:,}" for number in numbers]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("command", [("spaces", "mbconv"), ("search", "--space", "mbconv")])
@pytest.mark.parametrize("clip", ["nan", "inf", "-inf", "1e12", "3600.1", "0", "-1", "0.009", "x"])
def test_a_clip_out_of_bounds_gets_one_line(run_command, monkeypatch, tmp_path, command, clip):
    monkeypatch.chdir(tmp_path)
    code, out, err = run_command(*command, "--budget", "64KB", "--clip", clip)
    assert (code, out) == (2, "")
    assert err == f"error: --clip: expected {MODEL_DOMAINS['clip_s'].expected}, got '{clip}'\n"


@pytest.mark.parametrize("classes", ["1", "10001", "999999999999999999999", "9" * 5000, "2.5", "x"])
def test_classes_out_of_bounds_get_one_line(run_command, classes):
    code, out, err = run_command("spaces", "mbconv", "--classes", classes)
    assert (code, out) == (2, "")
    assert err.startswith("error: --classes: expected a whole number from 2 to 10,000, got ")
    assert err.count("\n") == 1


def test_the_bounds_themselves_are_taken(run_command):
    argv = ("spaces", "mbconv", "--clip", "3600", "--classes", "2", "--json")
    value = json.loads(run_command(*argv)[1])
    assert (value["clip_s"], value["classes"]) == (3600, 2)


def test_a_limit_beyond_64_bits_gets_one_line(run_command):
    budget = "99999999999999999999999999MB"
    code, out, err = run_command("spaces", "mbconv", "--budget", budget)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"at most 9,223,372,036,854,775,807, got '{budget}'" in err


@pytest.mark.parametrize("given", [("--budget", "64KB"), ("--rule", "imt"), ("--clip", "1")])
def test_an_option_that_needs_a_space_is_refused_without_one(run_command, given):
    code, out, err = run_command("spaces", *given)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {given[0]}: expected a NAME too, one of asc, ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        (("spaces", "copy", "mbconv", "FILE", "--budget", "64KB", "--json"), "--budget and --json"),
        (("spaces", "--json", "copy", "mbconv", "FILE"), "--json"),
        (("studies", "--json", "copy", "quick", "FILE"), "--json"),
    ],
)
def test_a_copy_takes_no_options(run_command, tmp_path, argv, given):
    target = str(tmp_path / "mine.toml")
    code, out, err = run_command(*(target if word == "FILE" else word for word in argv))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: copy: expected NAME and FILE alone, got {given} too")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("spaces", "mbconv"), ("search", "--space", "mbconv")])
def test_all_is_no_rule_where_one_is_needed(run_command, command):
    code, out, err = run_command(*command, "--rule", "all", "--budget", "64KB")
    assert (code, out) == (2, "")
    assert err == f"error: rule: expected one of {', '.join(RULES)}; got 'all'\n"


def test_help_shows_how_to_copy(run_command):
    _, out, _ = run_command("spaces", "--help")
    assert "copy NAME FILE" in out.splitlines()[0]


@pytest.mark.parametrize(("kind", "name"), [("spaces", "mbconv"), ("studies", "quick")])
@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("mine.json", "expected a file name that ends in .toml"),
        ("mine", "expected a file name that ends in .toml"),
        ("none/mine.toml", "expected a folder none, there is none - create it"),
        ("there.toml", "expected a new file, it exists"),
        ("/dev/null/mine.toml", "not a directory"),
        ("/proc/mine.toml", "/proc/mine.toml: expected a file that can be written"),
        ("m" * 300 + ".toml", "file name too long"),
    ],
)
def test_a_copy_that_cannot_be_made_gets_one_line(
    run_command, monkeypatch, tmp_path, kind, name, target, part
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.toml").touch()
    code, out, err = run_command(kind, "copy", name, target)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert part in err
    assert [path.name for path in tmp_path.iterdir()] == ["there.toml"]


def test_a_copy_that_breaks_off_leaves_no_half_of_a_file(tmp_path):
    code = "from nas_asc.cli import main; main()"
    mine = tmp_path / "mine.toml"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, "spaces", "copy", "mbconv", str(mine)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {mine}: expected a file that can be written, found: file too large - give another "
        "place\n"
    )
    assert not mine.exists()

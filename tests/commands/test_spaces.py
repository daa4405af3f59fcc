"""`nas-asc spaces`: what fits, what binds, bounds of its options, copies."""

import json
import math
import re
import resource
import subprocess
import sys

import pytest
from test_feasibility import TINY

from nas_asc.shipped import shipped


def test_what_is_proved_not_to_fit_ends_with_3(run_command):
    code, out, err = run_command("spaces", "mbconv", "--budget", "100B")
    smallest = re.search(r"the smallest it reaches is ([\d,]+) bytes\n$", err)[1]

    assert code == 3
    assert err.startswith("error: budget: expected a limit on size")
    assert err.count("\n") == 1
    assert "none of 5,000 draws fit 100 bytes (95 % interval 0.0% to 0.08%)" in out  # Wilson: z^2/n
    assert f"100.0% exceed the limit on size (smallest reachable {smallest}), which binds" in out


def test_what_no_draw_meets_but_some_architecture_does_is_an_answer(run_command):
    least = json.loads(run_command("spaces", "mbconv", "--json")[1])["smallest"]
    budget = f"{least['size_bytes']}B"
    code, out, err = run_command("spaces", "mbconv", "--budget", budget)
    assert (code, err) == (0, "")
    assert "none of 5,000 draws fit" in out


@pytest.mark.parametrize(
    ("budget", "ending"),
    [("64KB", ", which binds"), ("64KB,1GMAC", ", which binds most"), ("900MB", None)],
)
def test_the_limit_that_binds_is_named(run_command, budget, ending):
    _, out, _ = run_command("spaces", "mbconv", "--budget", budget)
    lines = [line for line in out.splitlines() if "exceed the limit on size" in line]
    assert len(lines) == (ending is not None)
    assert lines[0].endswith(ending) if ending else "no limit binds" in out


@pytest.mark.parametrize(
    ("options", "clip_s", "remarks"),
    [
        ((), 10.0, 0),
        (("--rule", "dcase2024-1"), 1.0, 0),
        (("--rule", "dcase2024-1", "--clip", "10"), 10.0, 1),
        (("--clip", "3600", "--classes", "2"), 3600.0, 0),  # the bounds themselves
    ],
)
def test_clips_are_as_long_as_the_rule_has_them(run_command, options, clip_s, remarks):
    """DCASE 2024 task 1 judges clips of one second."""
    _, out, err = run_command("spaces", "dwsep", *options, "--json")
    assert json.loads(out)["clip_s"] == clip_s
    assert err.count("meant for clips of 1 s, here they are 10 s") == remarks


def test_the_smallest_the_share_and_every_limited_measure_are_given(run_command, tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    argv = ("spaces", str(tmp_path / "tiny.toml"), "--budget", "300params,300KBram")
    _, out, _ = run_command(*argv)
    value = json.loads(run_command(*argv, "--json")[1])
    found = value["feasibility"]
    low, high = found["interval"]
    assert value["budget"]["params"] == 300
    assert 0 < low < found["share"] < high < 1
    assert set(found["binds"]) == {"params", "peak_activation_bytes"}
    assert value["log10_architectures"] == pytest.approx(math.log10(8))
    for row, measure in (("parameters", "params"), ("peak activation bytes",) * 2):
        measure = measure.replace(" ", "_")
        numbers = [value["smallest"][measure], *found[measure]]
        (line,) = [line for line in out.splitlines() if line.startswith(row)]
        assert line.removeprefix(row).split() == [f"{number:,}" for number in numbers]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("command", "folder", "name"),
    [("spaces", "search_spaces", "mbconv"), ("studies", "studies", "quick")],
)
def test_a_copy_starts_a_file_of_ones_own(
    run_command, monkeypatch, tmp_path, command, folder, name
):
    monkeypatch.chdir(tmp_path)
    assert run_command(command, "copy", name, "mine.toml")[0] == 0
    assert (tmp_path / "mine.toml").read_bytes() == shipped(folder)[name].read_bytes()
    assert "copy NAME FILE" in run_command(command, "--help")[1].splitlines()[0]


def test_a_space_of_ones_own_is_described(run_command, here):
    assert json.loads(run_command("spaces", "--json", "mine.toml")[1])["name"] == "mine"


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
    assert done.stderr.startswith(f"error: {mine}: ")
    assert "file too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not mine.exists()

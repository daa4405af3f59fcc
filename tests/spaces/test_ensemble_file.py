"""The ensembles of a file: what is wrong with one is told with its space, before data are read."""

import re

import pytest

from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import ensembles_of
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

GOOD = """title = "two families"
family = ["vgg", "inception"]

[ensembles.mine]
classes = ["indoor", "outdoor", "transportation"]
clip_s = 10
rule = "ntu"

[[ensembles.mine.members]]
model = "ntu-vggnet"
number = 5

[[ensembles.mine.members]]
model = "ntu-inceptionnet"
weight = 2
"""
MEMBERS = GOOD[GOOD.index("[[") :]
MEMBER = "ensembles.mine.members.2"
WRONG = [
    ("clip_s = 10", "clip_s = true", "6:ensembles.mine.clip_s"),
    ("clip_s = 10", "", "4:ensembles.mine.clip_s"),
    ('rule = "ntu"', 'rule = "nut"', "7:ensembles.mine.rule"),
    ('"outdoor", "transportation"', '"outdoor", "indoor"', "5:ensembles.mine.classes"),
    ('"outdoor", "transportation"', "2", "5:ensembles.mine.classes"),
    ('rule = "ntu"', 'rule = "ntu"\nprinted = 3', "8:ensembles.mine.printed"),
    ('rule = "ntu"', 'rule = "ntu"\nprinted.size = 3', "8:ensembles.mine.printed.size"),
    ("ensembles.mine", "ensembles.ntu-vggnet", "4:ensembles.ntu-vggnet"),
    ("weight = 2", 'weight = "2"', f"15:{MEMBER}.weight"),
    ("weight = 2", "class_map = 3", f"15:{MEMBER}.class_map"),
    ("weight = 2", "class_map.a = 3", f"15:{MEMBER}.class_map.a 15:{MEMBER}.class_map"),
    ("weight = 2", "wieght = 2", f"15:{MEMBER}.wieght"),
    ('model = "ntu-inceptionnet"', "", f"13:{MEMBER}.model"),
    ("ntu-inceptionnet", "ntu-inception", f"14:{MEMBER}.model"),
    ('["vgg", "inception"]', '["vggg"]', "2:family"),
    *((MEMBERS, f"members = {bad}\n", "9:ensembles.mine.members") for bad in ("3", '["a"]', "[]")),
    # All of them at once, in the order of the file.
    (
        "clip_s = 10\nrule = ",
        "clip_s = -1\nrull = ",
        "6:ensembles.mine.clip_s 7:ensembles.mine.rull 4:ensembles.mine.rule",
    ),
]


@pytest.fixture
def space(tmp_path, monkeypatch):
    """Write the space with a part of its text replaced, and give its path."""
    monkeypatch.chdir(tmp_path)

    def write(old="", new=""):
        assert old in GOOD
        (tmp_path / "mine.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
        return "./mine.toml"

    return write


def test_members_have_a_number_and_a_weight(space):
    assert list(load_space(space()).families) == ["vgg", "inception"]
    ensemble = ensembles_of(space())["mine"]
    assert [(m.model.id, m.number, m.weight) for m in ensemble.members] == [
        ("ntu-vggnet", 5, 1.0),
        ("ntu-inceptionnet", 1, 2.0),
    ]
    assert (ensemble.classes[0], ensemble.clip_s) == ("indoor", 10.0)


@pytest.mark.parametrize(("old", "new", "places"), WRONG)
def test_a_fault_is_told_by_its_line_and_path(space, old, new, places):
    with pytest.raises(ConfigError) as error:
        ensembles_of(space(old, new))
    lines = str(error.value).splitlines()
    found = [re.match(r"mine\.toml:(\d+): ([\w.-]+): .*expected", line) for line in lines]
    assert sorted(f"{each[1]}:{each[2]}" for each in found) == sorted(places.split())


@pytest.mark.parametrize(
    "argv", [["spaces"], ["search", "--budget", "64KB", "--data", "none", "--space"]]
)
def test_commands_tell_them_before_they_read_data(run_command, space, argv):
    code, out, err = run_command(*argv, space("number = 5", "nmber = 5"))
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert re.search(r"mine\.toml:11: ensembles\.mine\.members\.1\.nmber: .*'number'\?$", line)


def test_paths_of_families_begin_where_the_space_is(space, tmp_path, monkeypatch):
    """And two families may not have models of one name."""
    (tmp_path / "own.toml").write_bytes(shipped("search_spaces")["inception"].read_bytes())
    with pytest.raises(ConfigError, match=r":2: family: expected models of different names, got"):
        load_space(space('"vgg", "inception"', '"vgg", "inception", "own.toml"'))
    path = tmp_path / space('"inception"', '"own.toml"')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert list(load_space(str(path)).families) == ["vgg", "own"]

"""What is wrong with the ensembles of a space is told with the space, before any data are read."""

import sys

import pytest

from nas_asc.cli import main
from nas_asc.errors import ConfigError
from nas_asc.library import load_space
from nas_asc.shipped import shipped

GOOD = """title = "two families"
family = ["vgg", "inception"]

[ensembles.mine]
classes = ["indoor", "outdoor", "transportation"]
clip_s = 10
rule = "ntu"

[[ensembles.mine.members]]
model = "ntu-vggnet"
number = 5
"""


@pytest.fixture
def space(tmp_path):
    def write(*changes):
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def faults(path):
    with pytest.raises(ConfigError) as error:
        load_space(path)
    return [line.split(": ")[1] for line in str(error.value).splitlines()]


def test_a_space_with_sound_ensembles_is_loaded(space):
    assert list(load_space(space()).families) == ["vgg", "inception"]


def test_all_faults_of_its_ensembles_are_faults_of_a_space(space):
    path = space(
        ("clip_s = 10", "clip_s = -1"),
        ('"ntu"', '"nut"'),
        ("vggnet", "vgnet"),
        ("= 5", "= 1000000000000"),
    )
    assert faults(path) == [
        *("ensembles.mine.clip_s", "ensembles.mine.rule"),
        *("ensembles.mine.members.1.model", "ensembles.mine.members.1.number"),
    ]


@pytest.mark.parametrize(
    "argv", [["spaces"], ["search", "--budget", "64KB", "--data", "none", "--space"]]
)
def test_commands_tell_them_before_they_read_data(capsys, monkeypatch, space, argv):
    path = space(("clip_s = 10", "clip_s = -1"), ("number = 5", "nmber = 5"))
    monkeypatch.setattr(sys, "argv", ["nas-asc", *argv, path])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert captured.err.splitlines() == [
        f"error: {path}:6: ensembles.mine.clip_s: expected a number from 0.01 to 3,600, got -1",
        f"error: {path}:11: ensembles.mine.members.1.nmber: expected one of model, number, "
        "weight, class_map, did you mean 'number'?",
    ]


def test_an_ensemble_may_not_have_the_name_of_a_model(space):
    path = space(("ensembles.mine", "ensembles.ntu-vggnet"))
    with pytest.raises(ConfigError, match=r"expected a name that no model has, 'ntu-vggnet' is"):
        load_space(path)


def test_paths_of_families_begin_where_the_space_is(space, tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text(
        shipped("search_spaces")["inception"].read_text(encoding="utf-8"), encoding="utf-8"
    )
    path = space(('"inception"', '"own.toml"'))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert list(load_space(path).families) == ["vgg", "own"]


def test_two_families_may_not_have_models_of_one_name(space, tmp_path):
    (tmp_path / "own.toml").write_text(
        shipped("search_spaces")["inception"].read_text(encoding="utf-8"), encoding="utf-8"
    )
    path = space(('"vgg", "inception"', '"vgg", "inception", "own.toml"'))
    with pytest.raises(ConfigError) as error:
        load_space(path)
    assert (
        "mine.toml:2: family: expected models of different names, got 'ntu-inceptionnet' in "
        in (str(error.value))
    )

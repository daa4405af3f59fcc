"""One misspelt name in a space is one fault: what only follows from it is not told."""

import re

import pytest

from nas_asc.errors import ConfigError
from nas_asc.library import load_space
from nas_asc.shipped import shipped

NAME = re.compile(r"[\w-]+")


@pytest.fixture
def faults(tmp_path):
    """Give the faults of a shipped space with one of its lines replaced."""

    def read(name, old, new):
        text = shipped("search_spaces")[name].read_text(encoding="utf-8")
        path = tmp_path / "mine.toml"
        assert f"\n{old}\n" in text
        path.write_text(text.replace(f"\n{old}\n", f"\n{new}\n", 1), encoding="utf-8")
        try:
            load_space(str(path))
        except ConfigError as error:
            return [line.partition(": ")[2] for line in str(error).splitlines()]
        return []

    return read


def misspellings(line):
    """Give a line of TOML with each of the names in its header or key misspelt."""
    for found in NAME.finditer(line if line.startswith("[") else line.partition("=")[0]):
        name = f"x{found[0]}" if found[0].startswith("stage") else found[0] + found[0][-1]
        yield line[: found.start()] + name + line[found.end() :]


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_a_misspelt_name_is_one_fault(faults, name):
    lines = shipped("search_spaces")[name].read_text(encoding="utf-8").splitlines()
    keys = (line for line in lines if name in ("asc", "dwsep", "inception") and "=" in line)
    for line in dict.fromkeys([*(line for line in lines if line.startswith("[")), *keys]):
        for misspelt in misspellings(line) if lines.index(line) else ():
            assert len(faults(name, line, misspelt)) <= 1, misspelt


@pytest.mark.parametrize(
    ("name", "section"), [("frontend", "frontend"), ("stage2", "stage1"), ("head", "head")]
)
def test_a_section_under_a_word_of_ones_own_is_known_by_its_keys(faults, name, section):
    assert faults("vgg", f"[{name}]", "[inptu]") == [
        f"inptu: expected a section of a space, did you mean '{section}'?"
    ]


def test_a_table_of_other_keys_does_not_stand_for_a_section(faults):
    assert faults("dwsep", "[head]", "[inptu]\nx = 1\n[head]") == [
        "inptu: expected a section of a space"
    ]


def test_a_section_that_the_choices_do_not_name_is_one_fault(faults):
    assert faults("dwsep", "[stage3]", "[stage33]") == [
        "models.netease-student: stage3: expected a section of the space, did you mean 'stage33'?"
    ]


def test_a_choice_of_a_selector_that_the_section_does_not_have_is_one_fault(faults):
    text = shipped("search_spaces")["dwsep"].read_text(encoding="utf-8")
    assert "\n[stage4]\ndepth = [0, 1]\n" in text
    (fault,) = faults("dwsep", "[stage4]\ndepth = [0, 1]", "[stage4]")
    assert fault.startswith("models.netease-student: stage4.depth: expected a choice of the space")


@pytest.mark.parametrize(
    ("old", "new", "alone", "meant"),
    [
        ("[models.imt-c]", "[models.imt-cc]", "imt-c", "imt-cc"),
        ("[models.imt-c.choices]", "[models.imt-cc.choices]", "imt-cc", "imt-c"),
    ],
)
def test_choices_under_another_name_are_one_fault(faults, old, new, alone, meant):
    assert faults("wave_resnet", old, new) == [
        f"models.{alone}: expected classes, clip_s, report, rule, or like, beside its choices, "
        f"got choices alone, did you mean '{meant}'?"
    ]


def test_members_under_another_name_are_one_fault(faults):
    assert faults("asc", "[ensembles.srpol-1]", "[ensembles.srpol-l]") == [
        "ensembles.srpol-1: expected classes, clip_s, rule beside its members, got members alone, "
        "did you mean 'srpol-l'?"
    ]


def test_a_model_without_choices_is_one_fault(faults):
    assert faults("mbconv", "[models.deepsound-160.choices]", "[models.other.more]")[0] == (
        "models.deepsound-160: choices: expected a table, [models.deepsound-160.choices], "
        "got nothing"
    )


@pytest.mark.parametrize(
    ("old", "new", "also"),
    [
        ("[models.imt-c]", "[models.imt-cc]\nclip_ss = 3", "clip_ss"),
        ("[models.imt-c.choices]", "[modls.imt-c.choices]\n[models.imt-e]\nclasses = 1", "classes"),
    ],
)
def test_what_is_wrong_in_itself_is_told_beside_it(faults, old, new, also):
    found = faults("wave_resnet", old, new)
    assert [fault for fault in found if f": {also}: " in fault]


def test_a_line_that_is_missing_in_front_of_choices_is_one_fault(faults):
    header = "[models.deepsound-160.choices]"
    (fault,) = faults("mbconv", header, "")
    assert fault == (f"models.deepsound-160: choices: expected a table, {header}, got nothing")

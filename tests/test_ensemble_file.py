"""The ensembles of a file: whatever is wrong is named, each fault in a line of its own."""

from pathlib import Path

import pytest

from nas_asc.ensemble_file import read_ensembles
from nas_asc.errors import ConfigError
from nas_asc.library import report_model

GOOD = """
[ensembles.x]
classes = ["a", "b", "c"]
clip_s = 10
rule = "imt"

[[ensembles.x.members]]
model = "imt-a"

[[ensembles.x.members]]
model = "imt-a"
weight = 2
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read_text(text):
        path = Path("many.toml")
        path.write_text(text, encoding="utf-8")
        models = {i: report_model(i) for i in ("imt-a", "imt-b")}
        return read_ensembles(path, models)

    return read_text


def test_members_have_a_number_and_a_weight(read):
    ensemble = read(GOOD)["x"]
    assert [(m.model.id, m.number, m.weight) for m in ensemble.members] == [
        ("imt-a", 1, 1.0),
        ("imt-a", 1, 2.0),
    ]
    assert (ensemble.classes, ensemble.clip_s) == (("a", "b", "c"), 10.0)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("clip_s = 10", "clip_s = true", "4: ensembles.x.clip_s: expected a number from 0.01"),
        ("clip_s = 10", "", "2: ensembles.x.clip_s: expected a number from 0.01"),
        (
            'rule = "imt"',
            'rule = "itm"',
            "5: ensembles.x.rule: expected a counting rule (nas-asc rules)",
        ),
        ('["a", "b", "c"]', '["a", "b", "b"]', "3: ensembles.x.classes: expected a list of names"),
        ('["a", "b", "c"]', "[1, 2, 3]", "3: ensembles.x.classes: expected a list of names"),
        ('rule = "imt"', 'rule = "imt"\ntitle = 3', "6: ensembles.x.title: expected a text"),
        ('rule = "imt"', 'rule = "imt"\nprinted = 3', "6: ensembles.x.printed: expected a table"),
        (
            'rule = "imt"',
            'rule = "imt"\nprinted.size = 3',
            "6: ensembles.x.printed.size: expected one of",
        ),
        ("weight = 2", 'weight = "2"', "12: ensembles.x.members.2.weight: expected a number"),
        ("weight = 2", "number = true", "12: ensembles.x.members.2.number: expected a whole"),
        ("weight = 2", "class_map = 3", "12: ensembles.x.members.2.class_map: expected a table"),
        ("weight = 2", "wieght = 2", "12: ensembles.x.members.2.wieght: expected one of"),
        ("weight = 2", "class_map.a = 3", "12: ensembles.x.members.2.class_map: expected one of"),
    ],
)
def test_a_fault_is_named_with_its_line(read, old, new, fault):
    assert old in GOOD
    with pytest.raises(ConfigError) as error:
        read(GOOD.replace(old, new, 1))
    assert str(error.value).startswith(f"many.toml:{fault}")


@pytest.mark.parametrize("members", ["3", '["imt-a"]', '{ model = "imt-a" }'])
def test_members_are_tables(read, members):
    head = GOOD[: GOOD.index("[[")]
    with pytest.raises(ConfigError, match=r"many\.toml:7: ensembles\.x\.members: expected tables"):
        read(f"{head}members = {members}\n")


def test_a_faulty_ensemble_does_not_hide_its_members(read):
    text = GOOD.replace('["a", "b", "c"]', "3").replace('"imt-a"', '"imt-z"', 1)
    with pytest.raises(ConfigError) as error:
        read(text.replace("weight = 2", "weight = 0"))
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "ensembles.x.classes",
        "ensembles.x.members.1.model",
        "ensembles.x.members.2.weight",
    ]


@pytest.mark.parametrize(
    ("key", "misspelt"),
    [("clip_s", "clips"), ("rule", "rulle"), ("classes", "clases"), ("model", "modle")],
)
def test_a_misspelt_key_is_not_missing_too(read, key, misspelt):
    with pytest.raises(ConfigError) as error:
        read(GOOD.replace(f"\n{key} =", f"\n{misspelt} =", 1))
    (fault,) = str(error.value).splitlines()
    assert f".{misspelt}: expected one of " in fault
    assert fault.endswith(f", did you mean {key!r}?")

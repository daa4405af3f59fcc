"""The space that is made of other spaces."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from shipped_models import FAMILIES, MODELS, REPORTS

from nas_asc.architectures.architecture import Architecture
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.spaces.space_file import load_space

# Not every space is a family of it, but those with networks of the five reports are.
REPORTED = [model_id for model_id, report in MODELS.items() if report in REPORTS]


@pytest.fixture(scope="module")
def asc():
    return load_space("asc")


def test_it_holds_all_families_and_networks_of_the_reports(asc):
    spaces = {name: load_space(name) for name in FAMILIES}
    assert tuple(asc.families) == FAMILIES
    assert asc.size() == sum(space.size() for space in spaces.values())
    assert set(asc.models) == set(REPORTED)
    for space in spaces.values():
        assert space.size() > 1000
        assert space.models
    family, *rest = asc.parameters()
    assert (family.path, family.options) == ("family", FAMILIES)
    assert [p.path for p in rest] == [
        f"{name}.{p.path}" for name, space in spaces.items() for p in space.parameters()
    ]


@pytest.mark.parametrize("model_id", REPORTED)
def test_a_report_model_is_the_same_model_in_it(asc, model_id):
    model, alone = asc.models[model_id], report_model(model_id)
    assert model.architecture == alone.architecture
    assert model.architecture.choices["family"] == alone.architecture.space
    assert asc.from_choices(model.architecture.choices) == alone.architecture
    assert alone.architecture.space != "asc" == model.architecture.space


def test_each_family_is_drawn_as_often(asc):
    rng = random.Random(0)
    drawn = Counter(asc.random(rng).family for _ in range(7000))
    assert set(drawn) == set(FAMILIES)
    assert all(850 < times < 1150 for times in drawn.values())


def test_a_draw_is_the_one_that_its_choices_name_in_its_family_too(asc):
    rng = random.Random(1)
    for _ in range(100):
        drawn = asc.random(rng)
        assert asc.from_choices(drawn.choices) == drawn
        assert asc.architecture(lambda p, drawn=drawn: drawn.choices[p.path]) == drawn
        prefix = f"{drawn.family}."
        choices = {k.removeprefix(prefix): v for k, v in drawn.choices.items() if k != "family"}
        assert load_space(drawn.family).from_choices(choices) == drawn
    back = Architecture.from_dict(drawn.to_dict())
    assert (back, back.choices, back.family) == (drawn, drawn.choices, drawn.family)


def test_a_choice_of_another_family_is_refused(asc):
    choices = {**asc.models["imt-a"].architecture.choices, "mbconv.stem.width": 8}
    with pytest.raises(ConfigError, match=r"mbconv\.stem\.width: expected .* the family wave"):
        asc.from_choices(choices)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('family = ["mbconv", "vggg"]', ["family: .*mean 'vgg'"]),
        ('family = ["one", "two"]', ["family: .*'one'", "family: .*'two'"]),
        ("family = []", [r"family: .*got \[\]"]),
        ('family = "mbconv"', ["family: .*got 'mbconv'"]),
        ('family = ["mbconv", "mbconv"]', ["family: .*'mbconv' twice"]),
        ('family = ["asc"]', ["family: .*one family, got 'asc'"]),
        ('family = ["vgg"]\nfamilly = 1', ["familly: .*family, ensembles"]),
    ],
)
def test_every_fault_is_named(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_space(str(path))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(told)
    assert all(re.search(words, line) for words, line in zip(told, lines, strict=True)), lines


def test_spaces_that_name_themselves_or_one_another_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    others = {"own": "own", "one": "two", "two": "one"}
    for name, other in others.items():
        Path(f"{name}.toml").write_text(f'\nfamily = ["{other}.toml"]')
    for name, other in others.items():
        with pytest.raises(ConfigError, match=f"{name}.toml:2: family: .*got '{other}.toml'$"):
            load_space(f"{name}.toml")

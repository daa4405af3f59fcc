"""The space that is made of other spaces."""

import random
from collections import Counter
from pathlib import Path

import pytest
from shipped_models import FAMILIES, MODELS, REPORTS

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space, read_space

# Not every space is a family of it, but those with networks of the five reports are.
REPORTED = [model_id for model_id, report in MODELS.items() if report in REPORTS]


@pytest.fixture(scope="module")
def asc():
    return load_space("asc")


def test_it_holds_all_families(asc):
    assert tuple(asc.families) == FAMILIES
    assert set(FAMILIES) | {"asc"} <= set(shipped("search_spaces"))


def test_the_family_is_the_first_choice_and_in_front_of_the_others(asc):
    family, *rest = asc.parameters()
    assert (family.path, list(family.options)) == ("family", list(FAMILIES))
    assert [p.path for p in rest] == [
        f"{name}.{p.path}" for name in FAMILIES for p in load_space(name).parameters()
    ]


def test_its_size_is_the_sum_of_its_families(asc):
    assert asc.size() == sum(load_space(name).size() for name in FAMILIES)


def test_all_networks_of_the_reports_are_in_it(asc):
    assert set(asc.models) == set(REPORTED)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_large_and_has_networks_of_reports(name):
    family = load_space(name)
    assert family.size() > 1000
    assert family.models


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


def test_a_draw_is_the_one_that_its_choices_name(asc):
    rng = random.Random(1)
    for _ in range(100):
        drawn = asc.random(rng)
        assert asc.from_choices(drawn.choices) == drawn
        assert asc.architecture(lambda p, drawn=drawn: drawn.choices[p.path]) == drawn


def test_json_gives_the_same_architecture_back(asc):
    drawn = asc.random(random.Random(2))
    back = Architecture.from_dict(drawn.to_dict())
    assert back == drawn
    assert back.choices == drawn.choices
    assert back.family == drawn.family


def test_a_draw_counts_as_it_does_in_its_family(asc):
    drawn = asc.random(random.Random(3))
    prefix = f"{drawn.family}."
    choices = {k.removeprefix(prefix): v for k, v in drawn.choices.items() if k != "family"}
    alone = load_space(drawn.family).from_choices(choices)
    assert alone == drawn
    assert count(alone, 10, 1.0).size_bytes == count(drawn, 10, 1.0).size_bytes


def test_a_choice_of_another_family_is_refused(asc):
    choices = {**asc.models["imt-a"].architecture.choices, "mbconv.stem.width": 8}
    with pytest.raises(
        ConfigError, match=r"mbconv\.stem\.width: expected a choice of the family wave"
    ):
        asc.from_choices(choices)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('family = ["mbconv", "vggg"]', "did you mean 'vgg'?"),
        ("family = []", "family: expected a list of search spaces, got []"),
        ('family = "mbconv"', "family: expected a list of search spaces, got 'mbconv'"),
        ('family = ["mbconv", "mbconv"]', "got 'mbconv' twice"),
        ('family = ["asc"]', "expected a space of one family, got 'asc'"),
        ('family = ["vgg"]\nfamilly = 1', "familly: expected one of title, family, ensembles"),
    ],
)
def test_a_fault_is_named(tmp_path, text, fault):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_space(str(path))
    assert fault in str(caught.value)


def test_the_faults_of_all_families_are_reported(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('family = ["one", "two"]')
    with pytest.raises(ConfigError) as caught:
        load_space(str(path))
    assert "'one'" in str(caught.value)
    assert "'two'" in str(caught.value)


@pytest.mark.parametrize("read", [load_space, lambda path: read_space(Path(path))])
def test_spaces_that_name_themselves_or_one_another_are_refused(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    for name, other in (("own", "own"), ("one", "two"), ("two", "one")):
        Path(f"{name}.toml").write_text(f'\nfamily = ["{other}.toml"]')
    for name, other in (("own", "own"), ("one", "two"), ("two", "one")):
        with pytest.raises(ConfigError) as caught:
            read(f"{name}.toml")
        fault = f"family: expected a space of one family, got '{other}.toml'"
        assert str(caught.value) == f"{name}.toml:2: {fault}"

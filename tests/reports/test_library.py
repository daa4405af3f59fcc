import os

import pytest
from shipped_models import ENSEMBLES, MODEL_IDS, MODELS, NETWORKS

from nas_asc.complexity.rules import RULES
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import ensemble_with, find_model, report_model
from nas_asc.shipped import find, shipped
from nas_asc.spaces.space_file import load_space
from nas_asc.study.config import load_study


def test_the_shipped_spaces_are_found_by_name():
    assert "mbconv" in shipped("search_spaces")


def test_the_shipped_studies_are_found_by_name():
    assert {"quick", "esc10"} <= set(shipped("studies"))


@pytest.mark.parametrize("name", shipped("studies"))
def test_every_shipped_study_is_valid(name):
    study = load_study(name)
    assert study.title
    assert study.rule in RULES
    assert not study.space or load_space(study.space)


def test_a_space_is_found_by_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(find("search_spaces", "mbconv", "space").read_bytes())
    assert load_space(str(path)).name == "mine"


def test_a_space_that_is_edited_is_read_again(tmp_path):
    path = tmp_path / "mine.toml"
    text = find("search_spaces", "mbconv", "space").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(1, 1))
    load_space(str(path))
    path.write_text(text.replace('title = "inverted', 'title = "my inverted'), encoding="utf-8")
    assert load_space(str(path)).title.startswith("my inverted")


def test_an_unknown_space_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"space: expected one of .*, got 'mbcon', did you mean"):
        load_space("mbcon")


@pytest.mark.parametrize("name", ["missing.toml", "./missing", "/"])
def test_a_path_without_a_file_is_refused(name):
    with pytest.raises(ConfigError, match=f"space: expected a TOML file, {name} is none"):
        load_space(name)


def test_report_models_are_found_by_id():
    assert report_model("deepsound-160").report == "deepsound"
    assert find_model("srpol-1").report == "srpol"


def test_the_ensemble_of_a_member_is_found():
    assert [find_model(name).id for name in (*NETWORKS, *ENSEMBLES)] == [*NETWORKS, *ENSEMBLES]
    assert ensemble_with("srpol-c3multi").id == "srpol-1"
    assert ensemble_with("srpol-3") is None


@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_model_is_a_point_of_its_space(model_id):
    model = report_model(model_id)
    assert model.id == model_id
    space = load_space(model.architecture.space)
    assert space.from_choices(model.architecture.choices) == model.architecture


def test_no_two_spaces_have_a_model_of_one_name():
    assert [name for name in set(MODEL_IDS) if MODEL_IDS.count(name) > 1] == []


def test_an_unknown_model_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r"did you mean 'deepsound-160'\?"):
        report_model("deepsound160")

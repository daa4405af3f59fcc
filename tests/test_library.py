import os

import pytest
from shipped_models import ENSEMBLES, MODEL_IDS, MODELS, NETWORKS

from nas_asc import library
from nas_asc.errors import ConfigError
from nas_asc.library import (
    ensemble_with,
    find,
    find_model,
    load_space,
    report_ensembles,
    report_model,
    report_models,
    shipped,
)
from nas_asc.rules import RULES
from nas_asc.study_config import load_study


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


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Ship a space with a fault and a model."""
    path = tmp_path / "broken.toml"
    path.write_text('title = 3\n[models.mine]\nreport = "me"', encoding="utf-8")
    files = {**shipped("search_spaces"), "broken": path}
    monkeypatch.setattr(library, "shipped", lambda kind: files)


@pytest.mark.usefixtures("broken")
def test_models_of_other_spaces_are_found_beside_a_space_with_faults():
    assert [report_model(name).id for name in NETWORKS] == list(NETWORKS)
    assert [find_model(name).id for name in ENSEMBLES] == list(ENSEMBLES)
    assert ensemble_with("srpol-c3multi").id == "srpol-1"
    assert ensemble_with("srpol-3") is None


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    "look",
    [lambda: find_model("mine"), lambda: report_model("m"), report_models, report_ensembles],
)
def test_a_fault_is_told_where_what_is_looked_for_may_be_in_its_space(look):
    with pytest.raises(ConfigError, match=r"broken\.toml:1: title: expected a text, got 3"):
        look()


def test_a_fault_is_told_once_though_a_space_of_several_has_it_too(tmp_path, monkeypatch):
    good = find("search_spaces", "vgg", "space").read_text(encoding="utf-8")
    (tmp_path / "one.toml").write_text(good.replace("n_mels", "n_mel", 1), encoding="utf-8")
    (tmp_path / "all.toml").write_text('family = ["one.toml"]', encoding="utf-8")
    files = {name: tmp_path / f"{name}.toml" for name in ("all", "one")}
    monkeypatch.setattr(library, "shipped", lambda kind: files)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        report_models()
    unknown, missing = str(error.value).splitlines()
    assert all(line.startswith(f"{tmp_path / 'one.toml'}:") for line in (unknown, missing))


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

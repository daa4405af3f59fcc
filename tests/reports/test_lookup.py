"""Finding networks, ensembles, spaces and studies: by name, in a file, as a trial of a run."""

import json
import os
from pathlib import Path

import pytest
from shipped_models import ENSEMBLES, MODEL_IDS, MODELS, NETWORKS

from nas_asc.complexity.rules import RULES
from nas_asc.errors import ConfigError, NasAscError
from nas_asc.reports.lookup import ensemble_with, find_model, report_model, resolve
from nas_asc.shipped import find, shipped
from nas_asc.spaces.space_file import load_space
from nas_asc.study.config import load_study


@pytest.mark.parametrize("name", shipped("studies"))
def test_every_shipped_study_is_valid(name):
    study = load_study(name)
    assert study.title
    assert study.rule in RULES
    assert not study.space or load_space(study.space)


def test_a_space_is_found_by_path_and_read_again_when_it_is_edited(tmp_path):
    path = tmp_path / "mine.toml"
    text = find("search_spaces", "mbconv", "space").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert load_space(str(path)).name == "mine"
    path.write_text(text.replace('title = "inverted', 'title = "my inverted'), encoding="utf-8")
    assert load_space(str(path)).title.startswith("my inverted")


@pytest.mark.parametrize(
    ("look_up", "name", "told"),
    [
        (load_space, "mbcon", "space: expected one of .*, did you mean 'mbconv'"),
        (load_space, "missing.toml", "space: .* missing.toml is none"),
        (load_space, "./missing", "space: .* ./missing is none"),
        (load_space, "/", "space: .* / is none"),
        (report_model, "deepsound160", r"did you mean 'deepsound-160'\?"),
    ],
)
def test_an_unknown_name_or_path_is_refused(look_up, name, told):
    with pytest.raises(ConfigError, match=told):
        look_up(name)


def test_networks_and_ensembles_are_found_by_id():
    assert [find_model(name).id for name in (*NETWORKS, *ENSEMBLES)] == [*NETWORKS, *ENSEMBLES]
    assert ensemble_with("srpol-c3multi").id == "srpol-1"
    assert ensemble_with("srpol-3") is None
    members = ["srpol-c3multi", "srpol-c10separable"]
    assert [member.model.id for member in resolve("srpol-1").members] == members


@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_model_is_a_point_of_its_space(model_id):
    model = report_model(model_id)
    assert (model.id, MODEL_IDS.count(model_id)) == (model_id, 1)
    space = load_space(model.architecture.space)
    assert space.from_choices(model.architecture.choices) == model.architecture


@pytest.fixture
def write(tmp_path):
    """Write deepsound-64 with some values changed, as a run's architecture.json has it."""

    def with_changes(changes=None, **given):
        data = report_model("deepsound-64").architecture.to_dict()
        for path, value in (changes or {}).items():
            section, _, key = path.partition(".")
            data["sections"].setdefault(section, {})[key] = value
        path = tmp_path / "mine.json"
        path.write_text(json.dumps({**data, "classes": 10, "clip_s": 1.0, **given}))
        return str(path)

    return with_changes


def test_an_architecture_is_read_from_a_file(write):
    target = resolve(write(classes=["dog", "rain", "rooster"], clip_s=5))
    assert target.architecture == report_model("deepsound-64").architecture
    assert (target.classes, target.clip_s, target.rule) == (3, 5.0, "plain")


@pytest.fixture
def run(write, tmp_path):
    """Make a run with deepsound-64 as its trials 7, 10 and 9."""
    for trial in ("7", "10", "9"):
        folder = tmp_path / "run" / "models" / trial
        folder.mkdir(parents=True)
        (folder / "architecture.json").write_text((tmp_path / write()).read_text())
    return str(tmp_path / "run")


@pytest.mark.parametrize("place", [":7", "/models/7", "/models/7/", "/models/7/architecture.json"])
def test_a_trial_is_found_in_its_run(run, place):
    target = resolve(run + place)
    assert target.id == run + place
    assert target.architecture == report_model("deepsound-64").architecture


@pytest.fixture
def mine(tmp_path):
    """Copy a space with report models and one with ensembles, as a user's own."""
    for name, space in (("mine", "vgg"), ("both", "asc")):
        (tmp_path / f"{name}.toml").write_text(shipped("search_spaces")[space].read_text())
    return tmp_path


def test_a_model_and_an_ensemble_are_found_in_ones_own_space(mine):
    target, shipped_one = resolve(f"{mine}/mine.toml:srpol-3"), resolve("srpol-3")
    assert target.id == f"{mine}/mine.toml:srpol-3"
    assert target.architecture == shipped_one.architecture
    assert (target.rule, target.title) == ("srpol-3", shipped_one.title)
    assert (target.classes, target.clip_s) == (3, 10.0)
    assert resolve(f"{mine}/both.toml:srpol-1").members == resolve("srpol-1").members


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("run", "run:7"),
        ("run:", "7, 9, 10"),
        ("run:../7", "7, 9, 10"),
        ("run/models:7", "none"),
        ("runs:7", "runs:7"),
        (":3", "RUN:TRIAL"),
        ("mine.toml", "srpol-3, srpol-4, ntu-vggnet"),
        ("mine.toml:srpol-5", "did you mean 'srpol-"),
        ("empty.toml", "empty.toml: frontend"),
        ("x.png", "x.png: expected an architecture.json"),
        ("LICENSE", "'LICENSE'"),
        ("", "model: expected one of"),
        ("ntu-ensembel", "did you mean 'ntu-ensemble'"),
        ("none.toml", "none.toml"),
        (300 * "b", "File name too long"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(run, mine, monkeypatch, target, named):
    folder = Path(run).parent
    monkeypatch.chdir(folder)
    for name in ("empty.toml", "x.png", "LICENSE"):
        (folder / name).write_text("")
    with pytest.raises(NasAscError) as error:
        resolve(target)
    assert named in str(error.value)
    assert target == "empty.toml" or "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "given", "told"),
    [
        ({"compression.precision": "float8"}, {}, "compression.precision: .* int8, full_int8, got"),
        ({"stage1.width": "12"}, {}, "stage1.width: expected a whole number from 1 to 10,000"),
        ({"stage1.width": [12, 24]}, {}, r"stage1.width: expected one value, got \[12, 24\]"),
        ({"stage1.kernel": "3by3"}, {}, "stage1.kernel: expected a number or a pair"),
        ({"stage1.kernel": 4}, {}, "stage1.kernel: expected odd numbers"),
        ({"stage1.wdith": 12}, {}, "stage1.wdith: expected a known key, did you mean 'width'"),
        ({"frontend.f_min_hz": 16000}, {}, "expected less than f_max_hz, got 16000"),
        ({"stages.width": 12}, {}, "expected one of title, family, frontend"),
        ({}, {"classes": None}, "classes: expected a whole number from 2 to 10,000, got None"),
        ({}, {"clip_s": 0}, "clip_s: expected a number from 0.01 to 3,600, got 0"),
        ({}, {"sections": []}, "expected space, sections and choices"),
        ({}, {"rule": ["plain"]}, "rule: expected a counting rule"),
    ],
)
def test_a_value_that_no_space_could_have_is_refused(write, changes, given, told):
    where = r"mine\.json: " + ("architecture: " if changes else "")
    with pytest.raises(ConfigError, match=f"{where}.*{told}"):
        resolve(write(changes, **given))


@pytest.mark.parametrize("text", ["", "[]", '{"classes": 3}', "\x00", 9999 * "[", None])
def test_a_file_that_is_absent_or_no_architecture_is_refused(tmp_path, text):
    path = tmp_path / "mine.json"
    if text is not None:
        path.write_text(text)
    told = "expected an architecture, No such" if text is None else "expected JSON with an archit"
    with pytest.raises(ConfigError, match=rf"mine\.json: {told}"):
        resolve(str(path))

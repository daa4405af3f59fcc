"""The networks of the reports, trained as reported, end to end; and reported beside measured."""

import json
from dataclasses import replace
from math import isfinite

import pytest
from made_tau import write_tau
from study_cases import DATASET, write_tones

from nas_asc.commands.reproduce import _is_of, _remark_on_part, _reported, study_of
from nas_asc.datasets import official_test_clips
from nas_asc.reports import find_model, load_report, report_ensembles, report_models
from nas_asc.results import Evaluation, Part
from nas_asc.search.runners import RUNNERS
from nas_asc.study import load_study

MODELS = report_models() | report_ensembles()
# Of each edition as few scenes as tell its classes apart.
SCENES = {
    "3class": ("airport", "bus", "metro_station", "park"),
    "mobile_v2": ("airport", "bus"),
    "2022": ("airport", "bus"),
}
KIND_OF_DATA = {
    "TAU Urban Acoustic Scenes 2020 3Class": "3class",
    "TAU Urban Acoustic Scenes 2020 Mobile": "mobile_v2",
    "TAU Urban Acoustic Scenes 2022 Mobile": "2022",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give the folder of a data set of an edition; it is written once."""
    folders = {}

    def folder(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            write_tau(folders[kind], kind, seconds=0.3, scenes=SCENES[kind])
        return folders[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(RUNNERS, "local", RUNNERS["inline"])  # no time for 18 workers to start
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_is_reproduced_in_two_epochs(model_id, made, run_command, tmp_path):
    said = load_report(MODELS[model_id].report).data.partition(",")[0]
    command = ("reproduce", model_id, "--data", made(KIND_OF_DATA[said]), "--epochs", 2, "--json")
    code, out, err = run_command(*command, "--out", tmp_path / "run")
    assert code == 0, err
    found = json.loads(out)
    assert (found["model"], found["epochs"]) == (model_id, 2)
    parts = found["measured"]["parts"]
    assert {part["part"] for part in parts} >= {"all", "class", "device"}
    for part in parts:
        assert 0 <= part["accuracy"] <= 1
        assert isfinite(part["log_loss"])
        assert part["log_loss"] > 0


@pytest.mark.slow
def test_a_reproduction_that_is_gone_on_with_ends_with_the_same(made, run_command, tmp_path):
    command = ("reproduce", "srpol-3", "--out", tmp_path / "run", "--json")
    _, first, _ = run_command(*command, "--data", made("3class"), "--epochs", 2)
    code, again, err = run_command(*command, "--resume")
    assert code == 0, err
    assert json.loads(again) == json.loads(first)
    code, _, err = run_command("reproduce", "imt-a", "--out", tmp_path / "run", "--resume")
    assert code == 2
    assert "expected a run that reproduces imt-a, got one of srpol-3" in err


@pytest.fixture
def long_clips(tmp_path, monkeypatch):
    """Give a folder of two classes, clips of 1.5 s."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(RUNNERS, "local", RUNNERS["inline"])
    (tmp_path / "tones").mkdir()
    return write_tones(tmp_path / "tones", 8000, 1.5)


def test_a_network_for_a_second_is_judged_by_windows_of_longer_clips(
    long_clips, run_command, tmp_path
):
    """Also when it is gone on with; two windows cover a clip of 1.5 s."""
    command = ("reproduce", "netease-student", "--out", tmp_path / "run", "--json")
    code, out, err = run_command(*command, "--data", long_clips, "--epochs", 1)
    assert code == 0, err
    assert err.count("windows: netease-student is trained on stretches of 1 s") == 1
    found = json.loads(out)
    assert found["measured"]["windows"] == 2 * found["measured"]["parts"][0]["clips"]
    study = load_study(str(tmp_path / "run" / "study.toml"))
    assert (study.data.window_s, study.recipe.join_clips) == (1.0, True)
    code, again, err = run_command(*command, "--resume")
    assert code == 0, err
    assert json.loads(again) == found


def test_another_length_than_its_own_is_refused(long_clips, run_command):
    command = ("reproduce", "netease-student", "--data", long_clips, "--clip", 1.5)
    code, _, err = run_command(*command)
    assert code == 2
    assert "--clip: expected at most 1 s for netease-student" in err


def part(kind, name, accuracy):
    return Part(kind, name, 10, 5, accuracy, 1.0 + accuracy, 2.0)


MEASURED = Evaluation(
    model="runs/a/models/0",
    data="TAU",
    split="test",
    classes=("airport", "indoor"),
    parts=(
        part("all", "all", 0.5),
        part("class", "airport", 0.25),
        part("class", "indoor", 0.75),
        part("device", "s4", 0.125),
    ),
    confusion=((1, 0), (0, 1)),
)


def rows(report, model):
    return {
        (row.get("system"), row["of"]): row
        for row in _reported(load_report(report), model, MEASURED)
    }


def test_rows_of_all_clips_classes_and_devices_are_measured():
    found = rows("deepsound", "deepsound-160")
    assert found[None, "overall"]["reported"] == {"accuracy": 0.705, "log_loss": 0.848}
    assert found[None, "overall"]["measured"] == {"accuracy": 0.5, "log_loss": 1.5}
    assert found[None, "airport"]["measured"] == {"accuracy": 0.25, "log_loss": 1.25}
    assert found[None, "device S4"]["measured"] == {"accuracy": 0.125, "log_loss": 1.125}
    assert found[None, "device A"]["measured"] == {}  # of which no clip was judged


def test_what_a_report_gives_otherwise_has_nothing_beside_it():
    """NTU gives the share of all clips that are right beside the mean over classes."""
    found = rows("ntu", "ntu-ensemble")
    assert found["model 3", "overall, mean of five runs"]["measured"]["accuracy"] == 0.5
    assert found["model 3", "overall, micro, mean of five runs"]["measured"] == {}
    assert found["model 4", "indoor, best run"]["measured"]["accuracy"] == 0.75


@pytest.mark.parametrize(
    ("report", "edition", "same"),
    [
        ("srpol", "TAU Urban Acoustic Scenes 2020 3Class, development", True),
        ("deepsound", "TAU Urban Acoustic Scenes 2020 Mobile, development, version 2", True),
        ("deepsound", "TAU Urban Acoustic Scenes 2020 3Class, development", False),
        ("netease", "TAU Urban Acoustic Scenes 2022 Mobile, development", True),
        ("imt", "ESC-10", False),
        ("imt", None, False),
    ],
)
def test_reported_results_are_shown_only_beside_the_data_they_belong_to(report, edition, same):
    assert _is_of(load_report(report), replace(DATASET, edition=edition)) is same


def test_a_shortened_training_says_so(capsys):
    config = study_of(find_model("ntu-ensemble"), {"epochs": 40})
    assert config.space == "asc"
    assert {*config.member_recipes} == {"ntu-vggnet", "ntu-inceptionnet"}
    assert "40 of 400" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("measured", "official", "told"),
    [(10, 4185, True), (4185, 4185, False), (10, None, False)],
)
def test_results_of_a_part_of_the_test_clips_are_marked(measured, official, told, capsys):
    _remark_on_part({"measured": measured, "official": official})
    out = " ".join(capsys.readouterr().out.split())
    assert ("measured on 10 of the 4,185 clips that the data set tests on" in out) == told
    assert ("do not compare" in out) == told


@pytest.mark.parametrize(
    ("edition", "clips"),
    [
        ("TAU Urban Acoustic Scenes 2020 3Class, development", 4185),
        ("TAU Urban Acoustic Scenes 2022 Mobile, development", 29680),
        ("ESC-50", None),  # tested on by folds
        (None, None),
    ],
)
def test_how_many_clips_an_edition_tests_on_is_known_of_those_with_a_list(edition, clips):
    assert official_test_clips(edition) == clips

"""The teachers of a search: found, checked against what judges, kept, and the same when resumed."""

import json
import re
import shutil
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch
from study_cases import study, task, write_tones

from nas_asc import build
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError, NasAscError, RunError
from nas_asc.networks import SavedModel, save_model, store
from nas_asc.reports.lookup import report_model, weights_digest
from nas_asc.search.storage.run_folder import (
    check_manifest,
    check_same,
    open_store,
    run_manifest,
    save_study,
)
from nas_asc.search.teachers import check_hearing, check_teachers, find_teachers, recipe_of_jobs
from nas_asc.spaces import load_space
from nas_asc.study import STUDY_FILE, TEACHER_FILE, DataSource, read_study, study_toml, with_options

LEARNS = {"temperature": 3.0, "weight": 0.25, "teachers": ["runs/a:1"]}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("tones"), 8000, 0.4)


@pytest.fixture
def write_run(tmp_path, tones):
    """Write a run with one model, as if a search with a seed had trained it; give its teacher."""

    def write(name="run", classes=("high", "low"), **options):
        run = tmp_path / name
        architecture = report_model("deepsound-32").adapted(2, 0.4).architecture
        torch.manual_seed(0)
        arrays = store(build(architecture, 2, 0.4), precision="float16")
        save_model(
            run / "models" / "0", SavedModel(architecture, classes, 0.4, "plain", arrays, {})
        )
        save_study(run, study(**{"data": {"paths": [str(tones)]}, "seed": 0, **options}))
        return f"{run}:0"

    return write


def learning(*teachers, **options):
    return study(teachers=list(teachers), **options)


def found(*teachers):
    return find_teachers(learning(*teachers).recipe)


def test_teachers_that_are_asked_for_are_in_the_study(tmp_path):
    """With the temperature and weight of NetEase's report, or those that the study has."""
    assert study().recipe.distillation is None
    config = learning("runs/a:1", "runs/b:2")
    learns = config.recipe.distillation
    assert (learns.temperature, learns.weight) == (2.0, 0.5)
    assert learns.teachers == ("runs/a:1", "runs/b:2")
    own = study(recipe={**study().recipe.to_dict(), "distillation": LEARNS})
    assert with_options(own, {"teachers": ["c:3"]}).recipe.distillation.model_dump() == {
        **LEARNS,
        "teachers": ("c:3",),
    }
    path = tmp_path / "study.toml"
    path.write_text(study_toml(own), encoding="utf-8")
    assert read_study(path, check_parts=True) == own
    assert own.recipe.absolute.distillation.teachers[0].endswith("/runs/a:1")
    assert own.recipe.absolute.distillation.teachers[0].startswith("/")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 0.0}, "recipe.distillation.temperature: expected a number greater than 0"),
        ({"weight": 1.5}, "recipe.distillation.weight: expected a number less than or equal to 1"),
        ({"teachers": []}, "recipe.distillation.teachers: expected"),
        ({"teacher": "a:1"}, "recipe.distillation.teacher"),
    ],
)
def test_what_a_table_may_not_hold_is_told(changed, message):
    recipe = {**study().recipe.to_dict(), "distillation": LEARNS | changed}
    with pytest.raises(ConfigError, match=message):
        study(recipe=recipe)


def test_folds_are_not_learnt_from_teachers_who_have_heard_their_test_clips():
    with pytest.raises(ConfigError, match=r"cv: expected no training for each fold .* got both"):
        learning("runs/a:1", cv=True)
    with pytest.raises(ConfigError, match="take --final-seeds"):
        with_options(learning("runs/a:1", final_seeds=2), {"cv": True})


def test_a_teacher_is_found_by_trial_or_folder(write_run, tmp_path):
    name = write_run()
    (by_trial,) = found(name)
    (by_folder,) = found(str(tmp_path / "run" / "models" / "0"))
    assert by_trial.folder == by_folder.folder == tmp_path / "run" / "models" / "0"
    assert by_trial.classes == ("high", "low")
    assert by_trial.digest == by_folder.digest == weights_digest(by_trial.folder)
    assert find_teachers(study().recipe) == ()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("deepsound-32", "deepsound-32: expected a trained model, RUN:TRIAL, got nothing there"),
        ("nowhere:3", "nowhere:3: expected a trained model, RUN:TRIAL, got nothing there"),
        ("RUN", "expected a trial of the run, RUN:TRIAL - give .*run:0"),
        ("RUN:7", r"expected a finished trial of a run, got '7' - give one that has: 0"),
        ("RUN:1", r"expected a finished trial of a run, got '1' - give one that has: 0"),
        ("x" * 300, "expected a trained model, RUN:TRIAL, File name too long"),
    ],
)
def test_what_is_no_trained_model_is_told_in_one_line(write_run, tmp_path, target, message):
    write_run()
    with pytest.raises(NasAscError, match=message) as told:
        found(target.replace("RUN", str(tmp_path / "run")))
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


def test_a_model_without_weights_or_without_its_run_is_told(write_run, tmp_path, tones):
    name, folder = write_run(), tmp_path / "run" / "models" / "0"
    by_itself = shutil.copytree(folder, tmp_path / "model")
    with pytest.raises(ConfigError, match="expected a teacher in the folder of its run"):
        check_teachers(found(str(by_itself)), load_dataset(tones))
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ConfigError, match="got one without weights"):
        found(name)


def test_a_teacher_of_other_classes_is_refused(write_run, tones):
    name = write_run(classes=("high", "lower"))
    expected = f"{re.escape(name)}: expected a teacher of the classes of the data, high, low, got one of high, lower"  # noqa: E501
    with pytest.raises(ConfigError, match=expected):
        check_teachers(found(name), load_dataset(tones))


def test_a_teacher_that_was_trained_on_what_judges_is_refused(write_run, tones, tmp_path):
    """The same recordings elsewhere, under names by which they are split otherwise."""
    name, dataset = write_run(), load_dataset(tones)
    check_teachers(found(name), dataset)
    for path in (copy := shutil.copytree(tones, tmp_path / "copy")).glob("*/*.wav"):
        path.rename(path.with_name(f"take-{path.name}"))
    other, order = load_dataset(copy), ("train", "validation", "test")
    before = {(c.label, f"take-{c.path.name}"): order.index(c.split) for c in dataset.clips}
    now = {(c.label, c.path.name): order.index(c.split) for c in other.clips}
    seen = sum(before[clip] < now[clip] for clip in now)
    assert seen > 0
    message = f"found {seen} clips? of .* - split the data as it did, by --seed 0 and the"
    with pytest.raises(ConfigError, match=message):
        check_teachers(found(name), other)


def test_a_teacher_of_the_same_split_in_other_clips_may_teach(write_run, tones):
    """And one of other recordings, or of the scenes."""
    shorter = load_dataset(DataSource.of(tones, clip_s=0.2))
    check_teachers(found(write_run()), shorter)
    check_teachers(found(write_run("scenes", data={"paths": []})), shorter)


def test_where_a_teachers_recordings_are_gone_it_is_told(write_run, tones, tmp_path, caplog):
    name = write_run(data={"paths": [str(tmp_path / "gone")]})
    check_teachers(found(name), load_dataset(tones))
    assert "the recordings that this teacher has seen are not there" in caplog.text


# resumed ---------------------------------------------------------------------------------------


def test_teachers_may_be_moved_and_not_changed(write_run, tones, tmp_path):
    name, dataset = write_run(), load_dataset(tones)
    folder, run = tmp_path / "run" / "models" / "0", tmp_path / "students"
    run.mkdir()

    def resume(*teachers):
        given = learning(*teachers)
        check_same(run, learning(name), given)
        about = replace(task(), config=given, teachers=found(*teachers), dataset=dataset)
        with closing(open_store(run, load_space("mbconv"))) as trials:
            check_manifest(run, trials, run_manifest(about, [], []), "log_loss")

    resume(name)
    moved = shutil.copytree(tmp_path / "run", tmp_path / "moved")
    resume(f"{moved}:0")
    (folder / "metrics.json").write_text("{}", encoding="utf-8")
    resume(name)
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(weights)
    refused = "expected the teachers that the run was started with, got others"
    with pytest.raises(RunError, match=refused):
        resume(name)
    with pytest.raises(RunError, match=refused):
        resume(f"{moved}:0", f"{moved}:0")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"teachers": ["a:1"]}),
        ({"teachers": ["a:1"]}, {}),
        (
            {"recipe": {**study().recipe.to_dict(), "distillation": LEARNS}},
            {"recipe": {**study().recipe.to_dict(), "distillation": LEARNS | {"weight": 0.5}}},
        ),
    ],
)
def test_a_run_that_learnt_otherwise_is_not_gone_on_with(tmp_path, before, now):
    with pytest.raises(RunError, match=r"was started with recipe\.distillation = "):
        check_same(tmp_path, study(**before), study(**now))


def test_trials_know_teachers_by_what_they_are(write_run):
    (teacher,) = found(name := write_run())
    table = recipe_of_jobs(learning(name).recipe, [teacher])
    assert table["distillation"] == {
        "temperature": 2.0,
        "weight": 0.5,
        "teachers": [teacher.digest],
    }
    assert recipe_of_jobs(study().recipe, []) == study().recipe.to_dict()


# by command ------------------------------------------------------------------------------------

SMALL = ("--budget", "24KB,4MMAC", "--space", "mbconv", "--epochs", 2, "--no-report-models")


def test_a_wrong_teacher_is_one_line_and_leaves_no_run(run_command, write_run, tones, tmp_path):
    name = write_run()
    for teacher, words in (
        ("deepsound-32", "expected a trained model"),
        (f"{name}1", "expected a finished trial"),
    ):
        out = tmp_path / "out"
        given = ("--data", tones, "--teacher", teacher, "--trials", 3, "--out", out)
        code, _, err = run_command("search", *SMALL, *given)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (code, len(lines)) == (2, 1)
        assert words in lines[0]
        assert not out.exists()


def write_study(path, **options):
    """Write a study of short trainings, whose networks learn from crops at three places."""
    crop = {"length_s": 0.2, "places": 3}
    config = study(**{"budget": "24KB,4MMAC", "epochs": 2, "warm_start": False, **options})
    recipe = {**config.recipe.to_dict(), "augmentations": {"time_crop": crop}}
    path.write_text(study_toml(with_options(config, {"recipe": recipe})), encoding="utf-8")
    return path


def test_a_teacher_that_hears_no_crops_is_one_line_and_leaves_no_run(
    run_command, write_run, tones, tmp_path
):
    """One whose head is for whole clips."""
    name, out = write_run(), tmp_path / "out"
    architecture = report_model("ntu-vggnet").adapted(2, 0.4).architecture
    arrays = store(build(architecture, 2, 0.4), precision="float16")
    flat = SavedModel(architecture, ("high", "low"), 0.4, "plain", arrays, {})
    save_model(tmp_path / "run" / "models" / "1", flat)
    path, other = write_study(tmp_path / "own.toml"), name.replace(":0", ":1")
    given = ("--data", tones, "--teacher", name, "--teacher", other, "--seed", 0, "--out", out)
    code, _, err = run_command("search", "--study", path, *given)
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, len(lines)) == (2, 1)
    assert f"{other}: expected a teacher that can hear crops of 0.2 s, got one for 0.4" in lines[0]
    assert not out.exists()


@pytest.mark.parametrize("length_s", [0.2, [0.2, 0.1]])
def test_teachers_hear_one_list_of_crops(write_run, tones, length_s):
    crop = {"time_crop": {"length_s": length_s, "places": 3}}
    recipe = {**study().recipe.to_dict(), "augmentations": crop}
    recipe = study(recipe=recipe, teachers=[write_run()]).recipe
    teachers, dataset = find_teachers(recipe), load_dataset(tones)
    if length_s == 0.2:
        check_hearing(teachers, recipe, dataset)
    else:
        with pytest.raises(ConfigError, match="time_crop: expected one crop for all candidates"):
            check_hearing(teachers, recipe, dataset)
    check_hearing((), recipe, dataset)


@pytest.mark.slow
def test_a_search_learns_what_a_teacher_says_of_crops(run_command, write_run, tones, tmp_path):
    """Networks come out otherwise than by whole clips, and the same when cut."""
    path = write_study(tmp_path / "own.toml")
    given = ("--study", path, "--data", tones, "--teacher", write_run(), "--seed", 0, "--json")

    def search(out, *more):
        code, printed, err = run_command("search", *given, "--workers", 1, "--out", out, *more)
        assert code == 0, err
        files = (out / "models").glob("*/weights.safetensors")
        return json.loads(printed), {path.parent.name: path.read_bytes() for path in files}

    value, weights = search(tmp_path / "whole", "--trials", 2, "--final-seeds", 1)
    assert value["trials"]["completed"] == len(weights) == 2
    said = np.load(tmp_path / "whole" / TEACHER_FILE)
    assert said.shape == (len(load_dataset(tones).indices("train")), 3, 2)
    np.testing.assert_allclose(said.sum(axis=2), 1, atol=1e-6)
    cut = tmp_path / "cut"
    search(cut, "--trials", 1)
    (cut / TEACHER_FILE).unlink()
    resume = ("search", "--resume", "--out", cut, "--trials", 2, "--workers", 1)
    code, _, err = run_command(*resume)
    assert code == 0, err
    files = (cut / "models").glob("*/weights.safetensors")
    assert {path.parent.name: path.read_bytes() for path in files} == weights
    path.write_text(path.read_text(encoding="utf-8").replace("places = 3\n", ""), encoding="utf-8")
    _, of_whole_clips = search(tmp_path / "other", "--trials", 2)
    assert of_whole_clips.keys() == weights.keys()
    assert all(of_whole_clips[n] != weights[n] for n in weights)


@pytest.mark.slow
def test_a_search_learns_from_a_teacher(run_command, tones, tmp_path, monkeypatch):
    """A first search has it; with it networks come out otherwise, and the same when cut."""
    monkeypatch.chdir(tmp_path)
    given = (*SMALL, "--data", tones, "--seed", 0, "--workers", 1)

    def search(out, *more):
        code, printed, err = run_command("search", *given, "--out", out, "--json", *more)
        assert code == 0, err
        return json.loads(printed), err

    search("first", "--trials", 3)
    teacher = f"first:{min(int(p.name) for p in (tmp_path / 'first/models').iterdir())}"
    value, err = search("run", "--teacher", teacher, "--trials", 3, "--final-seeds", 1)
    assert f"teachers: {tmp_path}/{teacher}: networks learn from their mean" in err
    assert value["trials"]["completed"] == 3
    config = read_study(tmp_path / "run" / STUDY_FILE)
    assert config.recipe.distillation.teachers == (f"{tmp_path}/{teacher}",)
    said = np.load(tmp_path / "run" / TEACHER_FILE)
    clips = len(load_dataset(tones).indices("train"))
    assert (said.dtype, said.shape) == (np.float32, (clips, 2))
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)

    def weights(run):
        files = (tmp_path / run / "models").glob("*/weights.safetensors")
        return {path.parent.name: path.read_bytes() for path in files}

    assert weights("run").keys() == weights("first").keys()
    assert all(weights("run")[n] != weights("first")[n] for n in weights("run"))

    search("cut", "--teacher", teacher, "--trials", 1)
    (tmp_path / "cut" / TEACHER_FILE).unlink()
    resume = ("search", "--resume", "--out", "cut", "--trials", 3, "--workers", 1)
    shutil.move("first", "moved")
    code, _, err = run_command(*resume)
    assert code == 2
    assert "got nothing there" in err
    code, _, err = run_command(*resume, "--teacher", teacher.replace("first", "moved"))
    assert code == 0, err
    assert weights("cut") == weights("run")
    changed = tmp_path / teacher.replace("first:", "moved/models/") / "standard.json"
    changed.write_text(changed.read_text().replace("mean", "mean ") if changed.exists() else "[]")
    code, _, err = run_command(*resume[:-4], "--trials", 4, "--workers", 1)
    assert code == 2
    assert "expected the teachers that the run was started with, got others" in err

"""`nas-asc evaluate` on models that were saved without a training, and recordings made here."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from stored_trials import RESULT, make_trial

from nas_asc import build, evaluate_in_full, evaluate_model, load_model, read_inputs
from nas_asc.datasets import load_dataset
from nas_asc.networks import SavedModel, save_ensemble, save_model, store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.search.storage.run_folder import content_of, save_study
from nas_asc.search.storage.sqlite_store import SqliteStore
from nas_asc.spaces import load_space
from nas_asc.study import DataSource, load_study, with_options
from nas_asc.training.metrics import predict_proba

CLASSES = ("bus", "park")
CLIP_S = 0.25


def write_scenes(root, seed=0, places=6, splits=("train", "validation", "test")):
    """Write clips of both classes, each place in one split and heard by one device."""
    rng = np.random.default_rng(seed)
    rows = []
    for split in splits:
        for place in range(places):
            for label in CLASSES:
                device = "s4" if split == "test" and place % 2 else "a"
                name = f"audio/{label}-{split}-{place}-{device}.wav"
                (root / "audio").mkdir(parents=True, exist_ok=True)
                soundfile.write(root / name, rng.uniform(-0.5, 0.5, 2000), 8000)
                rows.append((name, label, f"{split}-{place}", device, split))
    columns = ("filename", "scene_label", "identifier", "source_label", "split")
    text = "\n".join("\t".join(row) for row in (columns, *rows))
    (root / "meta.csv").write_text(f"{text}\n", encoding="utf-8")
    return root


def model(classes=CLASSES, seed=0, **reading):
    torch.manual_seed(seed)
    architecture = replace(report_model("deepsound-32"), clip_s=CLIP_S).architecture
    arrays = store(build(architecture, len(classes), CLIP_S), precision="float16")
    return SavedModel(architecture, classes, CLIP_S, "plain", arrays, {}, **reading)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def run(scenes, tmp_path_factory):
    """A run with models of trials 0 and 2, an ensemble as trial 3, and one trial at rest."""
    run = tmp_path_factory.mktemp("runs") / "run"
    run.mkdir()
    data = DataSource.of(scenes, clip_s=CLIP_S)
    settings = {"space": "mbconv", "budget": "1MB", "data": data.to_dict()}
    save_study(run, with_options(load_study("quick"), settings))
    db = SqliteStore(run / "study.db", load_space("mbconv"))
    db.add_facts(content_of(load_dataset(data)), ("log_loss", "size_bytes"))
    for number, state in enumerate(("completed", "stopped_early")):
        db.add(make_trial(number))
        db.finish(make_trial(number, state=state, result=RESULT), None if number else 0.5)
    db.close()
    save_model(run / "models" / "0", model())
    save_model(run / "models" / "2", model(("bus", "tram")))
    models = [model(seed=1), model(seed=2)]
    members = [
        Member(replace(report_model("deepsound-32"), id=f"m{n}", classes=2, clip_s=CLIP_S), 1, 1.0)
        for n in (1, 2)
    ]
    made = Ensemble("made", "", "", tuple(members), CLASSES, CLIP_S, "plain", {})
    save_ensemble(run / "models" / "3", made, models, {})
    return run


def evaluated(run_command, *argv):
    code, out, err = run_command("evaluate", *argv)
    assert code == 0, err
    return out


def test_the_test_split_is_judged_as_the_network_hears_its_files(run_command, run, scenes):
    found = json.loads(evaluated(run_command, run, "--trial", 0, "--json"))
    network = load_model(run / "models" / "0")
    files = sorted((scenes / "audio").glob("*-test-*.wav"))
    probabilities = predict_proba(network, read_inputs(network, *files))
    labels = [CLASSES.index(file.name.split("-")[0]) for file in files]
    expected = -np.log(probabilities[np.arange(12), labels]).mean()
    every = found["parts"][0]
    assert (found["split"], every["clips"], every["groups"]) == ("test", 12, 6)
    assert every["log_loss"] == pytest.approx(expected, rel=1e-5)
    assert every["accuracy_low"] <= every["accuracy"] <= every["accuracy_high"]
    groups = {part["name"]: part for part in found["parts"] if part["part"] == "devices"}
    assert {name: part["clips"] for name, part in groups.items()} == {"seen": 6, "unseen": 6}
    assert np.array(found["confusion"]).sum(axis=1).tolist() == [6, 6]
    assert found["notes"] == []


def test_the_library_gives_the_same(run_command, run, scenes):
    dataset = load_dataset(DataSource.of(scenes, clip_s=CLIP_S))
    found = evaluate_in_full(run / "models" / "3", dataset)
    assert found.overall.log_loss == evaluate_model(run / "models" / "3", dataset).log_loss
    shown = json.loads(evaluated(run_command, run, "--trial", 3, "--json"))
    assert shown["parts"][0]["log_loss"] == pytest.approx(found.overall.log_loss, rel=1e-9)


def test_table_csv_and_files_say_the_same(run_command, run, tmp_path):
    asked = (
        run,
        "--trial",
        0,
        "--split",
        "validation",
        "--device",
        "cpu",
        "--out",
        tmp_path / "out",
    )
    table = evaluated(run_command, *asked)
    assert "class bus" in table
    assert "the search chose by validation clips" in table
    rows = list(csv.DictReader(io.StringIO(evaluated(run_command, *asked, "--csv"))))
    assert [row["part"] for row in rows] == ["all", "class", "class", "device"]
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {
        *(".md", ".csv", ".json", ".png", ".svg")
    }
    stored = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert f"{stored['parts'][0]['log_loss']:.3f}" in table


def test_the_submission_names_files_from_the_folder_of_the_data(run_command, run, tmp_path):
    file = tmp_path / "new" / "task1.output.csv"
    evaluated(run_command, run, "--trial", 0, "--submission", file)
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    assert header == "filename\tscene_label\tbus\tpark"
    assert len(lines) == 12
    for line in lines:
        name, label, *probabilities = line.split("\t")
        assert name.startswith("audio/")
        assert name.endswith(".wav")
        assert sum(map(float, probabilities)) == pytest.approx(1)
        assert label == CLASSES[int(np.argmax(list(map(float, probabilities))))]


def test_the_runs_own_recordings_elsewhere_are_split_as_they_were(
    run_command, run, scenes, tmp_path
):
    shutil.copytree(scenes, tmp_path / "moved")
    here = json.loads(evaluated(run_command, run, "--trial", 0, "--json"))
    there = json.loads(
        evaluated(run_command, run, "--trial", 0, "--json", "--data", tmp_path / "moved")
    )
    assert there["parts"] == here["parts"]
    code, _, err = run_command(
        *("evaluate", run, "--trial", 0, "--split", "all", "--data", tmp_path / "moved")
    )
    assert code == 2
    assert "expected clips that the model has not seen, found 24" in err


def test_other_recordings_are_judged_as_a_whole(run_command, run, tmp_path):
    rng = np.random.default_rng(9)
    for label in CLASSES:
        (tmp_path / "new" / label).mkdir(parents=True)
        for n in range(3):
            soundfile.write(tmp_path / "new" / label / f"{n}.wav", rng.uniform(-1, 1, 3000), 8000)
    code, _, err = run_command("evaluate", run, "--trial", 0, "--data", tmp_path / "new")
    assert code == 2
    assert "judge every clip with --split all" in err
    found = json.loads(
        evaluated(
            *(run_command, run, "--trial", 0, "--json"),
            *("--data", tmp_path / "new", "--split", "all"),
        )
    )
    assert found["parts"][0]["clips"] == 6
    assert "devices" not in {part["part"] for part in found["parts"]}


def test_a_recording_that_trained_the_model_does_not_judge_it_by_another_name(
    run_command, run, scenes, tmp_path
):
    other = write_scenes(tmp_path / "other", seed=5, splits=("test",))
    asked = ("evaluate", run, "--trial", 0, "--data", other)
    assert run_command(*asked)[0] == 0
    shutil.copy(scenes / "audio/bus-train-0-a.wav", other / "audio/bus-test-0-a.wav")
    code, _, err = run_command(*asked)
    assert code == 2
    assert "not seen, found 1 in the test split" in err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("nowhere", "--trial", "0"), "expected the folder of a run"),
        (("RUN", "--trial", "1"), "which rests at a rung.* give one that has: 0"),
        (("RUN", "--trial", "9"), "got trial 9, which there is not - give one that has: 0"),
        (("RUN", "--trial", "2"), "expected a data set with the 2 classes.* no tram and also park"),
        (("RUN", "--trial", "0", "--split", "all"), "give other recordings with --data"),
        (("RUN", "--trial", "0", "--data", "nowhere"), "found nothing at nowhere"),
        (("RUN", "--trial", "0", "--csv", "--json"), "expected one of --csv and --json"),
        (("RUN",), "expected trial, got nothing"),
    ],
)
def test_what_cannot_be_judged_is_told_in_one_line(run_command, run, argv, told):
    code, out, err = run_command("evaluate", *(str(run) if a == "RUN" else a for a in argv))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(told, err), err


def test_recordings_that_are_gone_are_asked_for(run_command, run, scenes, tmp_path):
    lost = tmp_path / "lost"
    shutil.copytree(run, lost)
    study = load_study(str(lost / "study.toml"))
    save_study(lost, with_options(study, {"data": {"paths": [str(tmp_path / "gone")]}}))
    code, _, err = run_command("evaluate", lost, "--trial", 0)
    assert code == 2
    assert "say where they are now with --data NEW" in err

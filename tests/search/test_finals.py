"""The honest end of a search: its front is trained again, and judged on test clips once."""

import json
import shutil
import signal
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from study_cases import OFF, search, study, trials_of, write_tones

from nas_asc.datasets import cross_validation, load_dataset
from nas_asc.errors import RunError
from nas_asc.search.storage.finals import read_finals
from nas_asc.search.storage.run_folder import resumed_config
from nas_asc.search.storage.run_summary import load_front
from nas_asc.study.job import Job
from nas_asc.training.judging import evaluate_model
from nas_asc.training.run_job import run_job

OPTIONS = {"trials": 10, "sampler": "random", "early_stopping": OFF}


def final_search(run, *, job="noted_final", **options):
    """Search, and train the front again with a job that notes what it does."""
    return search(run, job=job, **{**OPTIONS, **options})


def noted(run):
    """What jobs after the search have done: fold and seed."""
    path = run / "noted"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [tuple(line.split()) for line in lines]


def untimed(finals):
    return [replace(each, seconds=0.0) for each in finals.retrainings]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that has ended."""
    run = tmp_path_factory.mktemp("searched") / "run"
    final_search(run)
    return run


@pytest.fixture(scope="module")
def whole(searched, tmp_path_factory):
    """The same with its front trained three times again, and its summary."""
    run = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(searched, run)
    return run, final_search(run, final_seeds=3, resume=True)


@pytest.fixture
def run(searched, tmp_path):
    """A copy of the search that has ended."""
    shutil.copytree(searched, tmp_path / "run")
    return tmp_path / "run"


def test_every_point_of_the_front_is_trained_with_seeds_of_its_own(whole):
    run, summary = whole
    finals = read_finals(run)
    front = [point.trial for point in summary.front]
    assert len(front) > 1
    found = Counter((each.trial, each.number) for each in finals.retrainings)
    assert found == {(trial, number): 1 for trial in front for number in range(3)}
    seeds = [each.seed for each in finals.retrainings]
    assert len({*seeds, *(trial.seed for trial in trials_of(run))}) == len(seeds) + 10
    assert sorted(noted(run)) == sorted(("None", str(seed)) for seed in seeds)


def test_the_figures_are_those_of_the_trainings_that_are_stored(whole):
    run, summary = whole
    losses = defaultdict(list)
    for path in (run / "finals").glob("seeds-*.json"):
        stored = json.loads(path.read_text(encoding="utf-8"))
        for split in ("validation", "test"):
            losses[stored["trial"], split].append(stored[split]["log_loss"])
    points = {point["trial"]: point for point in summary.to_dict()["front"]}
    for (trial, split), each in losses.items():
        figures = points[trial]["finals"]["seeds"][split]["log_loss"]
        assert figures["mean"] == pytest.approx(np.mean(each))
        assert figures["sd"] == pytest.approx(np.std(each, ddof=1))
    assert load_front(run).final_figures == summary.final_figures
    assert untimed(read_finals(run)) == untimed(summary.finals)


def test_test_clips_are_judged_when_the_front_is_stored_and_never_before(tmp_path):
    """A job that judges test clips fails where the front has not been written by then."""
    run = tmp_path / "run"
    summary = final_search(run, job="after_the_front", final_seeds=2)
    assert len(summary.finals.retrainings) == 2 * len(summary.front)
    assert all("test" not in trial.result.metrics for trial in trials_of(run))


@pytest.mark.slow
def test_no_sampler_learns_what_came_after_the_search(tmp_path):
    """More trials after the end are those that a search without it would have had."""
    options = {"sampler": "tpe", "startup_trials": 3, "lag": 1}
    final_search(tmp_path / "run", final_seeds=1, trials=6, **options)
    summary = final_search(tmp_path / "run", resume=True, final_seeds=2, **options)
    alone = final_search(tmp_path / "alone", **options)
    assert alone.finals is None
    assert summary.front == alone.front
    trials = [[t.architecture for t in trials_of(tmp_path / name)] for name in ("run", "alone")]
    assert trials[0] == trials[1]
    front = {point.trial for point in alone.front}
    found = Counter(each.trial for each in summary.finals.retrainings if each.trial in front)
    assert found == dict.fromkeys(front, 2)


def test_more_seeds_are_added_to_those_that_there_are(run, whole):
    assert noted(run) == []
    final_search(run, resume=True, final_seeds=1)
    before = noted(run)
    summary = final_search(run, resume=True, final_seeds=3)
    assert noted(run)[: len(before)] == before
    assert len(noted(run)) == len({*noted(run)}) == len(noted(whole[0]))
    assert untimed(summary.finals) == untimed(whole[1].finals)
    with pytest.raises(RunError, match=r"final_seeds of at least 3, .* got 2"):
        resumed_config(run, {"final_seeds": 2})
    assert resumed_config(run, {}).final_seeds == 3


def test_what_was_interrupted_goes_on_without_repeating(run, whole):
    """Every point is trained once before any is trained twice."""
    points = len(whole[1].front)

    def interrupt(progress):
        if progress.stage and progress.completed == points:
            signal.raise_signal(signal.SIGINT)  # what is in training then is stored

    with pytest.raises(KeyboardInterrupt):
        final_search(run, resume=True, final_seeds=3, progress=interrupt)
    figures = load_front(run).final_figures["seeds"]
    assert Counter(each.trainings for each in figures.values()) == {1: points - 1, 2: 1}
    (run / "finals" / "asked.json.part1").write_text("{", encoding="utf-8")  # of a kill
    summary = final_search(run, resume=True, final_seeds=3)
    assert untimed(summary.finals) == untimed(whole[1].finals)
    assert len(noted(run)) == len({*noted(run)}) == len(noted(whole[0]))
    assert not list((run / "finals").glob("*.part*"))


def test_a_front_that_was_final_stays_so_until_more_is_asked_for(tmp_path):
    """Of the time, some is left when the run is resumed; it does not go into more trials."""
    run, told = tmp_path / "run", []
    options = {"job": "slow", "trials": None}
    final_search(run, time_s=0.7, final_seeds=1, **options)
    trials = len(trials_of(run))
    final_search(run, time_s=0.7, final_seeds=2, resume=True, progress=told.append, **options)
    assert {each.stage for each in told} == {"trained again"}
    assert len(trials_of(run)) == trials
    final_search(run, time_s=2.0, final_seeds=2, resume=True, **options)
    assert len(trials_of(run)) > trials


def test_a_damaged_file_is_trained_again(tmp_path, whole, caplog):
    run = tmp_path / "run"
    shutil.copytree(whole[0], run)
    first = min((run / "finals").glob("seeds-*.json"))
    first.write_text(first.read_text(encoding="utf-8")[:40], encoding="utf-8")
    assert len(load_front(run).finals.retrainings) == len(whole[1].finals.retrainings) - 1
    assert f"{first.name} cannot be read" in caplog.text
    summary = final_search(run, resume=True, final_seeds=3)
    assert untimed(summary.finals) == untimed(whole[1].finals)


def test_trainings_that_fail_are_told_and_tried_again(run, whole, caplog):
    summary = final_search(run, job="odd_finals_fail", final_seeds=3, resume=True)
    done = len(summary.finals.retrainings)
    assert 0 < done < len(whole[1].finals.retrainings)
    assert "trainings failed, --resume tries again" in caplog.text
    assert "ValueError: an odd seed" in caplog.text
    assert "expected finite figures" in caplog.text
    again = final_search(run, resume=True, final_seeds=3)
    assert untimed(again.finals) == untimed(whole[1].finals)


def test_what_no_training_is_to_blame_for_ends_them_until_it_is_put_right(run, whole):
    with pytest.raises(RunError, match="no space left on the disk - make room, and go on with"):
        final_search(run, job="finals_without_disk", final_seeds=3, resume=True)
    assert len(read_finals(run).retrainings) == 2
    again = final_search(run, resume=True, final_seeds=3)
    assert untimed(again.finals) == untimed(whole[1].finals)


def test_what_diverged_in_the_search_is_trained_again_with_the_rate_that_went_well(tmp_path):
    summary = final_search(tmp_path / "run", job="retried", trials=4, final_seeds=1)
    kept = [(each.retries, each.learning_rate) for each in summary.finals.retrainings]
    assert kept == [(1, 0.0025)] * len(summary.front)


def test_workers_give_up_what_the_end_of_the_time_cut_and_train_the_front(run, whole, caplog):
    """Their trials of the search would never end; then one of them is killed."""
    options = {"job": "searching_never_ends", "kind": "local", "workers": 2}
    time_s = load_front(run).seconds + 1
    summary = final_search(run, resume=True, trials=None, time_s=time_s, final_seeds=3, **options)
    assert [trial.state for trial in trials_of(run)[10:]] == ["running", "running"]
    assert "signal 9" in caplog.text
    assert untimed(summary.finals) == untimed(whole[1].finals)


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes, low tones and high tones, twelve recordings each, which have no folds."""
    return load_dataset(write_tones(tmp_path_factory.mktemp("tones"), 16000, 0.5))


def test_cross_validation_trains_each_point_once_a_fold(tmp_path, tones, caplog):
    run = tmp_path / "run"
    summary = final_search(run, dataset=tones, cv=True, final_seeds=1)
    front = [point.trial for point in summary.front]
    finals = read_finals(run)
    assert finals.asked == {"seeds": 1, "folds": 5}
    folds = Counter((e.trial, e.number) for e in finals.retrainings if e.kind == "folds")
    assert folds == {(trial, fold): 1 for trial in front for fold in range(5)}
    assert Counter(fold for fold, _ in noted(run)) == {
        fold: len(front) for fold in ("None", "0", "1", "2", "3", "4")
    }
    assert "1 seed and 5 folds each" in caplog.text
    assert "5 folds drawn by recording group" in caplog.text
    assert resumed_config(run, {}).cv


SMALL = ("--budget", "24KB,4MMAC", "--space", "mbconv", "--epochs", 1, "--seed", 3)


@pytest.mark.usefixtures("in_this_process")
def test_a_finished_run_is_given_final_seeds(run_command, tmp_path, tones):
    run = tmp_path / "run"
    argv = ("search", *SMALL, "--data", tones.root, "--trials", 2, "--out", run)
    assert run_command(*argv)[0] == 0
    before = json.loads((run / "front.json").read_text(encoding="utf-8"))
    code, out, err = run_command("search", "--out", run, "--resume", "--final-seeds", 2)
    assert code == 0, err
    front = json.loads((run / "front.json").read_text(encoding="utf-8"))
    assert "are trained again for 2 seeds each and judged on test clips too: " in err
    assert "val. loss, seeds" in out
    assert "seeds_test_accuracy_mean" in (run / "front.csv").read_text(encoding="utf-8")
    for point in front["front"]:
        assert point.pop("finals")["seeds"]["trainings"] == 2
    assert front["front"] == before["front"]
    assert sorted(path.name for path in (run / "models").iterdir()) == ["0", "1"]
    code, out, _ = run_command("front", run, "--json")
    assert json.loads(out)["finals"]["asked"] == {"seeds": 2}


@pytest.fixture(scope="module")
def context(tones, tmp_path_factory):
    """What jobs of a search on the tones share."""
    recipe = study().recipe.model_copy(update={"batch_size": 8})
    return {
        "data": tones.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe.to_dict(),
        "rule": "plain",
        "space": "mbconv",
        "run": str(tmp_path_factory.mktemp("run")),
    }


def test_a_final_training_is_judged_as_its_saved_twin_is(tmp_path, tones, context):
    """A search's training of the same seed is saved, and judged on test clips by another way."""
    summary = search(tmp_path / "run", tones, trials=1, budget="24KB", early_stopping=OFF)
    architecture = trials_of(tmp_path / "run")[0].architecture.to_dict()
    assert summary.points
    job = Job(7, architecture, 5, 2, 2, context=context)
    saved = run_job(job, lambda _: None)
    final = run_job(replace(job, context={**context, "final": {"fold": None}}), lambda _: None)
    test = evaluate_model(f"{context['run']}/models/7", tones, "test")
    assert final.metrics["test"]["accuracy"] == test.accuracy
    assert final.metrics["test"]["log_loss"] == pytest.approx(test.log_loss)
    assert {name: each for name, each in final.metrics.items() if name != "test"} == saved.metrics

    datasets, _ = cross_validation(tones)
    folded = replace(job, number=8, context={**context, "final": {"fold": 3}})
    metrics = run_job(folded, lambda _: None).metrics
    assert metrics["test"]["clips"] == len(datasets[3].indices("test"))
    assert metrics["clips"] == len(datasets[3].indices("validation"))
    assert not (tmp_path / "run" / "models" / "8").exists()
    assert metrics["log_loss"] != saved.metrics["log_loss"]

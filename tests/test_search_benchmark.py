"""The comparison of searches: its curves, its page, and what the other methods are given."""

import json
import math
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from nas_asc.datasets import Dataset
from nas_asc.search import read_task
from nas_asc.study import JobResult, load_study, with_options
from nas_asc.training import run_job

HALF = math.log(2) / 2


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


def event(trial, size_bytes, loss, test_loss=None):
    """Make a completed training, 10 s and 5 epochs after the one before it."""
    made = {"trial": trial, "seconds": 10.0 * trial, "epochs": 5 * trial, "size_bytes": size_bytes}
    made |= {"log_loss": loss, "accuracy": 0.5}
    return made | ({} if test_loss is None else {"test_log_loss": test_loss, "test_accuracy": 0.5})


def cell(**values):
    """Make a cell of two classes and a budget of 4 KiB: the rectangle is two octaves wide."""
    events = [
        event(1, 2048, HALF, test_loss=2 * HALF),
        event(2, 1024, 1.5 * HALF, test_loss=HALF),
        event(3, 4096, 1.9 * HALF),
    ]
    return {
        **{"data": "scenes", "variant": "ours", "seed": 0, "minutes": 1.0, "machine": "M"},
        **{"version": "abc", "classes": 2, "limit_bytes": 4096, "events": events},
        **{"completed": 3, "stopped": 1, "failed": 0, "epochs": 17},
        **{"epochs_of_a_training": 9, "utilisation": 0.96},
        **values,
    }


@pytest.mark.parametrize(
    ("split", "expected"), [("validation", (1 / 4, 3 / 8, 3 / 8)), ("test", (0, 1 / 2, 1 / 2))]
)
def test_a_curve_is_the_hypervolume_of_the_front_of_validation_clips(split, expected):
    from search_report import curve

    found = curve(cell(), "seconds", split)

    assert found.xs == (10, 20, 30)
    assert found.values == pytest.approx(expected)
    assert [found.at(x) for x in (9.9, 10, 100)] == pytest.approx([0, expected[0], expected[2]])


def test_curves_of_seeds_are_averaged_as_steps():
    from search_report import Curve, mean_curve

    mean = mean_curve([Curve((1, 3), (0.2, 0.4)), Curve((2,), (0.6,))])

    assert mean.xs == (1, 2, 3)
    assert mean.values == pytest.approx((0.1, 0.4, 0.5))


def test_the_report_replaces_what_is_between_its_marks(tmp_path):
    from search_report import BEGIN, END, write_report

    results, page = tmp_path / "results", tmp_path / "search.md"
    results.mkdir()
    for variant in ("ours", "random"):
        made = cell(variant=variant)
        (results / f"{variant}.json").write_text(json.dumps(made), encoding="utf-8")
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n", encoding="utf-8")

    write_report(results, page)

    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    assert "| this search | 0.375 | 0.500 | 3 | 1 | 17 | 1 | abc |" in text
    assert "- Its workers were busy for 96% to 96% of their time." in text
    assert "- Not measured here: the release before, optuna, NSGA-II, " in text
    assert "are compared here" not in text
    assert (tmp_path / "search-scenes-1min-others.png").is_file()


@pytest.fixture
def task(tmp_path):
    """Make a task without clips, of trainings of nine epochs."""
    options = {"space": "mbconv", "budget": "64KB,20MMAC", "epochs": 9}
    dataset = Dataset("none", tmp_path, ("a", "b"), (), 1.0, True, 44100, 1, (), ())
    return read_task(with_options(load_study("planned"), options), lambda: dataset)


@pytest.mark.parametrize("name", ["random", "nsga2", "tpe", "pruner"])
def test_other_methods_ask_for_nothing_over_the_budget(name, task):
    from search_peers import PEERS

    peer = PEERS[name](task)

    for trial in range(5):
        cost = task.measure(peer.ask())
        assert cost.size_bytes <= 64 * 1024
        assert cost.macs <= 20_000_000
        assert all(peer.goes_on(trial, epoch, 0.5) for epoch in peer.judged[:2])
        peer.tell(trial, 0.5, "completed")


def test_pareto_ranks_peel_one_front_after_the_other():
    from search_peers import pareto_ranks

    points = {7: (1.0, 3.0), 5: (2.0, 2.0), 3: (2.0, 3.0), 1: (3.0, 3.0)}

    assert pareto_ranks(points) == {7: 0, 5: 0, 3: 1, 1: 2}


def test_what_is_worse_than_the_median_rank_is_stopped_and_the_front_never():
    from search_peers import ParetoPruner

    pruner = ParetoPruner()
    for trial in range(6):  # each beaten by all before it, but nothing is stopped before the sixth
        assert pruner.goes_on(trial, 1, (float(trial), float(trial))) == (trial < 5)
        pruner.finished.add(trial)

    assert pruner.goes_on(6, 1, (0.0, 0.0))
    assert not pruner.goes_on(7, 1, (9.0, 9.0))


def test_moasha_is_given_the_place_of_each_training():
    pytest.importorskip("syne_tune")
    from search_peers import _front_ranks

    objectives = np.array([[0.2, 0.2], [0.5, 0.5], [0.4, 0.1], [0.1, 0.1]])

    assert list(_front_ranks(objectives)) == [1, 3, 2, 0]


def test_trainings_end_where_a_method_stops_them(task, tmp_path, monkeypatch):
    from search_peers import RandomPeer
    from search_workers import _Desk, _work

    def fake_job(job, report):
        if job.number == 2:
            raise ValueError("none")
        if job.number == 3:
            raise SystemExit
        curve = [{"epoch": e, "log_loss": e if e in job.rungs else None} for e in range(1, 10)]
        for entry in curve:
            report(entry)
        return JobResult({"log_loss": 0.5, "accuracy": 0.8}, {}, curve, 0.0)

    peer = RandomPeer(task)
    told = []
    monkeypatch.setattr(run_job, "run_job", fake_job)
    monkeypatch.setattr(peer, "judged", (1, 3))
    monkeypatch.setattr(peer, "goes_on", lambda trial, epoch, _: (trial, epoch) != (1, 3))
    monkeypatch.setattr(peer, "tell", lambda *words: told.append(words))
    desk = _Desk(peer, task, tmp_path, 0.0)
    ours, theirs = Pipe()

    def answer():
        with suppress(EOFError):
            while True:
                question, *arguments = ours.recv()
                ours.send(getattr(desk, question)(*arguments))

    answering = Thread(target=answer)
    answering.start()
    with pytest.raises(SystemExit):
        _work(theirs)
    theirs.close()
    answering.join()

    ended = [(each.trial, each.epochs, each.state, each.log_loss) for each in desk.trainings]
    expected = [(0, 9, "completed", 0.5), (1, 3, "stopped_early", None), (2, 0, "failed", None)]
    assert ended == expected
    assert told == [(trial, loss, state) for trial, _, state, loss in expected]

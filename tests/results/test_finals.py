"""Points of a front that were trained again: their figures, ties, and where both are shown."""

import io
import json
import statistics

import numpy as np
import pandas as pd
import pytest

from nas_asc.commands.front import print_front
from nas_asc.results.figures.front import front_figure, front_pictures
from nas_asc.results.figures.front_chart import chart
from nas_asc.results.finals import Finals, Retraining
from nas_asc.results.formatting import notes
from nas_asc.results.front_files import front_csv, front_json
from nas_asc.results.page import front_html

# Log losses on validation clips, of which accuracies and figures of test clips are made here; the
# front of the made summary is trials 2, 4 and 1.
LOSSES = {2: (1.2, 1.3, 1.4), 4: (0.6, 0.7, 0.95), 1: (0.55, 0.6, 0.65)}


def metrics(loss, accuracy):
    return {"log_loss": loss, "accuracy": accuracy, "per_class": {}}


def retraining(trial, number, loss, kind="seeds"):
    held = metrics(loss, 1 - loss / 4), metrics(loss + 0.1, 0.9 - loss / 4)
    return Retraining(trial, kind, number, 100 + number, *held, 12.5)


def finals(losses=LOSSES, kind="seeds", asked=3, folds=""):
    found = [
        retraining(trial, number, loss, kind)
        for trial, each in losses.items()
        for number, loss in enumerate(each)
    ]
    return Finals({kind: asked}, tuple(found), folds)


@pytest.fixture
def again(make_summary):
    return make_summary(finals=finals())


def test_figures_are_means_and_deviations_of_the_trainings(again):
    figures = again.final_figures["seeds"]
    assert list(again.final_figures) == ["seeds"]
    assert sorted(figures) == [1, 2, 4]
    for trial, losses in LOSSES.items():
        spreads = figures[trial].spreads
        assert spreads["validation", "log_loss"].mean == pytest.approx(np.mean(losses))
        assert spreads["validation", "log_loss"].sd == pytest.approx(np.std(losses, ddof=1))
        assert spreads["test", "accuracy"].mean == pytest.approx(0.9 - np.mean(losses) / 4)
        deviation = statistics.stdev(losses) / 4
        assert spreads["test", "accuracy"].sd == pytest.approx(deviation)


def test_points_closer_than_the_larger_deviation_are_ties(make_summary):
    """Means 0.75 and 0.6, deviations 0.18 and 0.05: a tie; 1.3 is far from both."""

    def ties(**given):
        found = make_summary(finals=finals(**given)).final_figures["seeds"]
        return {trial: each.ties for trial, each in found.items()}

    assert ties() == {1: (4,), 2: (), 4: (1,)}
    closer = {**LOSSES, 4: (0.74, 0.75, 0.76)}  # as far apart, deviations 0.01 and 0.05
    assert ties(losses=closer) == {1: (), 2: (), 4: ()}
    once = {trial: losses[:1] for trial, losses in LOSSES.items()}  # there is no deviation
    assert ties(losses=once) == {1: (), 2: (), 4: ()}
    dominated = {**LOSSES, 3: (0.6, 0.7, 0.8)}  # trial 3 was on the front at an earlier time
    assert ties(losses=dominated) == {1: (4,), 2: (), 3: (), 4: (1,)}


def test_json_has_what_came_of_it_and_nothing_where_nothing_was_asked(make_summary, again):
    found = json.loads(front_json(again))
    assert found["finals"] == {"asked": {"seeds": 3}, "folds": ""}
    (point,) = [point for point in found["front"] if point["trial"] == 4]
    seeds = point["finals"]["seeds"]
    assert (seeds["trainings"], seeds["ties"]) == (3, [1])
    assert seeds["validation"]["log_loss"]["mean"] == pytest.approx(0.75)
    assert seeds["test"]["log_loss"] == pytest.approx(
        {"mean": 0.85, "sd": np.std(LOSSES[4], ddof=1)}
    )
    others = [point["finals"] for point in found["points"] if point["trial"] in (0, 3)]
    assert others == [{}, {}]
    assert "finals" not in front_json(make_summary())


def test_csv_and_frame_have_columns_of_it(make_summary, again):
    table = pd.read_csv(io.StringIO(front_csv(again)))
    names = [name for name in table.columns if name.startswith("seeds_")]
    assert len(names) == 10
    assert list(table["seeds_trainings"]) == [3, 3, 3]
    assert list(table["seeds_test_log_loss_mean"]) == pytest.approx([1.4, 0.85, 0.7])
    assert list(table["seeds_ties"].fillna(0)) == [0, 1, 4]
    frame = again.to_frame()
    assert list(frame.columns) == list(table.columns)
    assert list(frame["seeds_validation_log_loss_sd"]) == pytest.approx(
        [np.std(LOSSES[trial], ddof=1) for trial in frame["trial"]]
    )
    some = make_summary(finals=finals({1: LOSSES[1]}))
    assert front_csv(some).splitlines()[1].startswith("2,")
    assert some.to_frame()["seeds_trainings"].isna().tolist() == [True, True, False]


def test_the_table_shows_means_deviations_and_ties(again, capsys):
    print_front(again)
    text = capsys.readouterr().out
    (row,) = [line for line in text.splitlines() if line.split()[:1] == ["4"] and "+-" in line]
    deviation = np.std(LOSSES[4], ddof=1)
    assert f"0.750 +- {deviation:.3f}" in row
    assert f"{100 * (1 - 0.75 / 4):.1f} +- {25 * deviation:.1f}" in row
    assert "tie, seeds" in text


def test_notes_say_what_was_trained_and_what_is_missing(make_summary, again):
    text = "\n".join(notes(again))
    assert "seeds: each point of the front trained again, 3 times, mean" in text
    assert "nothing is chosen by figures of test clips" in text
    losses = {1: LOSSES[1], 4: LOSSES[4][:2]}
    part = finals(losses, "folds", asked=3, folds="the 3 folds of the data")
    text = "\n".join(notes(make_summary(finals=part)))
    assert "(so far trial 2 0, trial 4 2)" in text
    assert "the 3 folds of the data, of which each tests once" in text
    assert "(there is none)" not in "\n".join(notes(again))
    assert "trained again" not in "\n".join(notes(make_summary()))


def test_the_picture_has_bars_and_tells_ties_apart(make_summary, again):
    figure = front_figure(chart(again))
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    label = "mean and deviation of seeds"
    assert {label, f"{label}, a tie"} <= set(named)
    for axis, factor in zip(figure.axes, (1, 100), strict=True):
        free, tied = axis.containers
        assert [len(each.lines[0].get_xdata()) for each in (free, tied)] == [1, 2]
        (ends,) = free.lines[2][0].get_segments()
        deviation = np.std(LOSSES[2], ddof=1) * (1 if factor == 1 else 25)
        mean = 1.3 if factor == 1 else 100 * (1 - 1.3 / 4)
        assert ends[:, 1] == pytest.approx([mean - deviation, mean + deviation])
    assert front_pictures(again) == front_pictures(again)
    panels = chart(make_summary()).panels
    assert [panel.bars for panel in panels] == [(), ()]


def test_the_page_has_bars_and_columns_of_it(make_summary, again):
    page = front_html(again)
    assert page.count("mean and deviation of seeds, a tie") == 2
    assert "val. loss, seeds" in page
    assert "3 seeds, test: accuracy" in page
    assert "val. loss" not in front_html(make_summary())


def test_seeds_and_folds_stand_side_by_side(make_summary):
    seeds, folds = finals(), finals({1: (0.5, 0.6), 4: (0.7, 0.8)}, "folds", 5, "five")
    both = Finals({**seeds.asked, **folds.asked}, seeds.retrainings + folds.retrainings, "five")
    summary = make_summary(finals=both)
    assert list(summary.final_figures) == ["seeds", "folds"]
    (point,) = [p for p in summary.to_dict()["front"] if p["trial"] == 1]
    assert point["finals"]["folds"]["validation"]["log_loss"]["mean"] == pytest.approx(0.55)
    assert len(summary.final_columns) == 20

"""An evaluation as table, CSV, JSON, picture and files; the submission of the challenge."""

import csv
import io
import json

import numpy as np
import pytest

from nas_asc.errors import StorageError
from nas_asc.results.evaluation import Evaluation, Interval, Part
from nas_asc.results.evaluation_files import (
    evaluation_csv,
    evaluation_header,
    evaluation_markdown,
    evaluation_notes,
    evaluation_table,
    submission,
    write_evaluation,
    write_file,
)
from nas_asc.results.figures.evaluation import evaluation_figure

CLASSES = ("bus", "park")
ALL = Part(
    "all", "", 100, 12, 0.875, 0.5, 0.625, 0.0625, Interval(0.8, 0.95), Interval(0.375, 0.75)
)
PARTS = (
    ALL,
    Part("class", "bus", 40, 6, 0.9, 0.25, 0.25),
    Part("class", "park", 60, 6, 0.85, 0.75, 0.75),
    Part("device", "a", 70, 12, 0.95, 0.25, 0.25, 0.125, seen=True),
    Part("device", "s4", 30, 4, 0.5, 1.5, 1.5, 0.25, seen=False),
    Part("devices", "seen", 70, 12, 0.95, 0.25, 0.25, 0.125, seen=True),
    Part("devices", "unseen", 30, 4, 0.5, 1.5, 1.5, 0.25, seen=False),
)
FOUND = Evaluation(
    "runs/x/models/3", "scenes", "test", CLASSES, PARTS, ((36, 4), (9, 51)), ("a remark",)
)


def test_the_csv_has_a_row_for_each_part_and_nothing_where_nothing_is_known():
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(FOUND))))
    assert [(row["part"], row["name"]) for row in rows] == [(p.kind, p.name) for p in PARTS]
    assert list(rows[0]) == [
        *("part", "name", "clips", "groups", "accuracy", "log_loss", "log_loss_macro"),
        *("calibration_error", "accuracy_low", "accuracy_high", "log_loss_low", "log_loss_high"),
        "seen",
    ]
    assert (rows[0]["accuracy"], rows[0]["accuracy_low"], rows[0]["seen"]) == ("0.875", "0.8", "")
    assert (rows[1]["accuracy_low"], rows[1]["calibration_error"]) == ("", "")
    assert rows[4]["seen"] == "False"


def test_the_json_has_the_parts_and_the_confusion_matrix():
    found = json.loads(json.dumps(FOUND.to_dict(), allow_nan=False))
    assert found["confusion"] == [[36, 4], [9, 51]]
    assert found["parts"][0]["log_loss_macro"] == 0.625
    assert found["intervals"]["resamples"] == 1000
    assert found["calibration_bins"] == 15
    assert not [name for name in found if name.startswith("window")]


def test_the_table_is_in_percent_and_names_what_is_unseen():
    titles, rows = evaluation_table(FOUND)
    assert titles[0] == "part"
    assert rows[0] == [
        *("all", "100", "12", "87.5", "80.0 to 95.0", "0.500", "0.375 to 0.750"),
        *("0.625", "0.062"),
    ]
    assert rows[1][-1] == rows[1][4] == "-"
    assert [row[0] for row in rows[3:]] == [
        *("device a", "device s4 (unseen)", "devices seen", "devices unseen")
    ]


def test_what_is_confused_is_told_by_its_share():
    """9 of 60 parks, 15 %, are taken for a bus; 4 of 40 buses, 10 %, for a park."""
    (line,) = [note for note in evaluation_notes(FOUND) if note.startswith("most often")]
    assert line == "most often taken for another: park for bus (9 of 60), bus for park (4 of 40)"
    assert "a remark" in evaluation_notes(FOUND)
    assert "12 recording groups" in "\n".join(evaluation_notes(FOUND))


def test_markdown_keeps_a_bar_in_a_name_inside_its_cell():
    named = Evaluation(
        "m", "synthetic-1", "all", CLASSES, (Part("city", "a|b", 1, 1, 1, 1, 1),), ()
    )
    text = evaluation_markdown(named)
    (row,) = [line for line in text.splitlines() if "city" in line]
    assert row.replace(r"\|", "").count("|") == 10
    assert "made by a program" in dict(evaluation_header(named))["data"]


def test_the_files_are_written_and_the_same_each_time(tmp_path):
    paths = write_evaluation(FOUND, tmp_path / "new" / "out")
    assert {path.suffix for path in paths} == {".md", ".csv", ".json", ".png", ".svg"}
    before = {path: path.read_bytes() for path in paths}
    assert before == {path: path.read_bytes() for path in write_evaluation(FOUND, paths[0].parent)}


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="expected a file that can be written"):
        write_file(tmp_path / "file" / "evaluation.csv", "")


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_the_picture_has_counts_coloured_by_share_and_a_bar_for_each_device():
    matrix, bars = evaluation_figure(FOUND).axes
    assert texts(matrix) == ["36", "4", "9", "51"]
    np.testing.assert_allclose(matrix.images[0].get_array(), [[0.9, 0.1], [0.15, 0.85]])
    assert [label.get_text() for label in matrix.get_yticklabels()] == list(CLASSES)
    assert texts(bars) == ["95.0", "50.0", "95.0", "50.0"]
    assert [patch.get_width() for patch in bars.patches] == [95, 50, 95, 50]


def test_a_large_matrix_without_devices_has_names_and_no_counts():
    classes = tuple(f"class number {n} of many" for n in range(50))
    counts = tuple(tuple(int(a == b) for b in range(50)) for a in range(50))
    figure = evaluation_figure(Evaluation("m", "d", "test", classes, (ALL,), counts))
    (matrix,) = figure.axes
    assert not matrix.texts
    assert len(matrix.get_xticklabels()) == 50


def test_the_submission_is_as_the_challenge_wants_it():
    """Tab separated; classes in alphabetical order, whatever that of the network."""
    text = submission(
        ["audio/0.wav", "audio/1.wav"], ["tram", "bus"], [[0.75, 0.25], [0.125, 0.875]]
    )
    assert text == (
        "filename\tscene_label\tbus\ttram\n"
        "audio/0.wav\ttram\t0.25\t0.75\n"
        "audio/1.wav\tbus\t0.875\t0.125\n"
    )


def test_the_probabilities_of_a_submission_are_whole():
    given = np.random.default_rng(0).dirichlet(np.ones(3), 5)
    lines = submission([f"audio/{n}.wav" for n in range(5)], list("abc"), given.tolist())
    rows = list(csv.DictReader(io.StringIO(lines), delimiter="\t"))
    found = [[float(row[name]) for name in "abc"] for row in rows]
    assert found == given.tolist()
    assert [row["scene_label"] for row in rows] == ["abc"[n] for n in given.argmax(axis=1)]

"""`nas-asc models`: the list, one model's page, as JSON and drawn; figures from the reports."""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from decimal import Decimal

import pytest
from shipped_models import EVERYTHING

from nas_asc.commands.model_page import as_printed, model_json, print_model, print_report_layers
from nas_asc.reports.lookup import find_model, report_model
from nas_asc.reports.report import load_report
from nas_asc.reports.verification import verify


@pytest.fixture
def shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    def show(model_id):
        print_model(find_model(model_id))
        return capsys.readouterr().out

    return show


def lines_with(text, start):
    return [line.split() for line in text.splitlines() if line.startswith(start)]


def texts(path):
    return [text.text for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_models_are_listed_with_their_printed_numbers(run_command):
    entries = {entry["id"]: entry for entry in json.loads(run_command("models", "--json")[1])}
    assert len(entries) == 18
    assert entries["srpol-1"]["counted_params"] == 107_494
    assert entries["ntu-ensemble"]["counted_nonzero"] == 119_758
    entry = entries["deepsound-128"]
    assert (entry["counted_params"], entry["printed_params"]) == (62_282, None)
    assert (entry["printed_size_kb"], entry["match"]) == (121.6, True)


def test_the_list_has_notes_below_and_is_whole_on_a_narrow_terminal(run_command, monkeypatch):
    """The teacher's parameters: printed, counted, and all of them non-zero."""
    table, notes = run_command("models")[1].split("\n\n")
    assert table.count("note ") == 4
    assert notes.startswith("note 1: ")
    assert "34,183" in notes
    monkeypatch.setenv("COLUMNS", "40")
    assert run_command("models")[1].split().count("2,318,678") == 3


@pytest.mark.parametrize("model_id", EVERYTHING)
def test_a_page_keeps_to_a_narrow_terminal_and_ends_with_what_is_general(
    capsys, monkeypatch, model_id
):
    monkeypatch.setenv("COLUMNS", "80")
    print_model(find_model(model_id))
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []
    general = ["of" not in point for point in model_json(find_model(model_id))["open_points"]]
    assert general == sorted(general)


def test_report_rows_stand_beside_ours(shown):
    rows = lines_with(shown("srpol-c3multi"), "ConvBlock")
    assert [row[-5:] for row in rows[1:3]] == [
        ["4,640", "4,640", "stage1.1.conv", "to", "norm"],
        ["9,248", "9,248", "stage1.2.conv", "to", "norm"],
    ]


def test_a_total_of_bytes_is_told_from_the_printed_one(shown, capsys):
    """Table 6 is of 160 mel bins: 62,346 float16 are 124,692 bytes; with 64 there are 62,154."""
    text = shown("deepsound-160")
    total = ["total", "62,346", "62,346", "121.8", "KB", "121.770", "KB"]
    assert lines_with(text, "total") == [total]
    assert "124,692 bytes / 1024 = 121.770 KB, which rounds to the printed 121.8 KB)" in text
    text = shown("deepsound-64")
    assert lines_with(text, "total") == [["total", "-", "62,154", "-", "121.395", "KB"]]
    assert "(total: 124,308 bytes / 1024 = 121.395 KB)" in text
    other = replace(report_model("deepsound-160"), printed={"size_kb": 121.9})
    print_report_layers(load_report("deepsound"), other, verify(other))
    assert "121.770 KB, not the printed 121.9 KB)" in " ".join(capsys.readouterr().out.split())


def test_an_ensemble_adds_up(shown):
    """5 x 17,115 + 34,183 = 119,758 values of 4 bytes, a sixth of the vote each."""
    text = shown("ntu-ensemble")
    assert lines_with(text, "5 x ntu-vggnet")[0][3:6] == ["83.3%", "404,195", "85,575"]
    assert lines_with(text, "    each")[0][1:4] == ["16.7%", "80,839", "17,115"]
    assert lines_with(text, "1 x ntu-inceptionnet")[0][5] == "34,183"
    assert len(lines_with(text, "    each")) == 1
    assert lines_with(text, "sum")[0][3:5] == ["119,758", "467.805"]
    assert "probabilities of the networks are averaged" in text


def test_the_members_of_an_ensemble_in_json():
    members = model_json(find_model("srpol-1"))["members"]
    keys = ("counted_params", "share_of_vote", "counted_size_kb", "macs")
    assert [tuple(member[key] for key in keys) for member in members] == [
        (70_435, 0.7, 275.137, 850_711_488),
        (37_059, 0.3, 144.762, 164_786_688),
    ]
    assert model_json(find_model("srpol-c3multi"))["member_of"] == "srpol-1"


@pytest.mark.parametrize(
    ("model_id", "own", "of_others"),
    [
        ("imt-a", ("mask, filter and noise",), ("CutMix", "in C and D", "meta.yaml, ", "shortcut")),
        ("imt-c", ("CutMix", "130656", "0.37970"), ("87.5 %", "238752", "0.26180", "192 gammas")),
    ],
)
def test_open_points_concern_the_network(model_id, own, of_others):
    points = load_report(model_id.split("-")[0]).open_points_of(model_id)
    text = " ".join(f"{p['where']}: {p['printed']}: {p['resolution']}" for p in points)
    assert [words for words in own if words not in text] == []
    assert [words for words in of_others if words in text] == []


@pytest.mark.parametrize("of", ["ntu-vggnet", "ntu-inceptionnet", "ntu-ensemble"])
def test_confusion_matrices_agree_with_the_classes(of):
    report = load_report("ntu")
    printed = {(row["of"], row.get("system")): row["accuracy"] for row in report.results[of]}
    matrices = [m for m in report.confusion if m["of"] == of]
    assert len(matrices) == (2 if of == "ntu-ensemble" else 1)
    for matrix in matrices:
        for number, name in enumerate(matrix["classes"]):
            column = [row[number] for row in matrix["rows"]]
            assert column[number] == printed[f"{name}, best run", matrix.get("system")]
            assert float(sum(column)) == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize(
    ("model_id", "facts"),
    [
        ("srpol-c3multi", ("before training and after every epoch", "nas-asc models srpol-1")),
        ("srpol-4", ("augmentation settings not given", "two log-mel spectrograms")),
        ("ntu-vggnet", ("random seed 2020", "21 times", "The report prints no layers: Figure 3")),
        ("deepsound-32", ("40 mel bins, 90.3 KB: overall", "47.7", "1.473")),
        ("netease-student", ("conv 7x7 half 1→18", "linear 180→100", "norm: batch normalisation")),
    ],
)
def test_what_the_report_states_is_shown(shown, model_id, facts):
    text = " ".join(shown(model_id).split())
    assert [fact for fact in facts if fact not in text] == []


def test_numbers_keep_the_digits_that_are_printed():
    """SRPOL prints 92.6 %, 94.47 % and "-"; the points stand below each other."""
    assert as_printed([Decimal("0.926"), None, Decimal("0.9447")], percent=True) == [
        *("92.6 ", "-", "94.47")
    ]
    assert as_printed([Decimal("0.90"), Decimal("0.876")], percent=True) == ["90  ", "87.6"]


@pytest.mark.parametrize(
    ("model_id", "row", "figures"),
    [
        ("srpol-1", "SRPOL_task1b_2: overall", ["94.47", "0.170"]),
        ("srpol-1", "baseline of the challenge: indoor", ["82.0", "0.680"]),
        ("ntu-ensemble", "model 4: overall, micro, mean of five runs", ["90.50"]),
        ("imt-d", "transportation (recall, published logs)", ["93", "0.26180"]),
    ],
)
def test_results_keep_the_digits_of_the_report(shown, model_id, row, figures):
    _, _, table = shown(model_id).partition("reported results\n")
    (found,) = [line for line in table.splitlines() if line.startswith(f"{row}  ")]
    assert found.removeprefix(row).split() == figures


def test_a_model_has_everything_in_json():
    value = model_json(find_model("deepsound-160"))
    assert sum(layer["counted"] for layer in value["layers"]) == 62_346
    assert value["choices"]["stage2.width"] == 18
    assert value["training"]["deepsound-160"]["batch_size"] == 64
    value = model_json(find_model("netease-student"))
    row = value["report_layers"]["rows"][3]
    assert (row["name"], row["printed_params"], row["counted_params"]) == ("DW2: Conv", 8118, 8118)
    assert (row["printed_output"], row["output"]) == ("18x51x10", (18, 51, 10))
    assert row["layers"] == ("stage2.conv",)
    assert value["report_layers"]["source"] == "Table 1"
    assert value["inputs"]["netease-student"].startswith("log-mel 1x256x51")
    assert (value["printed_mmacs"], value["counted_mmacs"]) == (29.6, 29.592)
    assert value["baseline"]["params"] == 46_512
    # IMT's table 1 has one accuracy and one loss per model, nothing per class.
    overall, *classes = model_json(find_model("imt-c"))["results"]
    assert (overall["of"], "source" in overall) == ("overall", False)
    assert [row["source"] for row in classes] == ["recall, published logs"] * 3


@pytest.mark.parametrize("report", ["me", "quick"])
def test_a_network_of_no_known_report_has_what_is_ours(capsys, report):
    """A space may be shipped with a model of which nothing else is."""
    mine = replace(report_model("imt-b"), id="mine", report=report, printed={}, note="")
    print_model(mine)
    text = capsys.readouterr().out
    assert f"report: {report}, of which nothing else is shipped" in text
    assert "\nblocks\n" in text
    assert not {"printed", "training", "reported"} & set(text.split())
    found = model_json(mine)
    assert (found["report"], found["source"], found["training"]) == (report, None, {"mine": {}})
    assert found["report_layers"] == {"source": None, "rows": []}
    assert found["layers"]


@pytest.fixture
def own(run_command, tmp_path):
    """Copy a space, change its text and show a model of it."""

    def show(space, change, model, *options):
        path = tmp_path / f"{space}.toml"
        run_command("spaces", "copy", space, path)
        text = path.read_text(encoding="utf-8")
        path.write_text(change(text), encoding="utf-8")
        code, out, err = run_command("models", f"{path}:{model}", *options)
        assert code == 0, err
        return out

    return show


def test_a_model_of_ones_own_space_is_held_against_its_printed_numbers(own):
    """srpol-c3multi without its third convolution, of 32 x 32 x 9 weights and 32 biases."""
    table = '[models.mine]\nlike = "srpol-c3multi"\nprinted = { params = 1000 }\n'
    table += "[models.mine.choices]\nstage1.depth = 1\n"
    found = json.loads(own("separable", lambda text: f"{text}\n{table}", "mine", "--json"))
    assert (found["printed_params"], found["counted_params"]) == (1000, 70_435 - 9_248)


def test_what_a_report_prints_is_not_shown_where_it_does_not_print_it(own):
    out = own("mbconv", lambda text: text.replace("printed = {", "# {"), "deepsound-160")
    assert "total: 124,692 bytes / 1024 = 121.770 KB" in out
    out = own("separable", lambda t: t.replace("1.depth = 2", "1.depth = 1"), "srpol-c3multi")
    assert "The report prints those of a network with other layers: Table 2" in out


@pytest.mark.parametrize(
    "target", ["run:3", "run/models/3", "run/models/3/architecture.json", "mine.toml:srpol-4"]
)
def test_whatever_can_be_counted_can_be_drawn(run_command, here, target):
    code, out, err = run_command("models", target, "--plot", "net.svg")
    written = texts(here / "net.svg")
    assert (code, out, err) == (0, "", "wrote net.svg\n")
    assert written[0].startswith(f"{target}: ")
    assert {"stage3", "conv 3x3 96→64", "global average"} <= set(written)


def test_a_trial_is_drawn_as_it_was_searched(run_command, here):
    """5 s of 48 kHz, a hop of 2048: 1 + 117 frames; 240000 // 32 + 1 samples between 32 frames."""
    run_command("models", "run:3", "--plot", "net.svg")
    words = " ".join(texts(here / "net.svg")[:6])
    for part in ("input 2x32x118", "5 classes", "clips of 5 s", "rule plain"):
        assert part in words
    assert "second spectrogram: window 16384, hop 7501, transposed" in words


def test_an_ensemble_is_drawn_network_by_network(run_command, here):
    """70 % and 30 % of the vote, 70,435 and 37,059 parameters, as the SRPOL report has them."""
    assert run_command("models", "srpol-1", "--plot", "net.svg")[0] == 0
    words = " ".join(texts(here / "net.svg"))
    for part in (
        "107,494 parameters",
        "with 70 % of the vote; input 1x256x469 and 256, 3 classes",
        "70,435 parameters",
        "with 30 % of the vote; its 10 classes summed; input 1x256x469, 10 classes",
        "37,059 parameters",
    ):
        assert part in words
    assert words.index("second input") < words.index("srpol-c10separable: ")


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_an_odd_title_is_drawn_as_far_as_it_is_text(run_command, here, kind):
    data = report_model("srpol-4").architecture.to_dict()
    odd = {**data, "space": "of \ud800, \u0001\nand a\ttab", "classes": 5, "clip_s": 5.0}
    (here / "net.json").write_text(json.dumps(odd))
    assert run_command("models", "net.json", "--plot", f"net.{kind}") == (
        0,
        "",
        f"wrote net.{kind}\n",
    )
    if kind == "svg":
        drawn = "of \N{REPLACEMENT CHARACTER}, \N{REPLACEMENT CHARACTER} and a tab"
        assert f"net.json: a network of the space {drawn}" in " ".join(texts(here / "net.svg"))


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are text there")
def test_a_path_that_is_no_text_is_drawn_and_endings_may_be_in_capitals(run_command, here):
    odd = os.fsdecode(b"b\xffd")
    (here / "run").rename(here / odd)
    assert run_command("models", f"{odd}:3", "--plot", "net.SVG")[0] == 0
    assert texts(here / "net.SVG")[0].startswith("b\N{REPLACEMENT CHARACTER}d:3")
    assert run_command("models", "srpol-3", "--plot", "net.Png")[0] == 0
    assert (here / "net.Png").read_bytes().startswith(b"\x89PNG")

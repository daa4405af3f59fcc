"""`nas-asc models ID` on the terminal and as JSON; figures from the reports."""

import json
import re
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


@pytest.mark.parametrize("model_id", EVERYTHING)
def test_everything_keeps_to_a_narrow_terminal(capsys, monkeypatch, model_id):
    monkeypatch.setenv("COLUMNS", "80")
    print_model(find_model(model_id))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_layers_of_a_narrow_terminal_stand_below_their_block(capsys, monkeypatch):
    """NTU's second module: 48 x 16 weights and 16 biases, on 6 x 59 positions; 80 % go."""
    monkeypatch.setenv("COLUMNS", "80")
    print_model(find_model("ntu-inceptionnet"))
    out = capsys.readouterr().out
    _, _, block = out.partition("\nstage3.2\n")
    assert block.splitlines()[0].split() == [
        *("branch3x3.reduce_conv", "16x6x59", "784", "170", "272", "K", "conv", "1x1", "48→16")
    ]
    assert "all windows: padded so that only the stride" in " ".join(out.split())


def test_report_rows_stand_beside_ours(shown):
    rows = lines_with(shown("srpol-c3multi"), "ConvBlock")
    assert [row[-5:] for row in rows[1:3]] == [
        ["4,640", "4,640", "stage1.1.conv", "to", "norm"],
        ["9,248", "9,248", "stage1.2.conv", "to", "norm"],
    ]


def test_the_total_of_the_bytes_is_printed_as_in_table_6(shown):
    """Table 6, in float16 for 160 mel bins: 62,346 x 2 = 124,692 bytes, / 1024 = 121.770 KB."""
    text = shown("deepsound-160")
    total = ["total", "62,346", "62,346", "121.8", "KB", "121.770", "KB"]
    assert lines_with(text, "total") == [total]
    assert (
        "(total: 124,692 bytes / 1024 = 121.770 KB, which rounds to the printed 121.8 KB)" in text
    )


def test_a_total_that_is_printed_of_another_network_is_not_repeated(shown):
    """Table 6 is of 160 mel bins; with 64 there are 62,154 parameters, 124,308 bytes."""
    text = shown("deepsound-64")
    assert lines_with(text, "total") == [["total", "-", "62,154", "-", "121.395", "KB"]]
    assert "(total: 124,308 bytes / 1024 = 121.395 KB)" in text


def test_a_total_that_differs_from_the_printed_one_is_said_to(capsys):
    model = report_model("deepsound-160")
    other = replace(model, printed={"size_kb": 121.9})
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
    assert [(m["counted_params"], m["share_of_vote"]) for m in members] == [
        (70_435, 0.7),
        (37_059, 0.3),
    ]
    assert [m["counted_size_kb"] for m in members] == [275.137, 144.762]
    assert model_json(find_model("srpol-c3multi"))["member_of"] == "srpol-1"
    assert sum(m["macs"] for m in members) == 1_015_498_176


@pytest.mark.parametrize(
    ("model_id", "own", "of_others"),
    [
        ("imt-a", ("mask, filter and noise",), ("CutMix", "in C and D", "meta.yaml, ", "shortcut")),
        ("imt-c", ("CutMix", "130656", "0.37970"), ("87.5 %", "238752", "0.26180", "192 gammas")),
        ("netease-student", ("29.592 M", "soft loss"), ("four teachers differ",)),
        ("srpol-4", ("gain of 10 %", "112163 against 112611"), ("Table 2,", "model 3,")),
    ],
)
def test_open_points_concern_the_network(model_id, own, of_others):
    points = load_report(model_id.split("-")[0]).open_points_of(model_id)
    text = " ".join(f"{p['where']}: {p['printed']}: {p['resolution']}" for p in points)
    assert [words for words in own if words not in text] == []
    assert [words for words in of_others if words in text] == []


@pytest.mark.parametrize("model_id", EVERYTHING)
def test_general_open_points_come_last(model_id):
    general = ["of" not in point for point in model_json(find_model(model_id))["open_points"]]
    assert general == sorted(general)


@pytest.mark.parametrize("of", ["ntu-vggnet", "ntu-inceptionnet", "ntu-ensemble"])
def test_confusion_matrices_agree_with_the_classes(of):
    report = load_report("ntu")
    matrices = [m for m in report.confusion if m["of"] == of]
    assert len(matrices) == (2 if of == "ntu-ensemble" else 1)
    for matrix in matrices:
        for number, name in enumerate(matrix["classes"]):
            column = [row[number] for row in matrix["rows"]]
            (printed,) = [
                row["accuracy"]
                for row in report.results[of]
                if row["of"] == f"{name}, best run" and row.get("system") == matrix.get("system")
            ]
            assert column[number] == printed
            assert float(sum(column)) == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize(
    ("model_id", "facts"),
    [
        ("srpol-c3multi", ("before training and after every epoch", "nas-asc models srpol-1")),
        ("srpol-3", ("1.4 (indoor), 0.2 (outdoor), 0.15", "params % of params MACs % of MACs")),
        ("srpol-4", ("augmentation settings not given", "two log-mel spectrograms")),
        ("ntu-vggnet", ("random seed 2020", "21 times", "The report prints no layers: Figure 3")),
        ("imt-c", ("batch size", "26, 21, 17, 14, 11", "102, 82, 66, 53, 42")),
        ("deepsound-32", ("40 mel bins, 90.3 KB: overall", "47.7", "1.473")),
        ("deepsound-160", ("Fused-MBConv4(12,12): size 1,2438 B → 12438 B",)),
        ("netease-student", ("conv 7x7 half 1→18", "linear 180→100", "norm: batch normalisation")),
        ("srpol-1", ("baseline of the challenge: indoor", "82.0", "0.437")),
    ],
)
def test_what_the_report_states_is_shown(shown, model_id, facts):
    text = " ".join(shown(model_id).split())
    assert [fact for fact in facts if fact not in text] == []


def test_numbers_keep_the_digits_that_are_printed():
    """SRPOL prints 92.6 % and 94.47 %, 0.170 and "-"; the points stand below each other."""
    assert as_printed([Decimal("0.926"), None, Decimal("0.9447")], percent=True) == [
        *("92.6 ", "-", "94.47")
    ]
    assert as_printed([Decimal("0.170"), Decimal("1.812")]) == ["0.170", "1.812"]
    assert as_printed([Decimal("0.90"), Decimal("0.876")], percent=True) == ["90  ", "87.6"]


@pytest.mark.parametrize(
    ("model_id", "row", "figures"),
    [
        ("srpol-1", "SRPOL_task1b_1: overall", ["94.6", "0.175"]),
        ("srpol-1", "SRPOL_task1b_2: overall", ["94.47", "0.170"]),
        ("srpol-1", "baseline of the challenge: indoor", ["82.0", "0.680"]),
        ("srpol-4", "outdoor", ["95.0", "-"]),
        ("deepsound-160", "bus", ["90.6", "0.340"]),
        ("deepsound-160", "device S2", ["67.0", "0.914"]),
        ("netease-teacher", "overall, teacher 2", ["59.0"]),
        ("ntu-ensemble", "model 4: overall, micro, mean of five runs", ["90.50"]),
        ("ntu-ensemble", "baseline of the challenge: overall", ["87.3"]),
        ("imt-a", "overall", ["87.6", "0.360"]),
        ("imt-d", "transportation (recall, published logs)", ["93", "0.26180"]),
        ("ntu-inceptionnet", "indoor, best run (Figure 6)", ["86.20"]),
    ],
)
def test_results_keep_the_digits_of_the_report(shown, model_id, row, figures):
    _, _, table = shown(model_id).partition("reported results\n")
    (found,) = [line for line in table.splitlines() if line.startswith(f"{row}  ")]
    assert found.removeprefix(row).split() == figures


@pytest.mark.parametrize("model_id", ["imt-a", "imt-b", "imt-c", "imt-d"])
def test_what_imt_prints_is_told_from_its_logs(model_id):
    """Its table 1 has one accuracy and one loss per model, nothing per class."""
    overall, *classes = model_json(find_model(model_id))["results"]
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


OWN = """[models.mine]
like = "srpol-c3multi"
printed = { params = 1000 }

[models.mine.choices]
stage1.depth = 1
"""


def test_a_model_of_ones_own_space_is_held_against_its_printed_numbers(run_command, tmp_path):
    """srpol-c3multi without its third convolution, of 32 x 32 x 9 weights and 32 biases."""
    path = tmp_path / "mine.toml"
    run_command("spaces", "copy", "separable", path)
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{OWN}", encoding="utf-8")
    code, out, _ = run_command("models", f"{path}:mine", "--json")
    found = json.loads(out)
    assert (code, found["printed_params"], found["counted_params"]) == (0, 1000, 70_435 - 9_248)


def test_a_model_that_prints_no_size_has_no_size_below_its_rows(run_command, tmp_path):
    path = tmp_path / "mine.toml"
    run_command("spaces", "copy", "mbconv", path)
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^printed = .*$", "", text), encoding="utf-8")
    code, out, _ = run_command("models", f"{path}:deepsound-160")
    assert code == 0
    assert "total: 124,692 bytes / 1024 = 121.770 KB" in out


def test_rows_of_a_report_are_not_shown_beside_other_layers(run_command, tmp_path):
    path = tmp_path / "mine.toml"
    run_command("spaces", "copy", "separable", path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("stage1.depth = 2", "stage1.depth = 1"), encoding="utf-8")
    code, out, _ = run_command("models", f"{path}:srpol-c3multi")
    assert code == 0
    assert "The report prints those of a network with other layers: Table 2" in out


def test_report_rows_and_inputs_are_in_json():
    value = model_json(find_model("netease-student"))
    row = value["report_layers"]["rows"][3]
    assert (row["name"], row["printed_params"], row["counted_params"]) == ("DW2: Conv", 8118, 8118)
    assert (row["printed_output"], row["output"]) == ("18x51x10", [18, 51, 10])
    assert row["layers"] == ["stage2.conv"]
    assert value["report_layers"]["source"] == "Table 1"
    assert value["inputs"]["netease-student"].startswith("log-mel 1x256x51")
    assert (value["printed_mmacs"], value["counted_mmacs"]) == (29.6, 29.592)
    assert value["baseline"]["params"] == 46_512

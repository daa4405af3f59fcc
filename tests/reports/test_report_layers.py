"""The rows of the reports' layer tables; numbers from the reports, IMT's from its files."""

import csv
from pathlib import Path

import pytest
from shipped_models import NETWORKS

from nas_asc.complexity.counting import layer_table
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model
from nas_asc.reports.report import load_report
from nas_asc.reports.verification import layers_source, report_rows

DEEPSOUND = (96, 12, 1801, 6219, 2655, 4216, 4216, 5092, 7158, 7158, 8466, 10627, 3100, 200, 0, 0)
# Parameters, row by row; None where the table has a dash.
PRINTED = {
    "srpol-c3multi": (None, None, 160, 4640, 9248, 18496, 36928, None, None, 963),
    "srpol-c10separable": (41, 688, 1344, 2400, 4736, 8896, 17664, None, 1290),
    "srpol-3": (2000, 27936, 79232, 1731),
    "srpol-4": (1216, 55392, 55360, 195),
    "deepsound-160": (320, *DEEPSOUND, 1010, 0),
    "deepsound-128": (None, *DEEPSOUND, 1010, 0),
    "deepsound-64": (None, *DEEPSOUND, 1010, 0),
    "deepsound-32": (None, *DEEPSOUND, 1010, 0),
    "netease-student": (900, 1044, None, 8118, 1044, 1044, None, None, 18100, 1010),
    "netease-teacher": (None,) * 10,
}
# Output channels of SRPOL's tables 2 to 5, output shapes of NetEase's table 1.
OUTPUTS = {
    "srpol-c3multi": ("", "", "16", "32", "32", "64", "64", "64", "64", "3"),
    "srpol-c10separable": ("16", "32", "32", "64", "64", "128", "128", "64", "10"),
    "srpol-3": ("16", "48", "64", "3"),
    "srpol-4": ("64", "96", "64", "3"),
    "netease-student": (
        *("18x256x51", "18x256x51", "18x51x10", "18x51x10", "18x51x10"),
        *("18x51x10", "18x5x2", "180", "100", "10"),
    ),
}
# Printed as 64, but 963 = 320 x 3 + 3 and 1290 = 128 x 10 + 10: report_models.md, section 6.
MISPRINTED = {("srpol-c3multi", "Concatenate"): 320, ("srpol-c10separable", "AveragePooling"): 128}
IMT = ("imt-a", "imt-b", "imt-c", "imt-d")
WITH_ROWS = (*PRINTED, *IMT)


def rows_of(model_id):
    model = report_model(model_id)
    return report_rows(load_report(model.report), model)


def published(model_id):
    """Give name, parameters and non-zero values of the layers of IMT's files."""
    path = Path(__file__).parent.parent / "data" / "report_layers.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [
            (row["layer"], int(row["counted"]), int(row["nonzero"] or row["counted"]))
            for row in csv.DictReader(file)
            if row["model"] == model_id and row["counted"]
        ]


def test_every_network_has_rows_or_the_reason_why_not():
    assert {i for i in NETWORKS if rows_of(i)} == set(WITH_ROWS)
    for model_id in set(NETWORKS) - set(WITH_ROWS):
        assert "Figure" in layers_source(load_report("ntu"), model_id)


@pytest.mark.parametrize("model_id", PRINTED)
def test_the_printed_parameters_are_those_of_the_table(model_id):
    assert tuple(row.printed_params for row in rows_of(model_id)) == PRINTED[model_id]


@pytest.mark.parametrize("model_id", PRINTED)
def test_each_row_counts_what_is_printed(model_id):
    counted = [row.params for row in rows_of(model_id)]
    assert counted == [
        found if printed is None else printed
        for found, printed in zip(counted, PRINTED[model_id], strict=True)
    ]


@pytest.mark.parametrize("model_id", IMT)
def test_the_rows_of_imt_are_those_of_its_files(model_id):
    rows, expected = rows_of(model_id), published(model_id)
    assert [(r.name, r.printed_params, r.printed_nonzero) for r in rows] == expected
    assert [(r.name, r.params, r.nonzero) for r in rows] == expected


def test_rows_that_are_not_printed_are_counted():
    """The teacher's per row as recounted in report_models.md, the first norm of Deepsound 2 x M."""
    assert [row.params for row in rows_of("netease-teacher")] == [
        *(12_800, 136_704, 0, 1_638_656, 136_704, 136_704, 0, 0, 256_100, 1010)
    ]
    assert [rows_of(f"deepsound-{m}")[0].params for m in (128, 64, 32)] == [256, 128, 64]


@pytest.mark.parametrize("model_id", WITH_ROWS)
def test_every_layer_is_in_exactly_one_row(model_id):
    model = report_model(model_id)
    layers = layer_table(model.architecture, model.classes, model.clip_s, RULES[model.rule])
    covered = [name for row in rows_of(model_id) for name in row.layers]
    ours = [layer.name for layer in layers if layer.op != "input" or layer.name in covered]
    assert covered == ours
    assert sum(row.macs for row in rows_of(model_id)) == sum(layer.macs for layer in layers)


@pytest.mark.parametrize("model_id", OUTPUTS)
def test_the_printed_outputs_are_those_of_the_table(model_id):
    assert tuple(row.printed_output for row in rows_of(model_id)) == OUTPUTS[model_id]


@pytest.mark.parametrize("model_id", OUTPUTS)
def test_our_outputs_are_the_printed_ones(model_id):
    for row in rows_of(model_id):
        if not row.printed_output:
            continue
        printed = tuple(int(part) for part in row.printed_output.split("x"))
        expected = (MISPRINTED.get((model_id, row.name), printed[0]), *printed[1:])
        assert row.output[: len(expected)] == expected


def test_the_bytes_of_table_6_are_counted():
    """Printed in float16; 12,438 is misprinted as 1,2438 B."""
    rows = rows_of("deepsound-160")
    printed = [
        *(640, 192, 24, 3602, 12438, 5310, 8432, 8432, 10184),
        *(14316, 14316, 16932, 21254, 6200, 400, 0, 0, 2020, 0),
    ]
    assert [row.printed_bytes for row in rows] == printed
    assert [row.size_bytes for row in rows] == printed


def test_rows_have_the_names_of_the_report():
    names = {i: [row.name for row in rows_of(i)] for i in WITH_ROWS}
    assert names["srpol-3"] == ["VGGBlock"] * 3 + ["ConvClassifier"]
    assert names["netease-student"].count("DW2: DwBlock") == 1
    assert names["deepsound-64"][4] == "Fused-MBConv4(12, 12)"
    assert "layer1.0.conv1" in names["imt-c"]


def test_what_the_total_leaves_out_is_marked():
    """IMT leaves the layers called bn out of its non-zero count, so not those of shortcuts."""
    marks = {row.name: row.summed for row in rows_of("imt-c")}
    assert (marks["layer1.0.bn1"], marks["layer1.0.shortcut.1"], marks["linear"]) == (
        False,
        True,
        True,
    )

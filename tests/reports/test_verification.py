"""The networks of the five reports against the numbers that the reports print.

tests/data/report_layers.csv has every layer: shapes and windows, and the counts per layer of the
reports' tables (SRPOL tables 2 to 5, Deepsound table 6, NetEase table 1, IMT's published per-layer
files; NTU's from its code). The multiply-accumulates were counted with fvcore and torchinfo 1.7.2
on independent prototypes. Deepsound writes (frame, mel); here it is (mel, frame).
"""

import csv
from itertools import groupby
from pathlib import Path

import pytest
from shipped_models import ENSEMBLES, EVERYTHING, NETWORKS, REPORTS

from nas_asc.architectures.architecture import build_graph
from nas_asc.complexity.counting import count, layer_table
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import find_model, report_model
from nas_asc.reports.report import load_report
from nas_asc.reports.verification import layers_source, report_rows, verify
from nas_asc.spaces.space_file import load_space

# id: input shapes, conv + linear, fvcore total, torchinfo
COSTS = {
    "srpol-c3multi": (((1, 256, 469), (256,)), 850_711_488, 860_337_088, 855_524_707),
    "srpol-c10separable": (((1, 256, 469),), 164_786_688, 175_378_944, 170_083_754),
    "srpol-3": (((1, 256, 59),), 57_398_272, 57_973_760, 57_974_160),
    "srpol-4": (((2, 32, 235),), 36_422_400, 37_479_424, 36_951_372),
    "deepsound-160": (((1, 160, 640),), 396_680_488, 422_101_288, 397_379_470),
    "deepsound-128": (((1, 128, 640),), 317_346_088, 337_682_728, 317_906_126),
    "deepsound-64": (((1, 64, 640),), 158_677_288, 168_845_608, 158_959_438),
    "deepsound-32": (((1, 32, 640),), 79_342_888, 84_427_048, 79_486_094),
    "netease-student": (((1, 256, 51),), 29_347_264, 30_360_736, 29_591_778),
    "netease-teacher": (((1, 256, 51),), 2_909_447_144, 2_923_860_968, 2_912_923_222),
    "ntu-vggnet": (((1, 48, 467),), 73_269_036, 74_924_956, 74_097_471),
    "ntu-inceptionnet": (((1, 48, 467),), 37_144_380, 37_234_236, 37_421_331),
    "imt-a": (((2, 180_000),), 115_109_056, 117_177_344, 116_143_459),
    "imt-b": (((2, 180_000),), 117_910_720, 120_000_896, 118_956_195),
    "imt-c": (((2, 180_000),), 863_798_656, 876_215_552, 863_802_115),
    "imt-d": (((2, 180_000),), 794_690_944, 806_387_968, 794_694_147),
}
# id: parameters, non-zero values, KB; as printed, but for what EXPLAINED says, and None where
# nothing is printed.
PRINTED = {
    "srpol-c3multi": (70_435, None, None),
    "srpol-c10separable": (37_059, None, None),
    "srpol-3": (110_899, None, 434),
    "srpol-4": (112_163, None, 441),
    "srpol-1": (107_494, None, 421),
    "deepsound-160": (62_346, None, 121.8),
    "deepsound-128": (None, None, 121.6),
    "deepsound-64": (None, None, 121.4),
    "deepsound-32": (None, None, 121.3),
    "netease-student": (31_260, None, None),
    "netease-teacher": (2_318_678, None, None),
    "ntu-vggnet": (80_839, 17_115, 66.9),
    "ntu-inceptionnet": (167_571, 34_181, 133.5),
    "ntu-ensemble": (None, 119_758, 467.8),
    "imt-a": (13_632, 12_160, 23.8),
    "imt-b": (30_080, 29_888, 58.4),
    "imt-c": (398_400, 130_730, 255.3),
    "imt-d": (373_696, 238_896, 466.6),
}
# What the rule gives where the report prints something else; report_models.md, section 6.
EXPLAINED = {
    "srpol-3": {"size_kb": 433.199},
    "srpol-4": {"size_kb": 438.137},
    "srpol-1": {"size_kb": 419.898},
    "ntu-inceptionnet": {"nonzero": 34_183},
}

DEEPSOUND = (96, 12, 1801, 6219, 2655, 4216, 4216, 5092, 7158, 7158, 8466, 10627, 3100, 200, 0, 0)
# Parameters of the rows of the reports' tables; None where the table has a dash.
ROWS_PRINTED = {
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
MISPRINTED = {
    ("srpol-c3multi", "Concatenate"): 320,
    ("srpol-c10separable", "AveragePooling"): 128,
}
IMT = ("imt-a", "imt-b", "imt-c", "imt-d")


def of_models(path):
    """Give the rows of a file of test data by model."""
    with (Path(__file__).parent.parent / "data" / path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {model: list(group) for model, group in groupby(rows, key=lambda row: row["model"])}


LAYERS = of_models("report_layers.csv")


def shape(text):
    return tuple(int(part) for part in text.split("x"))


def table(model_id):
    model = report_model(model_id)
    return layer_table(model.architecture, model.classes, model.clip_s, RULES[model.rule])


def rows_of(model_id):
    model = report_model(model_id)
    return report_rows(load_report(model.report), model)


def test_all_networks_of_the_reports_are_there():
    assert set(PRINTED) == {*NETWORKS, *ENSEMBLES}
    assert set(COSTS) == set(NETWORKS)
    assert {i for i, report in EVERYTHING.items() if report in REPORTS} == set(PRINTED)


@pytest.mark.parametrize("model_id", PRINTED)
def test_every_printed_number_is_counted_or_explained(model_id):
    row = verify(find_model(model_id)).to_dict()
    params, nonzero, size_kb = PRINTED[model_id]
    printed = (row["printed_params"], row["printed_nonzero"], row["printed_size_kb"])
    assert printed == PRINTED[model_id]
    explained = EXPLAINED.get(model_id, {})
    assert params is None or row["counted_params"] == params
    assert nonzero is None or row["counted_nonzero"] == explained.get("nonzero", nonzero)
    if "size_kb" in explained:
        assert row["counted_size_kb"] == explained["size_kb"]
    elif size_kb is not None:
        assert round(row["counted_size_kb"], 1) == size_kb
    assert row["match"] is (model_id not in EXPLAINED)
    assert bool(row["note"]) is (model_id in EXPLAINED)


@pytest.mark.parametrize(
    ("model_id", "size_kb"), [("ntu-vggnet", 315.8), ("ntu-inceptionnet", 654.6)]
)
def test_ntu_prints_the_sizes_before_pruning_too(model_id, size_kb):
    complexity = verify(report_model(model_id)).complexity
    assert round(complexity.unpruned_bytes / 1024, 1) == size_kb


@pytest.mark.parametrize("model_id", COSTS)
def test_multiply_accumulates_agree_to_the_last_digit(model_id):
    model = report_model(model_id)
    complexity = count(model.architecture, model.classes, model.clip_s, model.rule)
    shapes, macs, total, torchinfo = COSTS[model_id]
    assert complexity.input_shapes == shapes
    assert complexity.macs == macs
    assert complexity.macs_fvcore_total == total
    assert complexity.macs_torchinfo == torchinfo
    assert not complexity.shrunk


@pytest.mark.parametrize("model_id", LAYERS)
def test_each_layer_is_that_of_the_report_and_counts_what_it_says(model_id):
    layers, expected = [row for row in table(model_id) if row.op != "input"], LAYERS[model_id]
    assert [(layer.op, layer.shape, layer.counted) for layer in layers] == [
        (row["op"], shape(row["shape"]), int(row["counted"] or 0)) for row in expected
    ]
    if any(row["nonzero"] for row in expected):
        assert [layer.nonzero for layer in layers] == [int(row["nonzero"] or 0) for row in expected]


@pytest.mark.parametrize("model_id", LAYERS)
def test_the_windows_are_those_of_the_report(model_id):
    model, windows = report_model(model_id), ("conv", "pool")
    layers = build_graph(model.architecture, model.classes, model.clip_s).layers
    operators = [layer.operator for layer in layers if layer.op in windows]
    assert [(operator.kernel, operator.stride) for operator in operators] == [
        (shape(row["kernel"]), shape(row["stride"]))
        for row in LAYERS[model_id]
        if row["op"] in windows
    ]


@pytest.mark.parametrize("model_id", COSTS)
def test_the_layer_table_sums_up_to_the_totals(model_id):
    complexity = verify(report_model(model_id)).complexity
    rows = table(model_id)
    assert sum(row.counted for row in rows) == complexity.counted_params
    assert sum(row.nonzero for row in rows if row.summed) == complexity.nonzero_params
    assert sum(row.macs for row in rows) == complexity.macs


@pytest.mark.parametrize("model_id", NETWORKS)
def test_every_layer_is_in_exactly_one_row_or_the_reason_why_not_is_given(model_id):
    rows, layers = rows_of(model_id), table(model_id)
    if model_id not in (*ROWS_PRINTED, *IMT):
        assert not rows
        assert "Figure" in layers_source(load_report("ntu"), model_id)
        return
    covered = [name for row in rows for name in row.layers]
    assert covered == [la.name for la in layers if la.op != "input" or la.name in covered]
    assert sum(row.macs for row in rows) == sum(layer.macs for layer in layers)


@pytest.mark.parametrize("model_id", ROWS_PRINTED)
def test_each_row_has_and_counts_what_is_printed(model_id):
    rows, expected = rows_of(model_id), ROWS_PRINTED[model_id]
    assert tuple(row.printed_params for row in rows) == expected
    pairs = [(r.counted_params, p) for r, p in zip(rows, expected, strict=True) if p is not None]
    assert all(counted == printed for counted, printed in pairs)


@pytest.mark.parametrize("model_id", OUTPUTS)
def test_each_row_has_the_printed_output(model_id):
    rows = rows_of(model_id)
    assert tuple(row.printed_output or "" for row in rows) == OUTPUTS[model_id]
    for row in filter(lambda row: row.printed_output, rows):
        channels, *rest = shape(row.printed_output)
        expected = (MISPRINTED.get((model_id, row.name), channels), *rest)
        assert row.output[: len(expected)] == expected


@pytest.mark.parametrize("model_id", IMT)
def test_the_rows_of_imt_are_those_of_its_files(model_id):
    rows = rows_of(model_id)
    expected = [
        (row["layer"], int(row["counted"]), int(row["nonzero"] or row["counted"]))
        for row in LAYERS[model_id]
        if row["counted"]
    ]
    assert [(r.name, r.printed_params, r.printed_nonzero) for r in rows] == expected
    assert [(r.name, r.counted_params, r.counted_nonzero) for r in rows] == expected


def test_rows_that_are_not_printed_are_counted():
    """The teacher's per row as recounted in report_models.md, the first norm of Deepsound 2 x M."""
    assert [row.counted_params for row in rows_of("netease-teacher")] == [
        *(12_800, 136_704, 0, 1_638_656, 136_704, 136_704, 0, 0, 256_100, 1010)
    ]
    assert [rows_of(f"deepsound-{m}")[0].counted_params for m in (128, 64, 32)] == [256, 128, 64]


def test_the_bytes_of_table_6_are_counted():
    """Printed in float16; 12,438 is misprinted as 1,2438 B."""
    rows = rows_of("deepsound-160")
    printed = [
        *(640, 192, 24, 3602, 12438, 5310, 8432, 8432, 10184),
        *(14316, 14316, 16932, 21254, 6200, 400, 0, 0, 2020, 0),
    ]
    assert [row.printed_bytes for row in rows] == printed
    assert [row.counted_bytes for row in rows] == printed


def test_what_the_total_leaves_out_is_marked():
    """IMT leaves the layers called bn out of its non-zero count, so not those of shortcuts."""
    marks = {row.name: row.in_nonzero_count for row in rows_of("imt-c")}
    assert (marks["layer1.0.bn1"], marks["layer1.0.shortcut.1"], marks["linear"]) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize(("model_id", "spared"), [("imt-c", True), ("imt-b", False)])
def test_a_model_adapted_to_other_classes_keeps_them_all(model_id, spared):
    """Its classifier has a row per class and is not pruned, which `spared` says where needed."""
    model = report_model(model_id)
    assert model.adapted(model.classes) is model
    adapted = model.adapted(10).architecture
    assert (adapted.sections["compression"].get("prune_classifier") is False) is spared
    assert load_space(adapted.space).from_choices(adapted.choices) == adapted
    classifier = layer_table(adapted, 10, 10.0, RULES["imt"])[-1]
    values = {"imt-c": 128 * 10, "imt-b": 64 * 10}[model_id]
    assert (classifier.op, classifier.counted, classifier.nonzero) == ("linear", values, values)

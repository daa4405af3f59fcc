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
from nas_asc.reports.verification import verify
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


def rows_of_reports():
    path = Path(__file__).parent.parent / "data" / "report_layers.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {model: list(group) for model, group in groupby(rows, key=lambda row: row["model"])}


ROWS = rows_of_reports()


def shape(text):
    return tuple(int(part) for part in text.split("x"))


def table(model_id):
    model = report_model(model_id)
    return layer_table(model.architecture, model.classes, model.clip_s, RULES[model.rule])


def test_all_networks_of_the_reports_are_there():
    assert set(PRINTED) == {*NETWORKS, *ENSEMBLES}
    assert set(COSTS) == set(NETWORKS)
    assert {i for i, report in EVERYTHING.items() if report in REPORTS} == set(PRINTED)


@pytest.mark.parametrize("model_id", PRINTED)
def test_the_printed_numbers_are_those_of_the_report(model_id):
    row = verify(find_model(model_id)).to_dict()
    printed = (row["printed_params"], row["printed_nonzero"], row["printed_size_kb"])
    assert printed == PRINTED[model_id]


@pytest.mark.parametrize("model_id", PRINTED)
def test_every_printed_number_is_counted_or_explained(model_id):
    row = verify(find_model(model_id)).to_dict()
    params, nonzero, size_kb = PRINTED[model_id]
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
    ("model_id", "params"),
    [("deepsound-128", 62_282), ("deepsound-64", 62_154), ("deepsound-32", 62_090)],
)
def test_sizes_printed_in_kb_alone_are_of_these_parameters(model_id, params):
    assert verify(report_model(model_id)).complexity.counted_params == params


def test_srpol_4_has_two_totals():
    """Table 5 leaves batch norm out, table 6 adds two values per channel."""
    model = report_model("srpol-4")
    assert (model.printed["params"], model.printed["params_with_norms"]) == (112_163, 112_611)
    assert count(model.architecture, 3, 10.0, "srpol").counted_params == 112_163
    assert count(model.architecture, 3, 10.0, "plain").counted_params == 112_611


@pytest.mark.parametrize(
    ("model_id", "size_kb"), [("ntu-vggnet", 315.8), ("ntu-inceptionnet", 654.6)]
)
def test_ntu_prints_the_sizes_before_pruning_too(model_id, size_kb):
    complexity = verify(report_model(model_id)).complexity
    assert round(complexity.unpruned_bytes / 1024, 1) == size_kb


@pytest.mark.parametrize(
    ("model_id", "params", "nonzero"),
    [("ntu-vggnet", 79_895, 16_171), ("ntu-inceptionnet", 167_443, 34_055)],
)
def test_ntu_without_batch_norm_as_the_2020_rule_counts(model_id, params, nonzero):
    architecture = report_model(model_id).architecture
    assert count(architecture, 3, 10.0, "srpol").counted_params == params
    assert count(architecture, 3, 10.0, "dcase2020-1b").counted_params == nonzero


def test_netease_prints_its_multiply_accumulates():
    complexity = verify(report_model("netease-student")).complexity
    assert round(complexity.macs_torchinfo / 1e6, 1) == 29.6


def test_deepsound_160_under_the_official_calculator():
    """All four vectors of a batch norm: 1,188 bytes over the limit of 131,072."""
    complexity = count(report_model("deepsound-160").architecture, 10, 10.0, "dcase2021-1a")
    assert (complexity.counted_params, complexity.size_bytes) == (66_130, 132_260)


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


@pytest.mark.parametrize(
    ("ensemble_id", "macs", "total"),
    [("srpol-1", 1_015_498_176, 1_035_716_032), ("ntu-ensemble", 403_489_560, 411_859_016)],
)
def test_multiply_accumulates_of_an_ensemble_are_its_members(ensemble_id, macs, total):
    complexity = verify(find_model(ensemble_id)).complexity
    assert (complexity.macs, complexity.macs_fvcore_total) == (macs, total)


@pytest.mark.parametrize("model_id", ROWS)
def test_the_layers_are_those_of_the_report(model_id):
    layers = [row for row in table(model_id) if row.op != "input"]
    expected = [(row["op"], shape(row["shape"])) for row in ROWS[model_id]]
    assert [(row.op, row.shape) for row in layers] == expected


@pytest.mark.parametrize("model_id", ROWS)
def test_the_windows_are_those_of_the_report(model_id):
    model = report_model(model_id)
    layers = build_graph(model.architecture, model.classes, model.clip_s).layers
    windows = ("conv", "pool")
    operators = [layer.operator for layer in layers if layer.op in windows]
    found = [(operator.kernel, operator.stride) for operator in operators]
    expected = [
        (shape(row["kernel"]), shape(row["stride"]))
        for row in ROWS[model_id]
        if row["op"] in windows
    ]
    assert found == expected


@pytest.mark.parametrize("model_id", ROWS)
def test_each_layer_counts_what_the_report_says(model_id):
    layers = [row for row in table(model_id) if row.op != "input"]
    expected = [int(row["counted"] or 0) for row in ROWS[model_id]]
    assert [row.counted for row in layers] == expected


@pytest.mark.parametrize("model_id", [m for m in ROWS if any(row["nonzero"] for row in ROWS[m])])
def test_each_layer_keeps_what_the_report_says(model_id):
    layers = [row for row in table(model_id) if row.op != "input"]
    expected = [int(row["nonzero"] or 0) for row in ROWS[model_id]]
    assert [row.nonzero for row in layers] == expected


@pytest.mark.parametrize("model_id", COSTS)
def test_the_layer_table_sums_up_to_the_totals(model_id):
    complexity = verify(report_model(model_id)).complexity
    rows = table(model_id)
    assert sum(row.counted for row in rows) == complexity.counted_params
    assert sum(row.nonzero for row in rows if row.summed) == complexity.nonzero_params
    assert sum(row.macs for row in rows) == complexity.macs


def test_the_second_spectrogram_of_srpol_4_has_the_shape_of_the_first():
    frontend = report_model("srpol-4").architecture.frontend
    assert (frontend.second_n_mels(10.0), frontend.second_hop(10.0)) == (235, 15_001)
    assert 1 + 480_000 // frontend.second_hop(10.0) == frontend.n_mels


@pytest.mark.parametrize(
    ("model_id", "spared"),
    [("imt-c", True), ("ntu-vggnet", True), ("imt-b", False), ("netease-student", False)],
)
def test_a_model_is_adapted_to_other_classes(model_id, spared):
    model = report_model(model_id)
    assert model.adapted(model.classes) is model
    adapted = model.adapted(7).architecture
    compression = adapted.sections["compression"]
    assert (compression.get("prune_classifier") is False) is spared
    assert load_space(adapted.space).from_choices(adapted.choices) == adapted


def test_an_adapted_model_keeps_all_its_classes():
    """imt-c on ten classes: all 128 x 10 weights of its classifier stay."""
    model = report_model("imt-c")
    architecture = model.adapted(10).architecture
    rows = layer_table(architecture, 10, 10.0, RULES["imt"])
    assert (rows[-1].op, rows[-1].counted, rows[-1].nonzero) == ("linear", 1280, 1280)

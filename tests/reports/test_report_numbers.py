"""Numbers of the reports beyond their totals: parts of the counts, formulas, and what texts say.

Weights, biases and batch norm channels were counted on independent prototypes (report_models.md,
section 3); the rest is printed, or follows from what is printed by the arithmetic written here.
"""

import pytest
from shipped_models import NETWORKS

from nas_asc.architectures.architecture import Architecture, build_graph
from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import RULES
from nas_asc.reports.lookup import report_model
from nas_asc.reports.report import load_report
from nas_asc.reports.verification import report_rows

# id: weights of convolutions and linear layers, their biases, channels of batch norms
PARTS = {
    "srpol-c3multi": (70_224, 211, 208),
    "srpol-c10separable": (36_585, 474, 464),
    "srpol-3": (110_128, 259, 128),
    "srpol-4": (111_936, 227, 224),
    "deepsound-160": (57_658, 904, 1892),
    "deepsound-128": (57_658, 904, 1860),
    "deepsound-64": (57_658, 904, 1796),
    "deepsound-32": (57_658, 904, 1764),
    "netease-student": (30_898, 146, 108),
    "netease-teacher": (2_314_984, 622, 1536),
    "ntu-vggnet": (79_656, 239, 236),
    "ntu-inceptionnet": (166_732, 711, 32),
    "imt-a": (13_504, 131, 128),
    "imt-b": (29_888, 195, 192),
    "imt-c": (396_672, 3, 1728),
    "imt-d": (372_096, 3, 1600),
}
# id: kernel values that pruning leaves, batch norm scales that it leaves
KEPT = {
    "ntu-vggnet": (15_932, 236),
    "ntu-inceptionnet": (33_344, 32),
    "imt-a": (12_160, 12_275 - 12_160),
    "imt-c": (130_656, 131_227 - 130_656),
    "imt-d": (238_752, 239_781 - 238_752),
}
NORM_VALUES = {"dcase2020-1b": 0, "srpol": 0, "imt": 1, "dcase2021-1a": 4, "srpol-3": 4, "ntu": 4}


def cost(model_id, rule="plain", **changed):
    """Count a model, with other values in some of its sections."""
    model = report_model(model_id)
    given = model.architecture
    sections = {
        name: {**values, **changed.get(name, {})} for name, values in given.sections.items()
    }
    architecture = Architecture(given.space, sections, ())
    return count(architecture, model.classes, model.clip_s, rule)


def test_every_network_has_its_parts():
    assert set(PARTS) == set(NETWORKS)
    assert set(KEPT) == {i for i in PARTS if cost(i).sparsity}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("model_id", PARTS)
def test_each_rule_counts_the_parts_that_it_is_said_to_count(model_id, rule):
    """Zeros are free in 2020 and 2021; since 2022 and in the compact file norms have two values."""
    weights, biases, channels = PARTS[model_id]
    values = NORM_VALUES.get(rule, 2)
    norms = values * channels
    if rule in ("dcase2020-1b", "dcase2021-1a"):
        kept, scales = KEPT.get(model_id, (weights, channels))
        weights, norms = kept, norms - (channels - scales if values else 0)
    expected = weights + norms + (0 if rule == "imt" else biases)
    assert cost(model_id, rule).counted_params == expected


@pytest.mark.parametrize(
    ("model_id", "percent"), [("imt-a", 9.95), ("imt-c", 67.06), ("imt-d", 35.84)]
)
def test_imt_prunes_this_share_of_its_kernels(model_id, percent):
    assert round(100 * cost(model_id).sparsity, 2) == percent


@pytest.mark.parametrize(
    ("model_id", "nonzero"), [("ntu-vggnet", 17_119), ("ntu-inceptionnet", 34_201)]
)
def test_ntu_one_step_before_the_end_of_pruning(model_id, nonzero):
    """An open point of the report: at 79.99125 % sparsity more would be left than is printed."""
    found = cost(model_id, "ntu", compression={"sparsity": 0.7999125})
    assert found.nonzero_params == nonzero


def test_table_6_of_srpol_counts_two_values_per_norm_channel_of_model_4():
    """Table 5 leaves batch norm out; 441 KB are printed, 112,611 parameters of 4 B are 439.9 KB."""
    model = report_model("srpol-4")
    assert (model.printed["params"], model.printed["params_with_norms"]) == (112_163, 112_611)
    assert cost("srpol-4", "plain").counted_params == 112_611
    assert "439.9" in model.note


def printed_formula(fused, inputs, outputs, last):
    """Give formula (2) or (3) of the Deepsound report; `last` is what its last 2 multiplies."""
    reduced = inputs // 4
    inside = (
        9 * inputs + outputs + 2 * reduced + 3 if fused else inputs + outputs + 2 * reduced + 14
    )
    shortcut = inputs * outputs if inputs != outputs else 0
    return 4 * inputs * inside + 2 * last + reduced + shortcut


def test_deepsound_blocks_follow_the_formulas_but_for_their_last_term():
    """With 2 x O as in table 5; the 2 x I that is printed takes 12 from each of four blocks."""
    model = report_model("deepsound-160")
    rows = report_rows(load_report("deepsound"), model)
    total, blocks = sum(row.counted_params for row in rows), 0
    for row in rows:
        name, bracket, widths = row.name.removesuffix(")").partition("(")
        if name not in ("MBConv4", "Fused-MBConv4") or not bracket:
            continue
        inputs, outputs = map(int, widths.split(","))
        fused = name.startswith("Fused")
        assert row.counted_params == printed_formula(fused, inputs, outputs, outputs)
        total += printed_formula(fused, inputs, outputs, inputs) - row.counted_params
        blocks += 1
    assert (blocks, total) == (10, 62_298)


def test_deepsound_strides_and_channels_are_those_of_table_1():
    """Printed as (frame, mel): 2x1 for the first MBConv4; here it is (mel, frame)."""
    model = report_model("deepsound-160")
    layers = {la.name: la for la in build_graph(model.architecture, 10, 10.0).layers}
    printed = {1: ("2x2", 12, 2), 2: ("2x1", 18, 3), 3: ("2x2", 24, 3), 4: ("2x2", 30, 2)}
    for stage, (stride, channels, depth) in printed.items():
        frame, mel = map(int, stride.split("x"))
        first = layers[f"stage{stage}.1.shortcut"]
        assert first.operator.stride == (mel, frame)
        names = [f"stage{stage}.{n}.add" for n in range(1, depth + 1)]
        assert [layers[name].shape[0] for name in names] == [channels] * depth
        assert f"stage{stage}.{depth + 1}.add" not in layers
    assert layers["stem.conv"].operator.kernel == (3, 5)
    assert (layers["stem.conv"].shape[0], layers["head.conv"].shape[0]) == (6, 100)


@pytest.mark.parametrize(
    ("model_id", "macs"),
    [
        ("deepsound-160", 317_346_088),
        ("deepsound-128", 253_878_568),
        ("deepsound-64", 126_943_528),
        ("deepsound-32", 63_476_008),
    ],
)
def test_deepsound_on_the_eight_seconds_of_its_training(model_id, macs):
    found = count(report_model(model_id).architecture, 10, 8.0)
    assert (found.input_shapes[0][2], found.macs) == (512, macs)


@pytest.mark.parametrize(
    ("model_id", "frames", "macs", "total"),
    [
        ("srpol-c3multi", 465, 843_486_144, 853_029_824),
        ("srpol-c10separable", 465, 163_808_768, 174_319_104),
        ("srpol-3", 58, 56_910_848, 57_478_144),
    ],
)
def test_srpol_with_windows_that_are_not_centred(model_id, frames, macs, total):
    """An open point of the report; no count of parameters depends on it."""
    found = cost(model_id, frontend={"center": False})
    assert found.input_shapes[0][2] == frames
    assert (found.macs, found.macs_fvcore_total) == (macs, total)
    assert found.params == cost(model_id).params

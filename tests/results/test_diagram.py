"""What a drawing shows; expected numbers are the reports' tables."""

from random import Random

import pytest
from shipped_models import MODELS

from nas_asc.complexity.counting import count
from nas_asc.complexity.rules import counting_rule
from nas_asc.reports.lookup import report_model
from nas_asc.reports.verification import verify
from nas_asc.results.figures.network_rows import ENTRY, DrawnBlock, Row, connections, diagram
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space

# Table 6 of the Deepsound report, block by block (its last three rows are the head).
DEEPSOUND = (320, 108, 1801, 6219, 2655, 4216, 4216, 5092, 7158, 7158, 8466, 10627, 4310)


def shown(model_id):
    model = report_model(model_id)
    return diagram(
        model.architecture, model.classes, model.clip_s, counting_rule(model.rule), "", ""
    )


def block(model_id, name):
    return next(b for b in shown(model_id).blocks if b.name == name)


def check_rows_are_fed_from_above(found):
    for drawn in found.blocks:
        for number, row in enumerate(drawn.rows):
            assert all(ENTRY <= source < number for source in row.sources)
            assert row.sources or row.kind == "input"


@pytest.mark.parametrize("model_id", MODELS)
def test_nothing_is_lost(model_id):
    complexity = verify(report_model(model_id)).complexity
    found = shown(model_id)
    assert found.params == complexity.counted_params
    assert found.macs == complexity.macs
    assert found.blocks[-1].rows[-1].shape == (complexity.n_classes,)
    check_rows_are_fed_from_above(found)


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_random_networks_are_drawn_whole(name):
    space, rng = load_space(name), Random(0)
    for _ in range(10):
        architecture = space.random(rng)
        complexity = count(architecture, 10, 2.0, "plain")
        found = diagram(architecture, 10, 2.0, complexity.rule, "", "")
        assert (found.params, found.macs) == (complexity.params, complexity.macs)
        check_rows_are_fed_from_above(found)


def test_the_blocks_are_those_of_the_deepsound_report():
    assert tuple(b.params for b in shown("deepsound-160").blocks) == DEEPSOUND


@pytest.mark.parametrize(
    ("name", "params"), [("stage1", 2000), ("stage2", 27_936), ("stage3", 79_232), ("head", 1731)]
)
def test_the_blocks_are_those_of_the_srpol_report(name, params):
    assert block("srpol-3", name).params == params


def test_squeeze_and_excitation_is_one_row():
    rows = block("deepsound-160", "stage2.2").rows
    assert [row.kind for row in rows] == ["conv", "conv", "gate", "conv", "add"]
    assert rows[2].text == "squeeze-excite 72→4→72"
    assert rows[2].params == 292 + 360


def test_a_block_adds_its_input():
    assert block("deepsound-160", "stage2.2").rows[-1].sources == (3, ENTRY)
    assert block("netease-student", "stage1").rows[4].sources == (3, ENTRY)


def test_a_shortcut_with_a_convolution_stands_beside_the_path():
    drawn = block("imt-c", "stage1.1")
    assert [drawn.beside(row) for row in range(len(drawn.rows))] == [False, False, True, False]
    assert drawn.rows[2].text == "shortcut: conv 1/4 32→32"


def test_the_second_input_stands_where_it_is_needed():
    drawn = block("srpol-c3multi", "head")
    assert [row.text for row in drawn.rows] == [
        "global average",
        "second input: mean spectrum",
        "concatenate",
        "linear 320→3",
    ]
    assert drawn.beside(1)


def test_branches_start_from_the_same_place_and_meet():
    rows = block("ntu-inceptionnet", "stage3.1").rows
    assert [number for number, row in enumerate(rows) if ENTRY in row.sources] == [0, 2, 4]
    assert rows[-1].sources == (1, 3, 5)


def test_normalisation_goes_with_its_convolution():
    rows = block("imt-c", "stage1.2").rows
    assert [(row.text, row.detail) for row in rows] == [
        ("conv 3 32→32", "norm, relu"),
        ("conv 3 32→32", "norm"),
        ("add", "relu"),
    ]


def test_what_comes_first_is_named_first():
    assert block("netease-student", "stage1").rows[0].text == "norm, relu, depthwise 3x3 18"


@pytest.mark.parametrize(
    ("model_id", "stages"),
    [
        ("ntu-vggnet", (2, 2, 3, 3)),
        ("srpol-c3multi", (2, 2)),
        ("srpol-c10separable", (2, 2, 2)),
        ("ntu-inceptionnet", (1, 1, 2, 1, 2)),
        ("srpol-3", (1, 1, 1)),
    ],
)
def test_every_block_is_drawn_for_itself(model_id, stages):
    expected = [
        f"stage{stage}.{block}" if blocks > 1 else f"stage{stage}"
        for stage, blocks in enumerate(stages, 1)
        for block in range(1, blocks + 1)
    ]
    assert [b.name for b in shown(model_id).blocks if b.name.startswith("stage")] == expected


@pytest.mark.parametrize(
    ("sources", "kinds", "lanes", "skips"),
    [
        ([(ENTRY,), (0,), (1,)], "conv conv conv", {}, False),
        ([(ENTRY,), (0,), (1, ENTRY)], "conv conv add", {(ENTRY, 2, None): 1}, True),
        ([(ENTRY,), (ENTRY,), (0, 1)], "conv conv add", {(ENTRY, 2, 1): 1}, True),
        ([(ENTRY,), (), (0, 1)], "global_pool input concat", {(1, 2, 1): 1}, False),
        (  # two branches and a third: from the entry, and meeting in the concatenation
            [(ENTRY,), (ENTRY,), (ENTRY,), (0, 1, 2)],
            "conv conv conv concat",
            {(ENTRY, 1, None): 1, (1, 3, None): 1, (ENTRY, 2, None): 2, (0, 3, None): 3},
            False,
        ),
    ],
)
def test_what_the_main_path_does_not_show_runs_in_lanes(sources, kinds, lanes, skips):
    rows = zip(kinds.split(), sources, strict=True)
    drawn = DrawnBlock("", "", tuple(Row(k, "", "", (1,), 1, 1, of) for k, of in rows), 1, 1)
    found = connections(drawn)
    assert {(c.source, c.target, c.via): c.lane for c in found} == lanes
    assert any(c.skips for c in found) == skips

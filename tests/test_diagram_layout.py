import pytest

from nas_asc.diagram import ENTRY, Diagram, DrawnBlock, Row
from nas_asc.diagram_layout import connections, height, in_columns, lanes


def block(*sources, kinds=None, name="stage1"):
    kinds = kinds or ["conv"] * len(sources)
    rows = tuple(
        Row(kind, "", "", (1,), 1, 1, source) for kind, source in zip(kinds, sources, strict=True)
    )
    return DrawnBlock(name, "", rows)


def found(drawn):
    return {(c.source, c.target, c.via): c.lane for c in connections(drawn)}


def test_a_chain_has_no_connections_beside_it():
    assert connections(block((ENTRY,), (0,), (1,))) == []


def test_a_skip_goes_from_the_entry_to_the_sum():
    drawn = block((ENTRY,), (0,), (1, ENTRY), kinds=["conv", "conv", "add"])
    assert found(drawn) == {(ENTRY, 2, None): 1}
    assert connections(drawn)[0].skips


def test_a_shortcut_lies_on_its_connection():
    drawn = block((ENTRY,), (ENTRY,), (0, 1), kinds=["conv", "conv", "add"])
    assert found(drawn) == {(ENTRY, 2, 1): 1}


def test_a_second_input_begins_its_connection():
    drawn = block((ENTRY,), (), (0, 1), kinds=["global_pool", "input", "concat"])
    assert found(drawn) == {(1, 2, 1): 1}
    assert not connections(drawn)[0].skips


def test_connections_that_cross_have_lanes_of_their_own():
    """Two branches and a third: what starts at the entry, what meets in the concatenation."""
    drawn = block((ENTRY,), (ENTRY,), (ENTRY,), (0, 1, 2))
    lanes_of = found(drawn)
    assert set(lanes_of) == {(ENTRY, 1, None), (ENTRY, 2, None), (0, 3, None), (1, 3, None)}
    assert lanes_of[(ENTRY, 2, None)] != lanes_of[(0, 3, None)]
    assert lanes(Diagram("", "", (drawn,))) == max(lanes_of.values())


@pytest.mark.parametrize(("count", "width", "columns"), [(2, 30, 1), (20, 20, 3), (40, 20, 4)])
def test_a_long_network_gets_more_columns(count, width, columns):
    shown = Diagram("", "", tuple(block((ENTRY,), (0,), (1,)) for _ in range(count)))
    assert len(in_columns(shown, width)) == columns


def test_columns_hold_all_blocks_in_order_and_are_even():
    blocks = tuple(block(*[(ENTRY,)] * n, name=f"stage{n}") for n in (1, 5, 2, 6, 3, 1, 4))
    columns = in_columns(Diagram("", "", blocks), 12.0)
    assert [b for column in columns for b in column] == list(blocks)
    heights = [sum(map(height, column)) for column in columns]
    assert len(columns) == 1 or max(heights) < 0.8 * sum(heights)

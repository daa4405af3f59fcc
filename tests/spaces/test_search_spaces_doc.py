"""docs/search_spaces.md: its example runs, its numbers hold, and it names every word."""

import re
from pathlib import Path

import pytest
from shipped_models import FAMILIES as REPORTED

from nas_asc.architectures.blocks import BLOCKS
from nas_asc.reports.verification import verify
from nas_asc.spaces.schema import DOMAINS
from nas_asc.spaces.space_file import load_space, read_space

TEXT = (Path(__file__).parent.parent.parent / "docs" / "search_spaces.md").read_text(
    encoding="utf-8"
)
EXAMPLE, FAMILIES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_are_spaces_and_have_as_many_values_as_the_text_says(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FAMILIES, encoding="utf-8")
    assert list(read_space(path).families) == ["mbconv", "wave_vgg"]
    path.write_text(EXAMPLE, encoding="utf-8")
    space = read_space(path)
    assert space.size() == 600
    assert "that makes 600 architectures" in TEXT
    stem, stage, classifier = 8 * 15 + 16, 8 * 9 + 8 * 16 + 32, 16 * 10 + 10
    found = verify(space.models["mine"])
    assert found.match
    assert found.complexity.counted_params == stem + stage + classifier == 538
    assert "in the classifier: 538." in TEXT


@pytest.mark.parametrize("kind", DOMAINS)
def test_every_key_is_named(kind):
    """But for those that only blocks have which are not."""
    keys = {name: set(block.defaults) for name, block in BLOCKS.items()}
    named = {key for block in keys if f"`{block}`" in TEXT for key in keys[block]}
    spared = set().union(*keys.values()) - named if kind == "stage" else set()
    assert [key for key in DOMAINS[kind] if f"`{key}" not in TEXT and key not in spared] == []


def test_the_blocks_that_are_named_are_those_of_the_spaces_of_the_reports():
    """Others may be added without a word on the page."""
    used = {
        block
        for space in map(load_space, REPORTED)
        for section in space.sections
        for key, blocks in section.selectors
        if key == "block"
        for block in blocks
    }
    table = TEXT.partition("| block | keys |\n")[2].partition("\n\n")[0]
    named = {n for cell in re.findall(r"^\| (`.*?) \|", table, re.M) for n in cell.split(", ")}
    assert {f"`{block}`" for block in used} <= named <= {f"`{block}`" for block in BLOCKS}

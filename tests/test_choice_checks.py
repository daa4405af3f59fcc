"""A space that was narrowed: choices that its models still set, and what is said about others."""

import pytest

from nas_asc.errors import ConfigError
from nas_asc.shipped import shipped
from nas_asc.space_file import read_space

TEXT = shipped("search_spaces")["mbconv"].read_text(encoding="utf-8")
STAGE1 = TEXT[TEXT.index("[stage1]") : TEXT.index("[stage2]")]


@pytest.fixture
def narrowed(tmp_path):
    """Give the space with keys of its first stage changed, or its faults."""

    def read(**keys):
        lines = STAGE1.splitlines()
        for key, value in keys.items():
            (place,) = [i for i, line in enumerate(lines) if line.startswith(f"{key} = ")]
            lines[place] = "" if value is None else f"{key} = {value}"
        path = tmp_path / "mine.toml"
        path.write_text(TEXT.replace(STAGE1, "\n".join(lines) + "\n"), encoding="utf-8")
        try:
            return read_space(path)
        except ConfigError as error:
            return [line.partition(": ")[2] for line in str(error).splitlines()]

    return read


@pytest.mark.parametrize("value", ['"3x3"', '["3x3"]'])
def test_a_choice_that_is_fixed_at_the_same_value_is_taken(narrowed, value):
    space = narrowed(kernel=value)
    assert "stage1.kernel" not in [p.path for p in space.parameters()]
    assert space.models["deepsound-160"].architecture.sections["stage1"]["kernel"] == "3x3"
    assert "stage1.kernel" not in space.models["deepsound-160"].architecture.choices


def test_choices_with_the_fixed_value_name_the_same_architecture(narrowed):
    space = narrowed(kernel='"3x3"')
    choices = space.models["deepsound-160"].architecture.choices
    assert space.from_choices({**choices, "stage1.kernel": "3x3"}) == space.from_choices(choices)


def test_a_choice_that_is_fixed_at_another_value_says_so(narrowed):
    faults = narrowed(kernel='["5x5"]')
    assert faults[0] == (
        "models.deepsound-160: stage1.kernel: expected '5x5', at which the space fixes it, got "
        "'3x3' - make '3x3' an option there, or give '5x5'"
    )
    assert all(": stage1.kernel: expected '5x5'," in fault for fault in faults)


def test_only_the_cause_is_told_where_another_block_is_fixed(narrowed):
    # Without expand and squeeze_excite, which no block of the stage uses any more.
    faults = narrowed(block='"conv"', expand=None, squeeze_excite=None)
    assert faults
    assert all(": stage1.block: expected 'conv', at which" in fault for fault in faults)


def test_a_fixed_value_that_is_not_in_use_may_not_be_given(narrowed):
    space = narrowed(block='["fused_mbconv", "conv"]', expand="4")
    choices = space.models["deepsound-160"].architecture.choices
    inverted = {**choices, "stage1.expand": 4}
    plain = {**inverted, "stage1.block": "conv"}
    plain.pop("stage1.squeeze_excite", None)
    assert space.from_choices(inverted) == space.from_choices(choices)
    with pytest.raises(ConfigError, match=r"^stage1\.expand: expected a choice that is in use$"):
        space.from_choices(plain)

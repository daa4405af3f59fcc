"""What pydantic finds wrong is told as all faults are: path, expected, got, nearest word."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nas_asc.errors import unknown_key
from nas_asc.study.config import faults_of


def refused(value):
    if value == "x":
        raise ValueError("expected y, got 'x'")
    return value


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Part(Table):
    keep: float = Field(gt=0, le=1)
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(default=(), strict=False)


class Whole(Table):
    mode: Literal["fast", "slow"] = "fast"
    number: int | None = Field(default=None, ge=1, le=1000)
    flag: bool = False
    text: Annotated[str, AfterValidator(refused)] = ""
    part: Part | None = None
    parts: list[Part] = []
    named: dict[str, Part] = {}

    @model_validator(mode="after")
    def _agree(self):
        if self.flag and self.number is None:
            raise ValueError("number: expected one with flag, got none")
        return self


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"mode": "fats"}, "mode: expected 'fast' or 'slow', got 'fats', did you mean 'fast'?"),
        ({"number": 0}, "number: expected a number greater than or equal to 1, got 0"),
        ({"flag": 1}, "flag: expected true or false, got 1"),
        ({"text": 3}, "text: expected a text, got 3"),
        ({"text": "x"}, "text: expected y, got 'x'"),
        ({"flag": True}, "number: expected one with flag, got none"),
        ({"part": 3}, "part: expected a table, got 3"),
        ({"part": {}}, "part.keep: expected a value, got nothing"),
        (
            {"parts": [{"keep": 2}]},
            "parts.1.keep: expected a number less than or equal to 1, got 2",
        ),
        ({"named": {"a": {"keep": 1, "shares": [0.5, 2]}}}, "named.a.shares.2: expected a number"),
        ({"part": {"keep": 1, "kep": 1}}, "part.kep: expected one of keep, shares, did you mean"),
    ],
)
def test_a_fault_is_told_by_path_and_what_was_expected(table, fault):
    with pytest.raises(ValidationError) as error:
        Whole.model_validate(table)
    (found,) = faults_of(error.value, Whole)
    assert found.text.startswith(fault)


def test_of_many_known_keys_only_the_nearest_is_named():
    known = [f"key{n}" for n in range(30)]
    assert unknown_key("kye7", known) == "expected a known key, did you mean 'key7'?"

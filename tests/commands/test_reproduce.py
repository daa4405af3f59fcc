"""What is said of results that stand beside those of a report."""

import pytest

from nas_asc.commands.reproduce import _remark_on_part
from nas_asc.datasets import official_test_clips


@pytest.mark.parametrize(
    ("measured", "official", "told"),
    [(10, 4185, True), (4185, 4185, False), (10, None, False)],
)
def test_results_of_a_part_of_the_test_clips_are_marked(measured, official, told, capsys):
    _remark_on_part({"measured": measured, "official": official})
    out = " ".join(capsys.readouterr().out.split())
    assert ("measured on 10 of the 4,185 clips that the data set tests on" in out) == told
    assert ("do not compare" in out) == told


@pytest.mark.parametrize(
    ("edition", "clips"),
    [
        ("TAU Urban Acoustic Scenes 2020 3Class, development", 4185),
        ("TAU Urban Acoustic Scenes 2022 Mobile, development", 29680),
        ("ESC-50", None),  # tested on by folds
        (None, None),
    ],
)
def test_how_many_clips_an_edition_tests_on_is_known_of_those_with_a_list(edition, clips):
    assert official_test_clips(edition) == clips

import pytest

from nas_asc.errors import nearest

RULES = ("plain", "dcase2020-1b", "dcase2021-1a", "dcase2025-1", "srpol", "srpol-3")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("dcase2021", ", did you mean 'dcase2021-1a'?"),
        ("dcase", ", did you mean 'dcase2020-1b', 'dcase2021-1a' or 'dcase2025-1'?"),
        ("srpo", ", did you mean 'srpol'?"),
        ("srp", ", did you mean 'srpol' or 'srpol-3'?"),
        ("srpl", ", did you mean 'srpol'?"),
        ("PLAIN", ", did you mean 'plain'?"),
        ("SRPOL", ", did you mean 'srpol'?"),
        ("Dcase2020", ", did you mean 'dcase2020-1b'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_what_a_word_may_stand_for_is_named(word, hint):
    assert nearest(word, RULES) == hint


def test_of_many_words_that_begin_alike_only_the_nearest_is_named():
    known = [f"stage{number}.width" for number in range(1, 21)]
    assert nearest("stage", known).count("stage") <= 1
    assert nearest("stage7.widht", known) == ", did you mean 'stage7.width'?"


def test_a_word_is_no_suggestion_for_itself():
    assert "'all'" not in nearest("all", ["plain", "all"])

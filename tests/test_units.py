import pytest

from nas_asc.errors import ConfigError
from nas_asc.units import format_count, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("10m", 600), ("1.5h", 5400)]
)
def test_durations_are_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("", "10", "0m", "0.0h", "10 m", "10min", "-5s"), "a duration such as 90s, 10m or"),
        (("10000.1h", "600001m", "9" * 400 + "s"), "a duration of at most 10000h"),
    ],
)
def test_what_is_no_duration_of_a_search_is_refused(texts, expected):
    for text in texts:
        with pytest.raises(ConfigError, match=f"expected {expected}"):
            parse_duration(text)


def test_the_longest_duration_is_ten_thousand_hours():
    assert parse_duration("10000h") == 36_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45.2, "45 s"), (89, "89 s"), (720, "12 min"), (3600, "1 h 00 min"), (3900, "1 h 05 min")],
)
def test_durations_are_written_for_people(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1 K"),
        (61_148, "61.1 K"),
        (999_999, "1 M"),
        (29_419_156, "29.4 M"),
        (999_999_999, "1 G"),
        (26_900_000_000_000, "26.9 T"),
    ],
)
def test_counts_are_written_with_three_digits(count, text):
    assert format_count(count) == text

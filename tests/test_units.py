import pytest

from nas_asc.errors import ConfigError
from nas_asc.units import format_count, format_duration, parse_bytes, parse_count, parse_duration


@pytest.mark.parametrize(
    ("text", "kb", "size_bytes"),
    [
        ("512B", 1024, 512),
        ("128kB", 1024, 128_000),
        ("128KB", 1024, 131_072),
        ("0.5MB", 1024, 524_288),
        ("64KiB", 1024, 65_536),
        ("1MiB", 1024, 1_048_576),
        ("1.5KB", 1024, 1_536),
        ("128KB", 1000, 128_000),
        ("0.5MB", 1000, 500_000),
        ("64KiB", 1000, 65_536),
        ("1MiB", 1000, 1_048_576),
    ],
)
def test_sizes_are_read_as_the_rule_takes_a_kb(text, kb, size_bytes):
    assert parse_bytes(text, kb) == size_bytes


def test_decimal_fractions_are_read_exactly():
    assert parse_bytes("1.001kB", kb=1024) == 1_001
    assert parse_count("1.001K") == 1_001


def test_a_fraction_of_a_byte_is_rounded_down():
    assert parse_bytes("1.0009kB", kb=1024) == 1_000


def test_more_digits_than_a_float_holds_are_read_exactly():
    assert parse_bytes("9" * 40 + "MB", kb=1024) == (10**40 - 1) * 1_048_576
    assert parse_count("9" * 40 + "G") == (10**40 - 1) * 10**9


@pytest.mark.parametrize(
    ("text", "count"),
    [("65536", 65_536), ("64K", 64_000), ("30M", 30_000_000), ("2.3M", 2_300_000), ("1G", 10**9)],
)
def test_counts_take_decimal_prefixes(text, count):
    assert parse_count(text) == count


def test_other_spellings_are_none():
    for text in ("", "128", "128kb", "128 KB", "-1KB", "KB", "1e3KB", "128KBs"):
        assert parse_bytes(text, kb=1024) is None
    for text in ("", "k", "30m", "30 M", "-1", "1.M"):
        assert parse_count(text) is None


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
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

"""Each fault of a TOML stands in a line of its own, with the line of the file that it is in."""

from pathlib import Path

import pytest

from nas_asc.errors import ConfigError
from nas_asc.spaces.space_file import load_space
from nas_asc.toml_file import Fault, read_toml

TEXT = '''# line 1
title = """
a long one
"""

[stage1]  # 6
width = [  # 7
    4,
    "]",  # [stage2]
]
"kernel" = 3  # 11
pool.more = { a = 1, b = { c = 2 } }

[[several.members]]  # 14
model = "a"
[several.members.map]  # 16
x = "y"
[[several.members]]  # 18
model = "b"
[several.members.map]  # 20
x = "z"
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Give the path of a file in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path("mine.toml")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("title", 2),
        ("stage1", 6),
        ("stage1.width", 7),
        ("stage1.kernel", 11),
        ("stage1.pool", 12),
        ("stage1.pool.more.b.c", 12),
        ("stage1.depth", 6),
        ("several.members.1.model", 15),
        ("several.members.1.map.x", 17),
        ("several.members.2", 18),
        ("several.members.2.map.x", 21),
        ("several.members.2.weight", 18),
        ("stage9.width", None),
    ],
)
def test_a_fault_is_in_the_line_of_its_key_or_table(file, path, line):
    file.write_text(TEXT, encoding="utf-8")
    error = read_toml(file, "a file").error([Fault(path, "wrong")])
    place = "mine.toml" if line is None else f"mine.toml:{line}"
    assert str(error) == f"{place}: {path}: wrong"


def test_faults_are_in_the_order_of_the_file(file):
    file.write_text(TEXT, encoding="utf-8")
    faults = [Fault("head", "c"), Fault("stage1.kernel", "b"), Fault("title", "a")]
    assert str(read_toml(file, "a file").error(faults)).splitlines() == [
        "mine.toml:2: title: a",
        "mine.toml:11: stage1.kernel: b",
        "mine.toml: head: c",
    ]


@pytest.mark.parametrize("folder", ["spaces", "../spaces", "/"])
def test_the_faults_of_a_member_keep_their_paths_and_lines(tmp_path, monkeypatch, folder):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    folder = str(tmp_path) if folder == "/" else folder
    Path(folder, "own").mkdir(parents=True)
    Path(folder, "own/mine.toml").write_text("\n[frontend]\nkind = 3\n[head]\nconv = -1\n")
    Path(folder, "mine.toml").write_text('\nfamily = ["own/mine.toml"]\n')
    with pytest.raises(ConfigError) as error:
        load_space(f"{folder}/mine.toml")
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{folder}/mine.toml:2: family: {folder}/own/") for line in lines)
    for place in ("own/mine.toml:3: frontend.kind", "own/mine.toml:5: head.conv"):
        assert len([line for line in lines if f" {folder}/{place}: " in line]) == 1


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a = 1\nb = = 2\n", "mine.toml:2: expected TOML, "),
        (b"a = 1\n\na = 2\n", "mine.toml:3: expected TOML, "),
        (b"a = 1\n[b\n", "mine.toml:2: expected TOML, "),
        (b"a = 1\n\nb = [", "mine.toml: expected TOML, "),
        (b"\x00", "mine.toml:1: expected TOML, "),
        (b"\xff\xfe", "mine.toml:1: expected UTF-8 text, got the byte 0xff, "),
        (b'title = "ok"\n\n# caf\xe9\n', "mine.toml:3: expected UTF-8 text, got the byte 0xe9, "),
        (b"a = 1\nb = " + b"9" * 5000, "mine.toml: expected TOML, "),
        (b"x = " + b"[" * 100_000, "mine.toml: expected TOML, got lists or tables nested too"),
        (b".".join([b"a"] * 3000) + b" = 1", "mine.toml: expected TOML, got lists or tables"),
        (None, "mine.toml: expected a file, No such file"),
    ],
)
def test_what_is_no_toml_is_one_line(file, content, place):
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_toml(file, "a file")
    assert str(error.value).startswith(place)
    assert "\n" not in str(error.value)


def test_a_list_of_many_lines_keeps_the_line_of_its_key(file):
    text = "a = [\n" + "".join(f"  {n},\n" for n in range(20_000)) + "]\nb = 1\n"
    file.write_text(text, encoding="utf-8")
    error = read_toml(file, "a file").error([Fault("a", "wrong"), Fault("b", "wrong")])
    assert str(error).splitlines() == ["mine.toml:1: a: wrong", "mine.toml:20003: b: wrong"]


def test_the_longest_lines_are_read_at_once(file):
    file.write_text(f"a = 1\n#{' ' * 10**6}\n#{'[' * 10**6}\nb = 1\n", encoding="utf-8")
    error = read_toml(file, "a file").error([Fault("b", "wrong")])
    assert str(error) == "mine.toml:4: b: wrong"

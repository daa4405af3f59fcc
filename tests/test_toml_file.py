"""Each fault of a TOML stands in a line of its own, with the line of the file that it is in."""

import tomllib
from pathlib import Path

import pytest

from nas_asc.errors import ConfigError
from nas_asc.library import load_space
from nas_asc.toml_file import Fault, read_toml

TEXT = '''# line 1
title = """
[stage9]
width = 3
"""

[stage1]  # 7
width = [  # 8
    4,
    "]",  # [stage2]
]
"kernel" = 3  # 12
pool.more = { a = 1, b = { c = 2 } }

[[several.members]]  # 15
model = "a"
[several.members.map]  # 17
x = "y"
[[several.members]]  # 19
model = "b"
[several.members.map]  # 21
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
        ("stage1", 7),
        ("stage1.width", 8),
        ("stage1.kernel", 12),
        ("stage1.pool.more.b.c", 13),
        ("stage1.depth", 7),
        ("several.members.1.model", 16),
        ("several.members.1.map.x", 18),
        ("several.members.2", 19),
        ("several.members.2.map.x", 22),
        ("several.members.2.weight", 19),
        ("stage9.width", None),
    ],
)
def test_a_fault_is_in_the_line_of_its_key_or_table(file, path, line):
    file.write_text(TEXT, encoding="utf-8")
    error = read_toml(file, "a file").error([Fault(path, "wrong")])
    assert str(error) == ("mine.toml: wrong" if line is None else f"mine.toml:{line}: wrong")


def test_faults_are_in_the_order_of_the_file(file):
    file.write_text(TEXT, encoding="utf-8")
    faults = [Fault("head", "c"), Fault("stage1.kernel", "b"), Fault("title", "a")]
    assert str(read_toml(file, "a file").error(faults)).splitlines() == [
        "mine.toml:2: a",
        "mine.toml:12: b",
        "mine.toml: c",
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


@pytest.mark.parametrize("folder", ["", "one/", "../other/", "/"])
def test_a_fault_has_the_path_as_it_was_given(tmp_path, monkeypatch, folder):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = f"{tmp_path}/" if folder == "/" else folder
    path = Path(f"{given}mine.toml")
    path.parent.mkdir(exist_ok=True)
    for content, fault in ((b"a = 1\n", "1: wrong"), (b"a", "1: expected"), (b"\xff", "1: exp")):
        path.write_bytes(content)
        with pytest.raises(ConfigError) as error:
            raise read_toml(path, "a file").error([Fault("a", "wrong")])
        assert str(error.value).startswith(f"{given}mine.toml:{fault}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\nb = = 2\n", "mine.toml:2: expected TOML, invalid value (column 5)"),
        ("a = 1\n\na = 2\n", "mine.toml:3: expected TOML, cannot overwrite a value (column 6)"),
        ("a = 1\n[b\n", "mine.toml:2: expected TOML, expected ']' at the end of a table"),
        ("a = 1\n\nb = [", "mine.toml:3: expected TOML, invalid value (at the end of the file)"),
        (
            "a = 1\nb = " + "9" * 5000 + "\n",
            "mine.toml:2: expected TOML, got a number of thousands of digits",
        ),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(file, text, fault):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_toml(file, "a file")
    assert str(error.value).startswith(fault)
    assert "\n" not in str(error.value)


def test_a_list_of_many_lines_keeps_the_line_of_its_key(file):
    text = "a = [\n" + "".join(f"  {n},\n" for n in range(20_000)) + "]\nb = 1\n"
    file.write_text(text, encoding="utf-8")
    error = read_toml(file, "a file").error([Fault("a", "wrong"), Fault("b", "wrong")])
    assert str(error).splitlines() == ["mine.toml:1: wrong", "mine.toml:20003: wrong"]


def test_the_statements_are_read_once_each(file, monkeypatch):
    file.write_text("a = [\n" + "  [1, 2],\n" * 2000 + "]\nb = 1\n", encoding="utf-8")
    mine = read_toml(file, "a file")
    read = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: read.append(text) or loads(text))
    error = mine.error([Fault("a", "wrong"), Fault("b", "wrong")])
    assert str(error).splitlines() == ["mine.toml:1: wrong", "mine.toml:2003: wrong"]
    assert "".join(read) == mine.text


@pytest.mark.parametrize(
    "value",
    [
        '"["',
        "'['",
        '"\\"["',
        '"\\\\"',
        "'\\'",
        '["]",\n"}"\n]',
        '[  # [ "\n1]',
        '{ b = ["["], c = "{" }',
        '"""\n["""',
        '"""\n\\"""["""',
        '"""[\n""["""""',
        '""""""',
        "'''[\n''[''''",
        "1  # ' [",
    ],
)
def test_a_value_ends_where_its_strings_and_brackets_do(file, value):
    file.write_text(f"a = {value}\nb = 1\n", encoding="utf-8")
    error = read_toml(file, "a file").error([Fault("b", "wrong")])
    assert str(error) == f"mine.toml:{value.count(chr(10)) + 2}: wrong"

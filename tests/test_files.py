"""What is written stands there whole or not at all."""

import pytest

from nas_asc.files import digest, folder_atomically, open_atomically, write_atomically


@pytest.fixture
def path(tmp_path):
    """A file that stands already."""
    path = tmp_path / "front.json"
    path.write_text("old")
    return path


def test_text_and_bytes_replace_what_stood_there(path):
    write_atomically(path, "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    write_atomically(path, b"\0")
    assert path.read_bytes() == b"\0"
    assert [*path.parent.iterdir()] == [path]


def test_a_folder_replaces_the_one_that_stood_there(tmp_path):
    for name in ("a", "b"):
        with folder_atomically(tmp_path / "models" / "7") as part:
            (part / name).write_text(name)
    assert [path.name for path in tmp_path.rglob("*")] == ["models", "7", "b"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_old_one_alone(path, error):
    def fail(writing):
        with writing as part:
            if part != path:
                raise error

    with pytest.raises(error):
        fail(open_atomically(path))
    with pytest.raises(error):
        fail(folder_atomically(path.parent / "models"))
    assert path.read_text() == "old"
    assert [*path.parent.iterdir()] == [path]


def test_a_digest_is_sha256():
    assert digest("abc", 16) == digest(b"abc")[:16] == "ba7816bf8f01cfea"  # FIPS 180-2

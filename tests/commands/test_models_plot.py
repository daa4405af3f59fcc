"""`nas-asc models ID --plot`: what it draws, into which files, and what it says otherwise."""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from functools import partial

import pytest

from nas_asc.reports.lookup import report_model
from nas_asc.shipped import shipped


@pytest.fixture
def models(run_command, monkeypatch, tmp_path):
    """Run the command in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    return partial(run_command, "models")


@pytest.fixture
def made(tmp_path):
    """Make a run with one trial, and a space of one's own."""
    folder = tmp_path / "run" / "models" / "3"
    folder.mkdir(parents=True)
    data = report_model("srpol-4").architecture.to_dict()
    (folder / "architecture.json").write_text(json.dumps({**data, "classes": 5, "clip_s": 5.0}))
    (tmp_path / "mine.toml").write_text(shipped("search_spaces")["vgg"].read_text())


def texts(path):
    return [text.text for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(
    "target", ["run:3", "run/models/3", "run/models/3/architecture.json", "mine.toml:srpol-4"]
)
def test_whatever_can_be_counted_can_be_drawn(models, made, tmp_path, target):
    code, out, err = models(target, "--plot", "net.svg")
    written = texts(tmp_path / "net.svg")
    assert (code, out, err) == (0, "", "wrote net.svg\n")
    assert written[0].startswith(f"{target}: ")
    assert {"stage3", "conv 3x3 96→64", "global average"} <= set(written)


def test_a_trial_is_drawn_as_it_was_searched(models, made, tmp_path):
    """5 s of 48 kHz, a hop of 2048: 1 + 117 frames; 240000 // 32 + 1 samples between 32 frames."""
    models("run:3", "--plot", "net.svg")
    words = " ".join(texts(tmp_path / "net.svg")[:6])
    for part in ("input 2x32x118", "5 classes", "clips of 5 s", "rule plain"):
        assert part in words
    assert "second spectrogram: window 16384, hop 7501, transposed" in words


def test_an_ensemble_is_drawn_network_by_network(models, tmp_path):
    """70 % and 30 % of the vote, 70,435 and 37,059 parameters, as the SRPOL report has them."""
    assert models("srpol-1", "--plot", "net.svg")[0] == 0
    words = " ".join(texts(tmp_path / "net.svg"))
    for part in (
        "107,494 parameters",
        "srpol-c3multi: ",
        "with 70 % of the vote; input 1x256x469 and 256, 3 classes",
        "70,435 parameters",
        "srpol-c10separable: ",
        "with 30 % of the vote; its 10 classes summed; input 1x256x469, 10 classes",
        "37,059 parameters",
        "second input: mean spectrum",
    ):
        assert part in words
    assert words.index("second input") < words.index("srpol-c10separable: ")


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_an_odd_title_is_drawn_as_far_as_it_is_text(models, tmp_path, kind):
    data = report_model("srpol-4").architecture.to_dict()
    odd = {**data, "space": "of \ud800, \u0001\nand a\ttab", "classes": 5, "clip_s": 5.0}
    (tmp_path / "net.json").write_text(json.dumps(odd))
    assert models("net.json", "--plot", f"net.{kind}") == (0, "", f"wrote net.{kind}\n")
    if kind == "svg":
        drawn = "of \N{REPLACEMENT CHARACTER}, \N{REPLACEMENT CHARACTER} and a tab"
        assert f"net.json: a network of the space {drawn}" in " ".join(texts(tmp_path / "net.svg"))


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are text there")
def test_a_path_that_is_no_text_is_drawn(models, made, tmp_path):
    odd = os.fsdecode(b"b\xffd")
    (tmp_path / "run").rename(tmp_path / odd)
    assert models(f"{odd}:3", "--plot", "net.svg")[0] == 0
    assert texts(tmp_path / "net.svg")[0].startswith("b\N{REPLACEMENT CHARACTER}d:3")


@pytest.mark.parametrize(("name", "start"), [("net.SVG", b"<?xml"), ("net.Png", b"\x89PNG")])
def test_endings_may_be_in_capitals(models, tmp_path, name, start):
    assert models("srpol-3", "--plot", name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)

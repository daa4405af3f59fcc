"""A new user's hour: from a folder as people have them to a front, with one command."""

import json
from collections import Counter

import pytest
from made_data import DRUMS, LANGUAGES, MACHINES, write_drums, write_languages, write_machines

from nas_asc.datasets import load_dataset
from nas_asc.search.storage.run_folder import saved_study

SHORT = ("--budget", "32KB,2MMAC", "--space", "mbconv", "--trials", 2, "--epochs", 2)


@pytest.fixture
def found(run_command, tmp_path, in_this_process):
    """Search a folder of recordings; give the summary, what was said, and the study."""

    def search(folder, *options):
        run = tmp_path / "run"
        argv = (*SHORT, "--workers", 1, "--out", run, "--json", *options)
        code, out, err = run_command("search", "--data", folder, *argv)
        assert code == 0, err
        summary = json.loads(out)
        assert summary["trials"]["completed"] + summary["trials"]["stopped_early"] == 2
        assert all(point["size_bytes"] <= 32 * 1024 for point in summary["front"])
        assert summary["front"]
        return summary, err, saved_study(run)

    return search


def test_drum_hits_of_nine_kits(found, tmp_path):
    """Hits of 50 ms, mixed rates and channels, and a class that six of the kits lack."""
    summary, err, _ = found(write_drums(tmp_path / "drums"))
    assert summary["data"]["classes"] == len(DRUMS)
    assert summary["data"]["clips"] == 9 * 3 * 4 + 3 * 4
    assert "mixed sample rates" in err
    dataset = load_dataset(tmp_path / "drums")
    for label in range(len(DRUMS)):
        splits = Counter(clip.split for clip in dataset.clips if clip.label == label)
        assert min(splits[split] for split in ("train", "validation", "test")) > 0


def test_utterances_in_four_languages(found, tmp_path):
    """One folder a class, and five times as many clips of one: its weight is a fifth."""
    summary, _, study = found(write_languages(tmp_path / "languages"))
    assert summary["data"]["classes"] == len(LANGUAGES)
    assert summary["data"]["clips"] == 60 + 3 * 12
    assert study.recipe.loss["class_weights"] == "balanced"
    assert "class_weights" in study.plan


@pytest.mark.slow
def test_ten_minutes_of_each_of_thirty_machines(found, tmp_path):
    """600 s in windows of 5 s are 120 a file; no file is in two splits, and files are judged."""
    folder = write_machines(tmp_path / "machines")
    summary, _, _ = found(folder, "--window", "5s")
    assert summary["data"]["classes"] == len(MACHINES)
    assert (summary["data"]["clips"], summary["data"]["windows"]) == (30, 30 * 120)
    assert sum(summary["data"]["splits"].values()) == 30
    for point in summary["front"]:
        assert {"window_accuracy", "window_log_loss"} <= point.keys()
        assert round(point["accuracy"] * 6) == pytest.approx(point["accuracy"] * 6)

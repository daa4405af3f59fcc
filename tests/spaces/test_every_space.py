"""Every space, and all of them in one, from recordings to a front."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nas_asc.complexity.counting import count
from nas_asc.datasets import load_dataset
from nas_asc.networks.model_files import load_saved
from nas_asc.reports.lookup import report_model
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import run_search
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space
from nas_asc.study import DataSource
from nas_asc.study.config import load_study, with_options
from nas_asc.study.job import Job
from nas_asc.training.run_job import run_job, siblings

RATE_HZ, CLIP_S = 16000, 0.4
SPACES = tuple(shipped("search_spaces"))


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes of 0.4 s: low tones and high tones, ten mono recordings each."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    for label, low_hz, high_hz in (("low", 200, 400), ("high", 3000, 5000)):
        (folder / label).mkdir()
        for n in range(10):
            tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) * time_s)
            noise = rng.normal(0, 0.05, len(time_s))
            soundfile.write(folder / label / f"{n}.wav", 0.3 * tone + noise, RATE_HZ)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def search(run, data, space, **options):
    values = {
        "space": space,
        "budget": "200KB,3MMAC",
        "epochs": 1,
        "data": {"paths": [str(data)]},
        **options,
    }
    return run_search(
        with_options(load_study("quick"), values),
        load_dataset(data),
        run=run,
        workers=RUNNERS["inline"](1, "nas_asc.training.run_job:run_job"),
    )


def cheap(space, **wanted):
    """Draw a small architecture whose front end has some values."""
    space, rng = load_space(space), random.Random(2)
    while True:
        architecture = space.random(rng)
        frontend = architecture.sections["frontend"]
        if all(frontend.get(key) in values for key, values in wanted.items()):
            counted = count(architecture, 2, CLIP_S)
            if counted.macs < 1_000_000:
                return architecture


@pytest.mark.parametrize(
    ("space", "wanted"),
    [
        ("separable", {"mean_spectrum": (True,), "normalisation": ("standard",)}),
        ("vgg", {"second_window_ms": (171, 341), "normalisation": ("standard",)}),
        ("wave_vgg", {"channels": (2,)}),
    ],
)
def test_one_candidate_with_another_kind_of_input_is_trained_and_saved(
    tones, tmp_path, space, wanted
):
    architecture = cheap(space, **wanted)
    context = {
        **{
            "data": DataSource.of(tones, clip_s=CLIP_S).to_dict(),
            "split_seed": 0,
            "validation_clips": None,
        },
        "run": str(tmp_path),
        **{"recipe": load_study("quick").recipe.to_dict() | {"batch_size": 8}},
        **{"rule": "plain", "space": space},
    }
    job = Job(0, architecture.to_dict(), seed=1, epochs=1, until=1, context=context)
    result = run_job(job, lambda _: None)

    assert result.complexity["size_bytes"] == count(architecture, 2, CLIP_S).size_bytes
    assert 0 < result.metrics["log_loss"] < np.inf
    saved = load_saved(tmp_path / "models" / "0")
    planes = 2 if "second_window_ms" in wanted else 1
    assert len(saved.standards) == (planes if "normalisation" in wanted else 0)


def test_siblings_are_those_of_the_family():
    frontend = report_model("deepsound-64").architecture.frontend
    alone = siblings("mbconv", frontend)

    assert [s.n_mels for s in alone] == [32, 40, 48, 64, 80, 96, 128, 160]
    assert siblings("asc", frontend, "mbconv") == alone
    assert siblings("asc", frontend, "wave_vgg") == []


def test_a_search_in_all_families_trains_adapted_report_models(tones, tmp_path, caplog):
    """Two trials are too few for a quarter of them to be one: they come when the search ended."""
    summary = search(tmp_path / "run", tones, "asc", trials=2, sampler="random")

    assert len(summary.points) - len(summary.reference) == 2
    assert {point.after_end for point in summary.reference} == {True}
    assert {entry["ensemble"] for entry in summary.ensembles_skipped} == {"srpol-1"}
    adapted = {entry["model"]: entry["changes"] for entry in summary.seeds_adapted}
    for point in summary.reference:
        assert "data resampled from 16000 Hz" in "; ".join(adapted[point.model])
        assert any(point.model in line and "adapted" in line for line in caplog.messages)
    assert any("ensemble srpol-1 is skipped" in line for line in caplog.messages)


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("on_recordings", "options"),
    [
        (False, {"trials": 4, "budget": "400KB"}),
        pytest.param(
            *(True, {"trials": 2, "budget": "64KB,5MMAC", "warm_start": False}),
            marks=pytest.mark.data,
        ),
    ],
)
def test_a_search_runs_in_every_space(tones, tmp_path, space, on_recordings, options):
    data = Path(os.environ["NAS_ASC_DATA"]) if on_recordings else tones
    summary = search(tmp_path / "run", data, space, sampler="random", **options)

    wanted = min(options["trials"], load_space(space).size())
    assert sum(not point.after_end for point in summary.points) == wanted, summary.trials
    assert summary.front
    most = (64 if on_recordings else 400) * 1024
    for point in summary.points:
        if "ensemble" in point.choices:
            continue
        saved = load_saved(tmp_path / "run" / "models" / str(point.trial))
        assert sum(a.nbytes for a in saved.arrays.values()) == point.size_bytes <= most


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "evolution", "surrogate"])
def test_choices_in_all_families_are_those_of_one(tones, tmp_path, sampler):
    options = {"sampler": sampler, "startup_trials": 8, "warm_start": False}
    summary = search(tmp_path / "run", tones, "asc", trials=24, **options)

    assert summary.trials["failed"] == 0
    families = set()
    for point in summary.points:
        family = point.choices["family"]
        families.add(family)
        assert all(path == "family" or path.startswith(f"{family}.") for path in point.choices)
    assert len(families) > 2

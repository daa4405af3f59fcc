import logging
from dataclasses import replace

import pytest
from study_cases import DATASET, task

from nas_asc.reports.lookup import ensembles_of, report_model
from nas_asc.search.warm_start import (
    adaptations,
    log_warm_start,
    skipped_ensembles,
    warm_start_trials,
)

TEN = tuple("abcdefghij")
COARSE = ("indoor", "outdoor", "transportation")


def data(classes=TEN, clip_s=5.0, rate_hz=44100, channels=1):
    return replace(
        DATASET, classes=classes, clip_s=clip_s, sample_rate_hz=rate_hz, channels=channels
    )


@pytest.mark.parametrize(
    ("model_id", "dataset", "changes"),
    [
        ("ntu-vggnet", data(COARSE, 10.0, 48000), []),  # the data of its report
        (
            "imt-a",
            data(),
            [
                "10 classes, not 3",
                "clips of 5 s, not 10 s",
                "data resampled from 44100 Hz to 18000 Hz",
                "mono copied to 2 channels",
                "classifier not pruned",
            ],
        ),
        (
            "deepsound-64",
            data(channels=2),
            ["clips of 5 s, not 10 s", "2 channels averaged to one"],
        ),
        ("imt-b", data(COARSE, 10.0, 18000, 4), ["4 channels averaged and copied to 2"]),
        (
            "ntu-vggnet",
            data(COARSE, 5.0, 48000),
            ["clips of 5 s, not 10 s", "classifier not pruned"],
        ),
    ],
)
def test_what_is_adapted_is_said(model_id, dataset, changes):
    entries = adaptations([report_model(model_id)], dataset)
    assert entries == ([{"model": model_id, "changes": changes}] if changes else [])


def test_warm_start_models_are_adapted_architectures():
    wave = task(data(), space="wave_vgg", budget="1MB")
    trials, _ = warm_start_trials(wave)
    compression = {t.model: t.architecture.sections["compression"] for t in trials}
    prunings = (compression["imt-a"]["pruning"], compression["imt-b"]["pruning"])
    assert prunings == ("channels", "none")
    assert compression["imt-a"]["prune_classifier"] is False
    for trial in trials:
        assert wave.space.from_choices(trial.architecture.choices) == trial.architecture


def test_an_ensemble_whose_members_have_different_classes_is_skipped_by_name():
    reasons = {e["ensemble"]: e["reason"] for e in skipped_ensembles(ensembles_of("asc").values())}
    assert set(reasons) == {"srpol-1"}  # the other has no class map
    assert "a class map sums into indoor, outdoor, transportation" in reasons["srpol-1"]


def test_one_line_names_the_models_that_are_adapted_alike(caplog):
    facts = {
        "seeds_adapted": [
            {"model": "a", "changes": ["10 classes, not 3"]},
            {"model": "b", "changes": ["10 classes, not 3"]},
            {"model": "c", "changes": ["clips of 5 s, not 10 s", "classifier not pruned"]},
        ],
        "ensembles_skipped": [{"ensemble": "d", "reason": "the data have others"}],
        "seeds_skipped": [],
    }
    with caplog.at_level(logging.WARNING):
        log_warm_start(facts)
    assert caplog.messages == [
        "report models adapted to the data: a, b: 10 classes, not 3",
        "report models adapted to the data: c: clips of 5 s, not 10 s; classifier not pruned",
        "ensemble d is skipped: the data have others",
    ]

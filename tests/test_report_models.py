import logging
from pathlib import Path

from nas_asc.budget import parse_budget
from nas_asc.complexity import count
from nas_asc.datasets import Dataset
from nas_asc.library import ensembles_of, load_space, report_model
from nas_asc.report_models import adaptations, announce, left_out, seed_trials
from nas_asc.rules import counting_rule

TEN = tuple("abcdefghij")
COARSE = ("indoor", "outdoor", "transportation")


def data(classes=TEN, clip_s=5.0, rate_hz=44100, channels=1):
    return Dataset("made", Path("no"), classes, (), clip_s, True, rate_hz, channels, (), ())


def changes(model_id, dataset):
    entries = adaptations([report_model(model_id)], dataset)
    return entries[0]["changes"] if entries else []


def test_a_model_on_the_data_of_its_report_is_not_adapted():
    coarse = data(COARSE, 10.0, 48000)
    assert changes("ntu-vggnet", coarse) == []
    assert report_model("ntu-vggnet").adapted(3, 10.0) is report_model("ntu-vggnet")


def test_what_is_adapted_is_said():
    assert changes("imt-a", data()) == [
        "10 classes, not 3",
        "clips of 5 s, not 10 s",
        "data resampled from 44100 Hz to 18000 Hz",
        "mono copied to 2 channels",
        "classifier not pruned",
    ]
    assert changes("deepsound-64", data(channels=2)) == [
        "clips of 5 s, not 10 s",
        "2 channels averaged to one",
    ]


def test_recordings_of_many_channels_are_averaged_and_copied():
    four = data(COARSE, 10.0, 18000, channels=4)
    assert changes("imt-b", four) == ["4 channels averaged and copied to 2"]


def test_with_other_clips_alone_the_classifier_is_not_pruned_either():
    shorter = data(COARSE, 5.0, 48000)
    assert changes("ntu-vggnet", shorter) == ["clips of 5 s, not 10 s", "classifier not pruned"]


def test_seeds_are_adapted_architectures():
    space = load_space("wave_vgg")
    dataset = data()
    rule = counting_rule("plain")

    def measure(architecture):
        return count(architecture, 10, 5.0, rule)

    trials, _ = seed_trials(space, parse_budget("1MB", rule), measure, 0, dataset)
    compression = {t.model: t.architecture.sections["compression"] for t in trials}
    assert (compression["imt-a"]["pruning"], compression["imt-b"]["pruning"]) == (
        "channels",
        "none",
    )
    assert compression["imt-a"]["prune_classifier"] is False
    for trial in trials:
        assert space.from_choices(trial.architecture.choices) == trial.architecture


def test_an_ensemble_whose_members_have_different_classes_is_skipped_by_name():
    ensembles = ensembles_of("asc").values()
    reasons = {e["ensemble"]: e["reason"] for e in left_out(ensembles)}
    assert set(reasons) == {"srpol-1"}  # the other has no class map
    assert "a class map sums into indoor, outdoor, transportation" in reasons["srpol-1"]


def test_spaces_of_one_family_have_no_ensembles():
    assert ensembles_of("vgg") == {}


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
        announce(facts)
    assert caplog.messages == [
        "report models adapted to the data: a, b: 10 classes, not 3",
        "report models adapted to the data: c: clips of 5 s, not 10 s; classifier not pruned",
        "ensemble d is skipped: the data have others",
    ]

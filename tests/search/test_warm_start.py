from dataclasses import replace

import pytest
from study_cases import DATASET, task

from nas_asc.reports.lookup import ensembles_of, report_model
from nas_asc.search.samplers import SAMPLERS
from nas_asc.search.scheduler import Scheduler
from nas_asc.search.storage.run_summary import point
from nas_asc.search.storage.trials import TrialJob
from nas_asc.search.warm_start import (
    adaptations,
    skipped_ensembles,
    trainable_ensembles,
    warm_start_trials,
)
from nas_asc.study.job import JobResult

TEN = tuple("abcdefghij")
COARSE = ("indoor", "outdoor", "transportation")


def data(classes=TEN, clip_s=5.0, rate_hz=44100, channels=1):
    return replace(
        DATASET, classes=classes, clip_s=clip_s, sample_rate_hz=rate_hz, channels=channels
    )


SHORT = data(("a", "b"), 0.4, 48000)


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
        ("deepsound-64", data(TEN, 10.0, channels=2), ["2 channels averaged to one"]),
        (  # whose mel bins reach up to 16,000 Hz
            "deepsound-64",
            data(TEN, 10.0, 8000),
            ["data resampled from 8000 Hz to 44100 Hz, with nothing above 4000 Hz"],
        ),
        ("imt-b", data(COARSE, 10.0, 18000, 4), ["4 channels averaged and copied to 2"]),
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


def test_report_models_over_the_budget_are_listed_with_what_binds():
    # printed sizes: 121.3, 121.4, 121.6 and 121.8 KB
    trials, over = warm_start_trials(task(data(clip_s=1.0), budget=f"{int(121.5 * 1024)}B"))
    fitting = [(trial.number, trial.model, trial.state) for trial in trials]
    assert fitting == [(0, "deepsound-32", "waiting"), (1, "deepsound-64", "waiting")]
    assert [(entry["model"], entry["binds"]) for entry in over] == [
        ("deepsound-128", "size_bytes"),
        ("deepsound-160", "size_bytes"),
    ]
    assert over[1]["size_bytes"] == 62346 * 2


@pytest.fixture(scope="module")
def ensemble_trials():
    """The trials that a search in the space of all families begins with, by model."""
    trials, _ = warm_start_trials(task(SHORT, space="asc", budget="2MB"))
    macs = [trial.macs for trial in trials]
    assert macs == sorted(macs)
    return {trial.model: trial for trial in trials}


def trained(trial, log_loss=1.0):
    result = JobResult({"log_loss": log_loss, "accuracy": 0.5}, trial.complexity, (), 1.0)
    return replace(trial, number=0, state="completed", result=result)


def test_an_ensemble_costs_what_its_networks_cost(ensemble_trials):
    trial = ensemble_trials["ntu-ensemble"]
    vggnet, inception = (ensemble_trials[f"ntu-{name}"] for name in ("vggnet", "inceptionnet"))
    assert trial.size_bytes == 5 * vggnet.size_bytes + inception.size_bytes
    assert trial.complexity["precision"] == "float32"
    assert trial.complexity["sparsity"] == pytest.approx(0.8)

    trials, over = warm_start_trials(task(SHORT, space="asc", budget="100KB"))
    assert "ntu-ensemble" not in {trial.model for trial in trials}
    assert "ntu-ensemble" in {entry["model"] for entry in over if entry["binds"] == "size_bytes"}


def test_votes_that_differ_are_those_of_the_point(ensemble_trials):
    """Weights 1 and 3: of 5 x 1 + 1 x 3 = 8 parts."""
    (ensemble,) = trainable_ensembles(ensembles_of("asc").values(), SHORT)
    equal = trained(ensemble_trials["ntu-ensemble"])
    networks = "5 x ntu-vggnet, 1 x ntu-inceptionnet"
    assert point(equal).choices == {"ensemble": networks}
    first, last = ensemble.members
    weighed = replace(ensemble, members=(first, replace(last, weight=3.0)))
    other = replace(equal, architecture=weighed.reference("asc"))
    assert point(other).choices == {"ensemble": networks, "votes": "0.125, 0.375"}


def test_only_an_ensemble_whose_networks_tell_apart_different_classes_is_left_out():
    ensembles = ensembles_of("asc").values()
    (entry,) = skipped_ensembles(ensembles, SHORT)
    assert entry["ensemble"] == "srpol-1"
    assert "srpol-c10separable tells apart airport, bus, metro" in entry["reason"]
    assert "a class map sums into indoor, outdoor, transportation" in entry["reason"]
    assert [ensemble.id for ensemble in trainable_ensembles(ensembles, SHORT)] == ["ntu-ensemble"]


def test_clips_with_finer_labels_let_such_an_ensemble_train():
    """Unless they contradict its class map, which is told."""
    ensembles = list(ensembles_of("asc").values())
    own = next(e for e in ensembles if e.id == "srpol-1").members[1].class_map
    both = replace(data(COARSE, 10.0, 48000), class_map=tuple(sorted(own.items())))
    assert skipped_ensembles(ensembles, both) == []
    assert trainable_ensembles(ensembles, both) == ensembles
    wrong = replace(both, class_map=tuple(sorted({**own, "tram": "indoor"}.items())))
    (entry,) = skipped_ensembles(ensembles, wrong)
    assert entry["reason"].startswith("tram lies in transportation by its class map")
    assert [e.id for e in trainable_ensembles(ensembles, wrong)] == ["ntu-ensemble"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_learn_nothing_from_an_ensemble(ensemble_trials, sampler):
    asked = []
    for log_loss in (0.01, 9.0):
        options = {"space": "asc", "budget": "2MB", "startup_trials": 0, "lag": 1}
        ensemble = replace(trained(ensemble_trials["ntu-ensemble"], log_loss), number=0)
        job = TrialJob(0, until=6, known=0, ended=True, loss=log_loss)
        scheduler = Scheduler(task(SHORT, sampler=sampler, **options), [ensemble])
        scheduler.restore([replace(ensemble, jobs=(job,))])
        asked.append(scheduler.ask().architecture)
    assert asked[0] == asked[1]

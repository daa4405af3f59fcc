"""An ensemble whose members tell apart coarse and fine classes, trained and judged as one trial."""

import json

import numpy as np
import pytest
import torch
from made_tau import CLASSES, write_tau

from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError
from nas_asc.features.inputs import load_inputs
from nas_asc.networks.model_files import load_saved
from nas_asc.reports.ensemble import count_ensemble
from nas_asc.reports.lookup import ensembles_of, resolve
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import run_search
from nas_asc.search.warm_start import trainable_ensembles
from nas_asc.study.config import load_study, with_options
from nas_asc.study.job import Job
from nas_asc.training.run_job import run_job

SPACE, CLIP_S = "asc", 0.4
SCENES = ("airport", "bus", "metro_station", "park")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The first ensemble of SRPOL on four scenes of 3Class, trained for an epoch."""
    folder = tmp_path_factory.mktemp("run")
    root = tmp_path_factory.mktemp("scenes")
    write_tau(root, "3class", seconds=CLIP_S, rate_hz=48000, scenes=SCENES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        dataset = load_dataset(root)
        ensembles = trainable_ensembles(ensembles_of(SPACE).values(), dataset)
        ensemble = next(each for each in ensembles if each.id == "srpol-1")
        return folder, dataset, ensemble, run_job(job(ensemble, dataset, folder), lambda _: None)


def job(ensemble, dataset, folder):
    recipe = load_study("quick").recipe.model_copy(update={"batch_size": 8})
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe.to_dict(),
        "rule": "plain",
        "space": SPACE,
        "run": str(folder),
    }
    return Job(5, ensemble.reference(SPACE).to_dict(), 7, 1, 1, context=context)


def test_each_member_tells_apart_the_classes_of_its_kind(run):
    folder, _, _, result = run
    coarse, fine = (load_saved(folder / "models" / "5" / number) for number in "12")
    assert coarse.classes == ("indoor", "outdoor", "transportation")
    assert fine.classes == SCENES
    assert fine.arrays["head.classifier.weight"].shape[0] == 4
    assert set(fine.metrics["per_class"]) == set(SCENES)
    assert set(result.metrics["per_class"]) == set(coarse.classes)
    found = resolve(f"{folder}:5")
    assert dict(found.members[1].class_map) == {name: CLASSES[name] for name in SCENES}
    assert count_ensemble(found, "plain").size_bytes == result.complexity["size_bytes"]


def test_the_vote_is_judged_on_the_coarse_classes(run):
    """70 % of three classes and 30 % of four scenes, whose probabilities are summed by class."""
    folder, dataset, ensemble, result = run
    chosen = list(dataset.indices("validation"))
    votes = []
    for number, member in enumerate(ensemble.members, 1):
        arrays = load_inputs(dataset, member.model.architecture.frontend)
        inputs = (torch.from_numpy(array[chosen]).float() for array in arrays)
        with torch.inference_mode():
            logits = load_saved(folder / "models" / "5" / str(number)).network()(*inputs)
        votes.append(logits.double().softmax(1).numpy())
    airport, bus, metro_station, park = votes[1].T
    summed = np.stack([airport + metro_station, park, bus], axis=1)
    mixed = 0.7 * votes[0] + 0.3 * summed
    labels = [dataset.clips[i].label for i in chosen]
    log_loss = -np.log(mixed[np.arange(len(labels)), labels]).mean()
    assert result.metrics["log_loss"] == pytest.approx(log_loss, rel=1e-5)
    saved = json.loads((folder / "models" / "5" / "metrics.json").read_text())
    assert saved["log_loss"] == result.metrics["log_loss"]


def test_labels_that_changed_since_the_search_began_are_noticed(run):
    """The class map is a part of what stands for an ensemble."""
    folder, dataset, ensemble, _ = run
    other = dict.fromkeys(SCENES, "outdoor")
    changed = ensemble.adapted(dataset.classes, CLIP_S, other)
    with pytest.raises(ConfigError, match="found another"):
        run_job(job(changed, dataset, folder), lambda _: None)


@pytest.mark.slow
def test_a_search_in_all_families_trains_such_an_ensemble(run, tmp_path):
    _, dataset, _, _ = run
    paths = {"paths": [str(dataset.root)]}
    options = {"space": SPACE, "budget": "2MB", "epochs": 1, "data": paths, "trials": 1}
    config = with_options(load_study("quick"), options)
    workers = RUNNERS["inline"](1, "nas_asc.training.run_job:run_job")
    summary = run_search(config, dataset, run=tmp_path / "run", workers=workers)
    points = {point.model: point for point in summary.points}
    assert points["srpol-1"].choices["ensemble"] == "1 x srpol-c3multi, 1 x srpol-c10separable"
    assert not summary.ensembles_skipped

"""An ensemble of a report as one trial: several trainings, one vote, every byte proved."""

import json
import re
import shutil
from dataclasses import replace
from functools import reduce
from operator import getitem

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from study_cases import write_tones

from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError, ExportError
from nas_asc.features.inputs import load_inputs
from nas_asc.networks.model_files import load_model, load_saved
from nas_asc.networks.network import Network, VotingNetwork, build, vote
from nas_asc.reports.ensemble import Ensemble, Member, count_ensemble, read_saved_ensemble
from nas_asc.reports.lookup import ensembles_of, report_model, resolve
from nas_asc.search.runners import RUNNERS
from nas_asc.search.search import run_search
from nas_asc.search.storage.run_summary import load_front
from nas_asc.study.config import load_study, with_options
from nas_asc.study.job import Job
from nas_asc.study.recipe import Distillation
from nas_asc.training.run_job import TrialSettings, run_job

RATE_HZ, CLIP_S = 48000, 0.4
SPACE = "asc"


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Two classes, low tones and high tones, twelve recordings each."""
    return load_dataset(write_tones(tmp_path_factory.mktemp("tones"), RATE_HZ, CLIP_S))


def job(number, ensemble, tones, folder):
    """Train an ensemble for an epoch."""
    recipe = load_study("quick").recipe.model_copy(update={"batch_size": 8})
    context = {
        "data": tones.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe.to_dict(),
        "rule": "plain",
        "space": SPACE,
        "run": str(folder),
    }
    return Job(number, ensemble.reference(SPACE).to_dict(), 7, 1, 1, context=context)


@pytest.fixture(scope="module")
def run(tones, tmp_path_factory):
    """The NTU ensemble, trained for an epoch, and what the job gave back."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        ensemble = ensembles_of(SPACE)["ntu-ensemble"]
        adapted = ensemble.adapted(tones.classes, tones.clip_s)
        return folder, run_job(job(3, adapted, tones, folder), lambda _: None)


def logits(network, tones):
    """What a network says of the validation clips."""
    model = report_model("ntu-vggnet")
    (inputs,) = load_inputs(tones, model.architecture.frontend)
    validation = torch.from_numpy(inputs[list(tones.indices("validation"))]).float()
    with torch.inference_mode():
        return network(validation).double()


def bytes_in_files(folder):
    """What the six files of weights hold."""
    files = sorted(folder.glob("models/3/*/weights.safetensors"))
    assert len(files) == 6
    return sum(array.nbytes for path in files for array in load_file(path).values())


def test_every_network_is_trained_by_itself_and_stored(run):
    folder, result = run
    stored = [load_file(p) for p in sorted(folder.glob("models/3/*/weights.safetensors"))]
    assert result.complexity["size_bytes"] == bytes_in_files(folder)
    five = [arrays["head.classifier.weight"] for arrays in stored[:5]]
    assert all(not np.array_equal(five[0], other) for other in five[1:])
    assert result.curve == ()


def test_the_metrics_are_those_of_the_mean_of_the_probabilities(run, tones):
    folder, result = run
    saved = folder / "models" / "3"
    networks = [load_saved(saved / str(n)).network() for n in range(1, 7)]
    mean = torch.stack([logits(n, tones).softmax(1) for n in networks]).mean(0).numpy()
    labels = np.array([tones.clips[i].label for i in tones.indices("validation")])
    true = mean[np.arange(len(labels)), labels]
    assert result.metrics["log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-5)
    per_class = [np.mean(mean.argmax(1)[labels == c] == c) for c in (0, 1)]
    assert result.metrics["accuracy"] == pytest.approx(np.mean(per_class))
    metrics = json.loads((saved / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["log_loss"] == result.metrics["log_loss"]
    # the ensemble runs as one module too
    np.testing.assert_allclose(logits(load_model(saved), tones).exp(), mean, rtol=1e-4)


def test_the_vote_of_a_final_training_is_judged_on_test_clips_too(run, tones):
    """From the same seed as the saved one, whose networks say what they do of test clips."""
    folder, before = run
    saved = sorted((folder / "models" / "3").glob("*/weights.safetensors"))
    ensemble = ensembles_of(SPACE)["ntu-ensemble"].adapted(tones.classes, tones.clip_s)
    again = job(4, ensemble, tones, folder)
    again = replace(again, context={**again.context, "final": {"fold": None}})
    metrics = run_job(again, lambda _: None).metrics
    assert not (folder / "models" / "4").exists()
    assert metrics["log_loss"] == before.metrics["log_loss"]
    (inputs,) = load_inputs(tones, report_model("ntu-vggnet").architecture.frontend)
    chosen = list(tones.indices("test"))
    test = torch.from_numpy(inputs[chosen]).float()
    with torch.inference_mode():
        each = [load_saved(path.parent).network()(test).double().softmax(1) for path in saved]
    labels = torch.tensor([tones.clips[i].label for i in chosen])
    true = torch.stack(each).mean(0)[torch.arange(len(labels)), labels]
    assert metrics["test"]["log_loss"] == pytest.approx(float(-true.log().mean()), rel=1e-5)


def test_an_ensemble_that_was_cut_does_not_train_its_first_networks_again(run, tones, tmp_path):
    """Each is trained for an epoch; the run ends in that of the third, which is stored."""
    ensemble = ensembles_of(SPACE)["ntu-ensemble"].adapted(tones.classes, tones.clip_s)
    again, trained = job(3, ensemble, tones, tmp_path), []

    def cut(entry):
        trained.append(entry)
        if len(trained) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(again, cut)
    metrics = run_job(again, cut).metrics
    assert len(trained) == 6
    assert metrics == run[1].metrics
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_trained_ensemble_says_what_it_consists_of_and_can_be_counted(run):
    folder, _ = run
    saved = folder / "models" / "3"
    for target in (f"{folder}:3", str(saved), str(saved / "ensemble.json")):
        ensemble = resolve(target)
        assert ensemble.id == target
        assert ensemble.described == "5 x ntu-vggnet, 1 x ntu-inceptionnet"
        assert ensemble.classes == ("high", "low")
        assert count_ensemble(ensemble, "plain").stored_bytes == bytes_in_files(folder)
    assert count_ensemble(read_saved_ensemble(saved)).size_bytes == bytes_in_files(folder)
    last = resolve(str(saved / "6"))  # one network of it
    assert "inception" in {values.get("block") for values in last.architecture.sections.values()}


FILE, OF_2 = "ensemble.json", "2/architecture.json"


@pytest.mark.parametrize(
    ("file", "path", "value", "words"),
    [
        (FILE, ["members"], 3, "ensemble.json: expected JSON"),
        (FILE, ["members"], [3], "members: expected"),
        (FILE, ["members", 0, "weigth"], 1, "'weight'?"),
        (FILE, ["members", 1, "number"], 2, "7/architecture.json: expected"),
        (FILE, ["members", 0, "number"], 6, "same as of the other ntu-vgg"),
        (FILE, ["classes"], ["low", "high"], "classes: expected low, high"),
        (FILE, [], None, "ensemble.json: expected an ensemble"),
        (OF_2, ["sections", "stage1", "kernel"], "3by3", "expected a number or a pair"),
        (OF_2, ["sections"], 3, "sections and choices"),
        (OF_2, ["classes"], ["high", "high"], "classes: expected"),
    ],
)
def test_an_ensemble_that_is_not_valid_is_named(run, tmp_path, file, path, value, words):
    folder = tmp_path / "3"
    shutil.copytree(run[0] / "models" / "3", folder)
    if path:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        *parents, key = path
        reduce(getitem, parents, content)[key] = value
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
    else:
        (folder / file).unlink()
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        read_saved_ensemble(folder)
    if path:  # without ensemble.json it is not taken for one
        with pytest.raises(ExportError, match=re.escape(str(caught.value))):
            load_model(folder)


def test_an_ensemble_that_was_changed_since_the_search_began_is_not_trained(run, tones):
    ensemble = ensembles_of(SPACE)["ntu-ensemble"].adapted(tones.classes, tones.clip_s)
    heavier = replace(ensemble, members=(replace(ensemble.members[0], weight=2.0),))
    for changed, found in ((heavier, "another"), (replace(ensemble, id="gone"), "none")):
        with pytest.raises(ConfigError, match=f"as the run was started with it, found {found}"):
            run_job(job(9, changed, tones, run[0]), lambda _: None)


def made(*members, classes):
    return Ensemble("made", "", "", members, classes, CLIP_S, "plain", {})


def test_the_module_votes_as_the_numbers_do():
    """A class map sums the finer classes; weights need not add up to one."""
    coarse, fine = (replace(report_model("deepsound-32"), classes=n, clip_s=CLIP_S) for n in (2, 4))
    class_map = {"a": "x", "b": "y", "c": "y", "d": "x"}
    ensemble = made(Member(coarse, 2, 3.0), Member(fine, 1, 2.0, class_map), classes=("x", "y"))
    torch.manual_seed(0)
    networks = [
        build(member.model.architecture, member.model.classes, CLIP_S).eval()
        for member in ensemble.networks
    ]
    inputs = torch.randn(5, *networks[0].input_shapes[0])
    with torch.inference_mode():
        each = [network(inputs).softmax(1).double().numpy() for network in networks]
        voted = VotingNetwork(ensemble, networks)(inputs).exp().numpy()
    np.testing.assert_allclose(voted, vote(ensemble, each), rtol=1e-5)


def test_networks_with_different_front_ends_are_fed_one_after_the_other():
    """The first and the third share their inputs; a window of another length makes others."""
    models = [replace(report_model(i), clip_s=CLIP_S) for i in ("deepsound-32", "deepsound-64")]
    ensemble = made(*map(Member, [*models, models[0]]), classes=tuple("abcdefghij"))
    networks = [build(member.model.architecture, 10, CLIP_S).eval() for member in ensemble.members]
    module = VotingNetwork(ensemble, networks)
    assert module.frontends == tuple(m.architecture.frontend.feature_key for m in models)
    assert module.input_shapes == (*networks[0].input_shapes, *networks[1].input_shapes)
    first, second = (torch.randn(3, *shape) for shape in module.input_shapes)
    with torch.inference_mode():
        voted = module(first, second).exp()
        each = [
            network(x).softmax(1)
            for network, x in zip(networks, (first, second, first), strict=True)
        ]
    torch.testing.assert_close(voted, torch.stack(each).mean(0))
    longer = networks[0].frontend and replace(networks[0].frontend, window=4096)
    networks[2] = Network(networks[0].layers, longer, CLIP_S)
    assert len(VotingNetwork(ensemble, networks).input_shapes) == 3


@pytest.mark.slow
def test_a_search_in_all_families_trains_the_ensemble(tones, tmp_path):
    options = {
        "space": SPACE,
        "budget": "2MB",
        "epochs": 1,
        "data": {"paths": [str(tones.root)]},
        "trials": 18,
    }
    config = with_options(load_study("quick"), options)
    workers = RUNNERS["inline"](1, "nas_asc.training.run_job:run_job")
    summary = run_search(config, tones, run=tmp_path / "run", workers=workers)
    points = {point.model: point for point in summary.points}
    assert points["ntu-ensemble"].choices["ensemble"] == "5 x ntu-vggnet, 1 x ntu-inceptionnet"
    again = {point.model: point for point in load_front(tmp_path / "run").points}
    assert again["ntu-ensemble"] == points["ntu-ensemble"]


def test_networks_with_recipes_of_their_own_learn_from_the_same_teachers(tones):
    own = load_study("quick").recipe
    learns = Distillation(temperature=2.0, weight=0.5, teachers=("a digest",))
    recipe = own.model_copy(update={"distillation": learns, "batch_size": 8})
    recipes = {"with one": own}
    settings = TrialSettings(tones, SPACE, "plain", recipe, 1, 1, (), member_recipes=recipes)
    assert settings.of_member("with one").recipe == own.model_copy(update={"distillation": learns})
    assert settings.of_member("without").recipe == recipe

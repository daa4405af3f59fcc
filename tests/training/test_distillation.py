"""What networks learn from teachers: the loss by hand, and what teachers say by the library."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch
from recipe_cases import recipe
from study_cases import write_tones
from test_loop import tones, weights_of
from torch.nn.functional import cross_entropy

from nas_asc import build, load_model, predict_proba, read_inputs
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError, StorageError
from nas_asc.networks import SavedModel, save_ensemble, save_model, store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.study import DataSource
from nas_asc.training import distillation
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.distillation import keep_probabilities, read_probabilities
from nas_asc.training.loop import Hooks, train
from nas_asc.training.parts import parts_of

LOGITS = [[2.0, 0.0, -2.0], [0.0, 4.0, 0.0]]
TEACHER = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]
BATCH = Batch((), torch.eye(3)[:2], teacher=torch.tensor(TEACHER))


def learning(weight, temperature=2.0, **changed):
    """A recipe with teachers."""
    table = {"weight": weight, "temperature": temperature, "teachers": ["runs/a:1"]}
    return recipe(distillation=table, **changed)


def loss_of(weight, temperature=2.0, logits=LOGITS, batch=BATCH, **changed):
    return parts_of(learning(weight, temperature, **changed)).loss(torch.as_tensor(logits), batch)


def test_the_loss_of_two_clips_by_hand():
    """At T = 2 the network gives softmax(1, 0, -1) and softmax(0, 2, 0)."""
    sums = [exp(1) + 1 + exp(-1), 1 + exp(2) + 1]
    first = 0.5 * log(0.5 * sums[0] / exp(1))
    first += 0.25 * log(0.25 * sums[0]) + 0.25 * log(0.25 * sums[0] / exp(-1))
    soft = 4 * (first + log(sums[1] / exp(2))) / 2
    assert soft == pytest.approx(0.71486, abs=1e-5)
    hard = (log(exp(2) + 1 + exp(-2)) - 2 + log(1 + exp(4) + 1) - 4) / 2
    assert loss_of(0.25).item() == pytest.approx(0.75 * hard + 0.25 * soft, rel=1e-6)
    assert loss_of(1.0).item() == pytest.approx(soft, rel=1e-6)
    assert loss_of(0.0).item() == pytest.approx(hard, rel=1e-6)


def test_a_network_that_says_what_the_teacher_says_has_no_loss():
    logits = 3 * torch.tensor(TEACHER).clamp(min=1e-30).log()
    assert loss_of(1.0, 3.0, logits).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 1000.0])
def test_the_gradient_does_not_shrink_as_the_temperature_rises(temperature):
    """It is T (q - p) of a clip: T^2 of the loss, 1 / T of what it is a function of.

    For large T that is, of logits z and v with a mean of 0, (z - v) / classes (Hinton et al. 2015).
    """
    own = torch.tensor([[2.0, 0.5, -2.5]], dtype=torch.float64, requires_grad=True)
    taught = torch.tensor([[-1.0, 2.0, -1.0]], dtype=torch.float64)
    p, q = ((each / temperature).softmax(1) for each in (taught, own.detach()))
    batch = Batch((), torch.eye(3, dtype=torch.float64)[:1], teacher=p)
    (gradient,) = torch.autograd.grad(loss_of(1.0, temperature, own, batch), own)
    torch.testing.assert_close(gradient, temperature * (q - p))
    if temperature == 1000:
        torch.testing.assert_close(gradient, (own - taught).detach() / 3, rtol=1e-2, atol=1e-2)


def test_smoothing_and_class_weights_are_of_the_labels_alone():
    logits, weights = torch.tensor(LOGITS), torch.tensor([0.5, 2.0, 1.0])
    batch = replace(BATCH, class_weights=weights)
    table = {"name": "cross_entropy", "label_smoothing": 0.1, "class_weights": "balanced"}
    hard = cross_entropy(logits, torch.tensor([0, 1]), weights, label_smoothing=0.1)
    found = loss_of(0.5, logits=logits, batch=batch, loss=table)
    assert found.item() == pytest.approx(0.5 * hard.item() + 0.5 * loss_of(1.0).item(), rel=1e-6)


def test_a_batch_without_teachers_is_refused():
    with pytest.raises(ValueError, match="expected a batch with what teachers say"):
        loss_of(0.5, batch=replace(BATCH, teacher=None))


def taught(labels=None):
    """Clips of three tones, and a teacher of chance."""
    inputs, own = tones()
    draws = torch.randn(len(own), 3, generator=torch.Generator().manual_seed(4))
    return Clips(inputs, own if labels is None else labels, 3, teacher=draws.softmax(1))


def trained(clips, steps, hooks=None, until=None):
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
    history = train(network, clips, steps, hooks, epochs=3, seed=0, until=until)
    return weights_of(network), [report.train_loss for report in history]


def test_with_a_weight_of_nought_nothing_is_learnt_from_a_teacher():
    with_teacher, without = trained(taught(), learning(0.0)), trained(taught(), recipe())
    assert torch.equal(with_teacher[0], without[0])
    assert with_teacher[1] == without[1]
    assert not torch.equal(trained(taught(), learning(0.5))[0], without[0])


def test_with_a_weight_of_one_nothing_is_learnt_from_labels():
    others = (tones()[1] + 1) % 3
    one, other = (trained(taught(labels), learning(1.0)) for labels in (None, others))
    assert torch.equal(one[0], other[0])


def test_a_training_with_a_teacher_goes_on_to_the_last_bit(tmp_path):
    steps = learning(0.5, augmentations={"mixup": {"alpha": 0.3}}, ema_decay=0.9)
    weights, losses = trained(taught(), steps)
    path = tmp_path / "checkpoint"
    for epoch in (1, 2, 3):
        hooks = Hooks(
            go_on_from=load_checkpoint(path, "this"),
            on_checkpoint=lambda _, checkpoint: checkpoint().save(path, "this"),
        )
        found = trained(taught(), steps, hooks, until=epoch)
    assert torch.equal(found[0], weights)
    assert found[1] == losses


def test_what_a_teacher_says_goes_with_its_clip():
    clips = taught()
    some = clips.subset([7, 3, 5])
    assert torch.equal(some.teacher, clips.teacher[[7, 3, 5]])
    batch = some.batch(torch.tensor([2, 0]))
    assert torch.equal(batch.teacher, clips.teacher[[5, 7]])
    there = some.to(torch.device("meta"))
    assert (there.teacher.device.type, there.teacher.shape) == ("meta", (3, 3))


def test_a_blend_of_clips_has_a_blend_of_what_teachers_say():
    """The first clip keeps a quarter of itself, the second all."""
    partner, share = torch.tensor([1, 0]), torch.tensor([0.25, 1.0])
    blended = BATCH.with_blended_targets(partner, share)
    torch.testing.assert_close(blended.teacher[0], torch.tensor([0.125, 0.8125, 0.0625]))
    torch.testing.assert_close(blended.targets[0], torch.tensor([0.25, 0.75, 0.0]))
    assert torch.equal(blended.teacher[1], BATCH.teacher[1])
    assert replace(BATCH, teacher=None).with_blended_targets(partner, share).teacher is None


# what teachers say -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tones(tmp_path_factory.mktemp("tones"), 8000, 0.4)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def model(seed, classes=("high", "low"), clip_s=0.4, model_id="deepsound-32", **reading):
    """A network of a report with weights of chance."""
    torch.manual_seed(seed)
    architecture = report_model(model_id).adapted(2, clip_s).architecture
    arrays = store(build(architecture, 2, clip_s), precision="float32")
    return SavedModel(architecture, classes, clip_s, "plain", arrays, {}, **reading)


def saved(place, *given, **changed):
    save_model(place, model(*given, **changed))
    return place


def said(tmp_path, dataset, *folders, temperature=2.0):
    """What teachers say of training clips, by way of the file."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
    keep_probabilities(path, dataset, folders, temperature)
    shape = (len(dataset.indices("train")), len(dataset.classes))
    return read_probabilities(path, shape).numpy()


def direct(folder, dataset, temperature=2.0):
    """The same without a cache, in the order of the model's classes."""
    network = load_model(folder)
    paths = dict.fromkeys(dataset.clips[i].path for i in dataset.indices("train"))
    logits = [np.log(predict_proba(network, read_inputs(network, path))) for path in paths]
    return torch.from_numpy(np.concatenate(logits) / temperature).softmax(1).numpy()


def test_teachers_are_averaged_each_by_its_own_ears(tmp_path, folder, monkeypatch):
    """One with longer clips and its classes in another order; what is cached is taken."""
    dataset = load_dataset(folder)
    first = saved(tmp_path / "a", 1)
    second = saved(tmp_path / "b", 2, ("low", "high"), clip_s=0.5)
    found = said(tmp_path, dataset, first, second)
    assert (found.dtype, len(found)) == (np.float32, len(dataset.indices("train")))
    expected = (direct(first, dataset) + direct(second, dataset)[:, ::-1]) / 2
    np.testing.assert_allclose(found, expected, atol=1e-3)
    monkeypatch.setattr(distillation, "load_inputs", None)
    assert np.array_equal(said(tmp_path, dataset, first, second), found)


def test_an_ensemble_teaches_by_its_vote(tmp_path, folder):
    """Of networks with front ends of their own."""
    dataset, names = load_dataset(folder), ("deepsound-32", "deepsound-64")
    models = [model(n, model_id=name) for n, name in enumerate(names)]
    members = [
        Member(replace(report_model(name).adapted(2, 0.4), id=f"m{n}"), 1, n + 1.0)
        for n, name in enumerate(names)
    ]
    ensemble = Ensemble("made", "", "", tuple(members), dataset.classes, 0.4, "plain", {})
    save_ensemble(tmp_path / "7", ensemble, models, {})
    one, two = (direct(tmp_path / "7" / str(n), dataset, 1.0) for n in (1, 2))
    voted = torch.from_numpy(one + 2 * two).log() / 2  # a third is taken out by the softmax
    found = said(tmp_path, dataset, tmp_path / "7")
    np.testing.assert_allclose(found, voted.softmax(1).numpy(), atol=1e-3)


def test_a_teacher_hears_each_window(tmp_path, folder):
    windows = {"window_s": 0.2, "hop_s": 0.15}
    dataset = load_dataset(DataSource.of(folder, **windows))
    teacher = saved(tmp_path / "0", 1, clip_s=0.2, hop_s=0.15)
    found = said(tmp_path, dataset, teacher)
    assert len(found) > len({dataset.clips[i].path for i in dataset.indices("train")})
    np.testing.assert_allclose(found, direct(teacher, dataset), atol=1e-3)


def test_a_teacher_whose_weights_are_no_numbers_is_refused(tmp_path, folder):
    broken = model(1)
    arrays = {name: np.full_like(array, np.nan) for name, array in broken.arrays.items()}
    save_model(tmp_path / "0", replace(broken, arrays=arrays))
    with pytest.raises(ConfigError, match="0: expected a teacher whose logits are numbers"):
        said(tmp_path, load_dataset(folder), tmp_path / "0")


def test_a_file_of_other_clips_is_told(tmp_path):
    path = tmp_path / "teacher.npy"
    with pytest.raises(StorageError, match="of 4 training clips, found no such file"):
        read_probabilities(path, (4, 2))
    np.save(path, np.zeros((3, 2), np.float32))
    with pytest.raises(StorageError, match=r"found an array of \(3, 2\) - delete it"):
        read_probabilities(path, (4, 2))

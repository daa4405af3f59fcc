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
from nas_asc.architectures import FrontEnd
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError, StorageError
from nas_asc.features import load_inputs
from nas_asc.networks import SavedModel, save_ensemble, save_model, store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model
from nas_asc.study import DataSource
from nas_asc.training import distillation
from nas_asc.training.augmentations import AUGMENTATIONS
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.distillation import (
    TeacherFile,
    check_they_take_crops,
    keep_probabilities,
    read_probabilities,
    read_taught,
)
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


@pytest.mark.parametrize(
    ("teacher", "found"), [(None, "got none"), (torch.ones(2, 2, 3) / 3, r"got \(2, 2, 3\)")]
)
def test_a_batch_without_what_teachers_say_of_each_clip_is_refused(teacher, found):
    """Or with what they say of crops of which none has been drawn."""
    with pytest.raises(ValueError, match=f"expected a batch with what teachers say .* {found}"):
        loss_of(0.5, batch=replace(BATCH, teacher=teacher))


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
    crops = taught_of_crops()
    some = crops.subset([7, 3, 5])
    assert torch.equal(some.batch(torch.tensor([2, 0])).teacher, crops.teacher[[5, 7]])
    assert some.to(torch.device("meta")).teacher.shape == (3, 3, 3)


def cropping(**changed):
    """A recipe with teachers that crops clips of 36 frames to 11 at one of three places."""
    crop = {"length_s": 0.1, "places": 3}
    return learning(1.0, augmentations={"time_crop": crop, "mixup": {"alpha": 0.3}}, **changed)


def taught_of_crops():
    """Clips whose frames are their numbers, and a teacher of chance that heard three crops."""
    frontend = FrontEnd("logmel", 1, 8000, 256, 80, 256, n_mels=3, f_max_hz=4000.0)
    maps = torch.arange(36.0).expand(12, 1, 3, 36)
    teacher = torch.randn(12, 3, 3, generator=torch.Generator().manual_seed(4)).softmax(2)
    labels = torch.arange(12) % 3
    return Clips((maps,), labels, 3, teacher=teacher, frontend=frontend)


def test_a_network_learns_what_was_said_of_the_crop_that_it_is_fed(monkeypatch):
    """Of frames 0 to 10, 12 to 22 or 25 to 35."""
    clips, heard, found = taught_of_crops(), [], []
    augment = AUGMENTATIONS["mixup"].function

    def noted(batch, generator, settings):
        heard.append(batch)
        return augment(batch, generator, settings)

    mixup = replace(AUGMENTATIONS["mixup"], function=noted)
    monkeypatch.setitem(AUGMENTATIONS, "mixup", mixup)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(33, 3))
    train(network, clips, cropping(order="fixed", batch_size=4), epochs=2, seed=0)
    for step, batch in enumerate(heard):
        assert batch.teacher.shape == (4, 3)
        for own, (clip, said) in enumerate(zip(batch.inputs[0], batch.teacher, strict=True)):
            first = int(clip[0, 0, 0])
            assert torch.equal(clip, torch.arange(36.0).expand(1, 3, 36)[..., first : first + 11])
            place = [0, 12, 25].index(first)
            assert torch.equal(said, clips.teacher[4 * step % 12 + own, place])
            found.append(place)
    assert (len(found), {*found}) == (24, {0, 1, 2})


def test_a_curriculum_with_crops_goes_on_to_the_last_bit(tmp_path):
    """Its first model learns from teachers, too."""
    table = {"stages": 2, "until": 0.5, "first": 0.4}
    path, results = tmp_path / "checkpoint", []
    for untils in ((3,), (1, 3)):
        path.unlink(missing_ok=True)
        for until in untils:
            torch.manual_seed(1)
            pooled = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(1, 3)]
            network = torch.nn.Sequential(*pooled)
            hooks = Hooks(
                go_on_from=load_checkpoint(path, "this"),
                on_checkpoint=lambda _, checkpoint: checkpoint().save(path, "this"),
            )
            steps = cropping(curriculum=table)
            train(network, taught_of_crops(), steps, hooks, epochs=3, seed=0, until=until)
        results.append(weights_of(network))
    assert torch.equal(*results)


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


def said(tmp_path, dataset, *folders, steps=None):
    """What teachers say of training clips to who learns by a recipe, by way of the file."""
    path, steps = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy", steps or learning(0.5)
    keep_probabilities(path, dataset, folders, steps)
    return read_taught(TeacherFile(path, steps), dataset, steps).numpy()


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


def steps_of(**crop):
    return learning(0.5, augmentations={"time_crop": crop})


def test_a_teacher_hears_the_crop_at_each_place(tmp_path, folder, monkeypatch):
    """Of 26 frames those of 0.2 s, 13, from the first, fifth, tenth and last of 14 starts.

    However long the teacher's own clips are; what is cached is taken.
    """
    dataset, steps = load_dataset(folder), steps_of(length_s=0.2, places=4)
    teachers = [saved(tmp_path / "a", 1), saved(tmp_path / "b", 2, ("low", "high"), clip_s=0.5)]
    found = said(tmp_path, dataset, *teachers, steps=steps)
    expected = np.zeros((len(dataset.indices("train")), 4, 2))
    for teacher, order in zip(teachers, ([0, 1], [1, 0]), strict=True):
        network = load_model(teacher)
        (maps,) = load_inputs(dataset, network.frontend.feature_key)
        assert maps.shape[-1] == 26
        maps = torch.from_numpy(maps)[list(dataset.indices("train"))].float()
        with torch.no_grad():
            for place, first in enumerate([0, 4, 9, 13]):
                logits = network(maps[..., first : first + 13])[:, order]
                expected[:, place] += (logits / 2).softmax(1).numpy() / 2
    assert found.dtype == np.float32
    assert found.std(axis=1).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-3)
    monkeypatch.setattr(distillation, "load_inputs", None)
    assert np.array_equal(said(tmp_path, dataset, *teachers, steps=steps), found)
    for other in ({"length_s": 0.2, "places": 3}, {"length_s": 0.3, "places": 4}):
        with pytest.raises(TypeError):  # has not been heard yet
            said(tmp_path, dataset, *teachers, steps=steps_of(**other))


def test_an_ensemble_hears_crops_and_an_only_one_is_in_the_middle(tmp_path, folder):
    """Of 26 frames 13 from the seventh on, 6.5 rounded to the even one."""
    dataset, architecture = load_dataset(folder), report_model("deepsound-32").adapted(2, 0.4)
    members = [Member(replace(architecture, id=name), 1, 1.0) for name in "ab"]
    ensemble = Ensemble("made", "", "", tuple(members), dataset.classes, 0.4, "plain", {})
    save_ensemble(tmp_path / "7", ensemble, [model(1), model(2)], {})
    found = said(tmp_path, dataset, tmp_path / "7", steps=steps_of(length_s=0.2, places=1))
    (maps,) = load_inputs(dataset, architecture.architecture.frontend.feature_key)
    maps = torch.from_numpy(maps)[list(dataset.indices("train"))].float()
    networks = [load_model(tmp_path / "7" / name) for name in "12"]
    with torch.no_grad():
        votes = [each(maps[..., 6:19]).softmax(1) for each in networks]
    expected = (sum(votes) / 2).log().div(2).softmax(1)
    np.testing.assert_allclose(found, expected[:, None], atol=1e-3)


@pytest.mark.parametrize(
    "crop", [{"length_s": 0.2}, {"length_s": 0.4, "places": 4}, {"length_s": 9.0, "places": 4}]
)
def test_without_places_or_shorter_crops_teachers_hear_whole_clips(tmp_path, folder, crop):
    dataset, teacher = load_dataset(folder), saved(tmp_path / "a", 1)
    found = said(tmp_path, dataset, teacher, steps=steps_of(**crop))
    assert np.array_equal(found, said(tmp_path, dataset, teacher))


def test_a_training_with_other_crops_learns_the_mean_over_places(tmp_path, folder):
    """As a network of an ensemble whose recipe is another than that of the study."""
    dataset, steps = load_dataset(folder), steps_of(length_s=0.2, places=3)
    path = tmp_path / "teacher.npy"
    keep_probabilities(path, dataset, [saved(tmp_path / "a", 1)], steps)
    stored = np.load(path)
    assert stored.shape == (len(dataset.indices("train")), 3, 2)
    for crop in ({"length_s": 0.2, "places": 2}, {"length_s": 0.3, "places": 3}, {"length_s": 0.2}):
        found = read_taught(TeacherFile(path, steps), dataset, steps_of(**crop))
        torch.testing.assert_close(found, torch.from_numpy(stored).mean(1))
    found = read_taught(TeacherFile(path, steps), dataset, learning(0.5))
    torch.testing.assert_close(found, torch.from_numpy(stored).mean(1))


def test_a_teacher_for_clips_of_one_length_hears_crops_that_are_as_long(tmp_path, folder):
    dataset, steps = load_dataset(folder), steps_of(length_s=0.2, places=2)
    as_long = saved(tmp_path / "a", 1, clip_s=0.2, model_id="ntu-vggnet")
    check_they_take_crops(steps, dataset, {"this": as_long})
    assert said(tmp_path, dataset, as_long, steps=steps).shape[1:] == (2, 2)
    longer = saved(tmp_path / "b", 1, model_id="ntu-vggnet")
    check_they_take_crops(learning(0.5), dataset, {"this": longer})
    told = r"this: expected a teacher that can hear crops of 0.2 s, got one for 0.4 s alone - take"
    with pytest.raises(ConfigError, match=told):
        check_they_take_crops(steps, dataset, {"that": as_long, "this": longer})
    with pytest.raises(ConfigError, match="b: expected a teacher that can hear crops"):
        said(tmp_path, dataset, longer, steps=steps)


def test_a_teacher_with_two_spectrograms_hears_no_crops(tmp_path, folder):
    two = saved(tmp_path / "a", 1, model_id="srpol-4")
    with pytest.raises(ConfigError, match=r"got one whose two spectrograms \(frontend.second_wind"):
        check_they_take_crops(steps_of(length_s=0.2, places=2), load_dataset(folder), {"it": two})


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

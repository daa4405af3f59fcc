"""Training on stretches from anywhere in recordings that are there second by second."""

import numpy as np
import pytest
import soundfile
import torch
from recipe_cases import recipe

from nas_asc import build
from nas_asc.architectures.frontend import FrontEnd
from nas_asc.datasets import load_dataset
from nas_asc.datasets.joining import JoinedClips, join_training_clips
from nas_asc.features.audio import read_clip, read_joined
from nas_asc.features.inputs import load_inputs
from nas_asc.networks import SavedModel, save_model, store
from nas_asc.reports.lookup import report_model
from nas_asc.study.job import TEACHER_FILE, Job
from nas_asc.training import loop, parts
from nas_asc.training.batches import Clips
from nas_asc.training.distillation import TeacherFile, keep_probabilities, read_taught
from nas_asc.training.joining import joined_clips, with_crops
from nas_asc.training.run_job import run_job

pytestmark = pytest.mark.usefixtures("one_thread")
RATE_HZ, PARTS, CLIP_S = 8000, 3, 0.4


def noise(seconds, seed):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE_HZ))


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """Folders of two classes; 6 recordings of each in three parts, one of them whole in `whole`."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    whole = noise(PARTS * CLIP_S, 0)
    soundfile.write(tmp_path / "whole.wav", whole, RATE_HZ, "FLOAT")
    for label in ("bus", "tram"):
        (tmp_path / "scenes" / label).mkdir(parents=True)
        for place in range(6):
            sound = noise(PARTS * CLIP_S, place) if place or label == "tram" else whole
            for second, part in enumerate(np.split(sound, PARTS)):
                name = f"{label}-lyon-{place}-{place}-{second}-a.wav"
                path = tmp_path / "scenes" / label / name
                soundfile.write(path, part, RATE_HZ, "FLOAT")
    return tmp_path


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 5000])
def test_parts_are_read_as_the_recording_that_they_are_of(scenes, rate_hz):
    parts = [scenes / "scenes" / "bus" / f"bus-lyon-0-0-{second}-a.wav" for second in range(PARTS)]
    samples = round(PARTS * CLIP_S * rate_hz)
    whole = read_clip(scenes / "whole.wav", rate_hz, 2, samples)
    assert np.array_equal(read_joined(parts, rate_hz, 2, samples), whole)


def test_features_of_a_recording_do_not_know_where_its_parts_meet(scenes):
    dataset = load_dataset(scenes / "scenes")
    joined = join_training_clips(dataset)
    assert joined is not None
    assert len(joined.parts) * PARTS == len(dataset.indices("train"))
    frontend = FrontEnd("logmel", 1, RATE_HZ, 256, 80, 256, n_mels=16, f_max_hz=4000.0)
    (maps,) = load_inputs(joined.dataset, frontend)
    assert maps.shape[1:] == (1, 16, 1 + PARTS * 40)
    (of_parts,) = load_inputs(dataset, frontend)
    first = of_parts[dataset.indices("train")[joined.parts[0][0]]]
    inside = slice(0, 39)  # frames that reach no end but the first
    assert np.array_equal(maps[0][..., inside], first[..., inside])
    assert not np.array_equal(maps[0][..., 40], first[..., 40])


def test_a_network_for_clips_of_one_length_is_trained_on_stretches(scenes, monkeypatch):
    """An epoch has a stretch of each recording; what is judged are the clips of the data."""
    seen, taken = [], loop.Clips.batch

    def noted(clips, chosen):
        found = taken(clips, chosen)
        seen.append(tuple(found.inputs[0].shape))
        return found

    monkeypatch.setattr(loop.Clips, "batch", noted)
    dataset = load_dataset(scenes / "scenes")
    model = report_model("ntu-vggnet").adapted(2, CLIP_S).architecture
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe(join_clips=True, batch_size=4).to_dict(),
        "rule": "plain",
        "space": "vgg",
        "run": str(scenes / "run"),
    }
    result = run_job(Job(0, model.to_dict(), 7, 2, 2, context=context), lambda _: None)
    assert result.metrics["clips"] == len(dataset.indices("validation"))
    recordings = len(dataset.indices("train")) // PARTS
    frames = model.frontend.input_shapes(PARTS * CLIP_S)[0][-1]
    assert {shape[-1] for shape in seen} == {frames}
    assert sum(shape[0] for shape in seen) == 2 * recordings


def test_a_crop_is_as_long_as_a_clip_or_shorter():
    for length_s, expected in [(None, 1.0), (8.0, 1.0), (0.5, 0.5)]:
        own = {} if length_s is None else {"time_crop": {"length_s": length_s}}
        given = recipe(augmentations={**own, "mixup": {"alpha": 0.5}})
        augmentations = with_crops(given, 1.0).augmentations
        assert augmentations["time_crop"] == {"length_s": expected}
        assert augmentations["mixup"] == {"alpha": 0.5}


def test_recordings_stand_in_the_place_of_their_parts():
    training = Clips((torch.zeros(4, 1),), torch.tensor([0, 1, 1, 0]), 2)
    whole = (torch.ones(2, 3),)
    joined = joined_clips(training, JoinedClips(None, ((3, 0), (1, 2))), whole, None)
    assert joined.labels.tolist() == [0, 1]
    assert len(joined) == joined.input_lengths[0] == 2


LEARNS = {"temperature": 2.0, "weight": 1.0, "teachers": ["runs/a:1"]}


def learning(join_clips=None, **crop):
    """A recipe with teachers, that joins clips and crops them."""
    augmentations = {"time_crop": {"length_s": CLIP_S, **crop}} if crop else {}
    return recipe(
        join_clips=join_clips, distillation=LEARNS, augmentations=augmentations, batch_size=4
    )


def by_number(dataset):
    """The numbers of the training clips of each recording, in the order of its first one."""
    recordings = {}
    for number, index in enumerate(dataset.indices("train")):
        stem, second = dataset.clips[index].path.stem.rsplit("-", 2)[:2]
        recordings.setdefault(stem, {})[int(second)] = number
    return [[parts[second] for second in range(PARTS)] for parts in recordings.values()]


def test_a_teacher_says_of_a_recording_the_mean_of_what_it_says_of_its_parts(scenes):
    dataset = load_dataset(scenes / "scenes")
    said = np.random.default_rng(0).random((len(dataset.indices("train")), 2), np.float32)
    np.save(scenes / "teacher.npy", said)
    file = TeacherFile(scenes / "teacher.npy", learning())
    assert np.array_equal(read_taught(file, dataset, learning()).numpy(), said)
    expected = said[by_number(dataset)].mean(axis=1)
    for own in (learning(True), learning(True, places=PARTS)):
        np.testing.assert_allclose(read_taught(file, dataset, own), expected, rtol=1e-6)


def test_where_places_are_said_a_teacher_hears_the_part_that_a_network_hears(scenes):
    """Three places in a recording of three parts; only the frames at its ends hear the others."""
    torch.manual_seed(1)
    model = report_model("deepsound-32").adapted(2, CLIP_S).architecture
    network = build(model, 2, CLIP_S)
    arrays = store(network, precision="float32")
    save_model(scenes / "a", SavedModel(model, ("bus", "tram"), CLIP_S, "plain", arrays, {}))
    dataset, steps = load_dataset(scenes / "scenes"), learning(True, places=PARTS)
    keep_probabilities(scenes / "teacher.npy", dataset, [scenes / "a"], steps)
    found = read_taught(TeacherFile(scenes / "teacher.npy", steps), dataset, steps).numpy()
    recordings = by_number(dataset)
    assert found.shape == (len(recordings), PARTS, 2)
    (maps,) = load_inputs(join_training_clips(dataset).dataset, model.frontend.feature_key)
    assert maps.shape[-1] == 77
    with torch.no_grad():
        for place, first in enumerate([0, 26, 51]):
            heard = torch.from_numpy(maps[..., first : first + 26]).float()
            expected = (network.eval()(heard) / 2).softmax(1)
            np.testing.assert_allclose(found[:, place], expected, atol=1e-3)
    assert found.std(axis=1).max() > 1e-3


def test_a_job_learns_of_each_stretch_what_was_said_of_it(scenes, monkeypatch):
    """Of frames 0, 26 or 51 to 26 later; an epoch has one of each recording."""
    dataset, heard, loss = load_dataset(scenes / "scenes"), [], parts.distilled

    def noted(logits, batch, **settings):
        heard.append(batch)
        return loss(logits, batch, **settings)

    monkeypatch.setattr(parts, "distilled", noted)
    model = report_model("deepsound-32").adapted(2, CLIP_S).architecture
    (maps,) = load_inputs(join_training_clips(dataset).dataset, model.frontend.feature_key)
    said = np.random.default_rng(0).random((len(maps), PARTS, 2), np.float32)
    (scenes / "run").mkdir()
    np.save(scenes / "run" / TEACHER_FILE, said)
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": learning(True, places=PARTS).to_dict(),
        "rule": "plain",
        "space": "mbconv",
        "run": str(scenes / "run"),
    }
    run_job(Job(0, model.to_dict(), 7, 3, 3, context=context), lambda _: None)
    found = []
    for batch in heard:
        for clip, row in zip(batch.inputs[0].numpy(), batch.teacher.numpy(), strict=True):
            ((recording, place),) = np.argwhere((said == row).all(axis=2))
            first = (0, 26, 51)[place]
            assert np.array_equal(clip, maps[recording, ..., first : first + 26])
            found.append((recording, place))
    assert len(found) == 3 * len(maps)
    assert len({*found}) > len(maps)


def test_what_was_heard_of_recordings_is_of_each_of_their_parts(scenes):
    """For a network of an ensemble that is not trained on what the study joins, or otherwise."""
    dataset, steps = load_dataset(scenes / "scenes"), learning(True, places=PARTS)
    recordings = by_number(dataset)
    said = np.random.default_rng(0).random((len(recordings), PARTS, 2), np.float32)
    np.save(scenes / "teacher.npy", said)
    file = TeacherFile(scenes / "teacher.npy", steps)
    assert np.array_equal(read_taught(file, dataset, steps).numpy(), said)
    longer = read_taught(file, dataset, learning(True, length_s=9.0, places=PARTS))
    assert np.array_equal(longer.numpy(), said)  # than a clip no crop is
    for other in (learning(True), learning(True, places=2)):
        taught = read_taught(file, dataset, other)
        np.testing.assert_allclose(taught, said.mean(axis=1), rtol=1e-6)
    for other in (learning(), learning(length_s=0.2, places=PARTS)):
        of_parts = read_taught(file, dataset, other)
        assert len(of_parts) == PARTS * len(recordings)
        for row, own in zip(said, recordings, strict=True):
            np.testing.assert_allclose(of_parts[own], [row.mean(axis=0)] * PARTS, rtol=1e-6)

"""Training on stretches from anywhere in recordings that are there second by second."""

import numpy as np
import pytest
import soundfile
import torch
from recipe_cases import recipe

from nas_asc.architectures.frontend import FrontEnd
from nas_asc.datasets import load_dataset
from nas_asc.datasets.joining import JoinedClips, join_training_clips
from nas_asc.features.audio import read_clip, read_joined
from nas_asc.features.inputs import load_inputs
from nas_asc.reports.lookup import report_model
from nas_asc.study.job import Job
from nas_asc.training import loop
from nas_asc.training.batches import Clips
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


def test_a_teacher_says_of_a_recording_the_mean_of_what_it_says_of_its_parts():
    said = torch.tensor([[1.0, 0.0], [0.2, 0.8], [0.0, 1.0], [0.6, 0.4]])
    training = Clips((torch.zeros(4, 1),), torch.tensor([0, 1, 1, 0]), 2, teacher=said)
    whole = (torch.ones(2, 3),)
    joined = joined_clips(training, JoinedClips(None, ((3, 0), (1, 2))), whole, None)
    assert joined.labels.tolist() == [0, 1]
    assert len(joined) == joined.input_lengths[0] == 2
    torch.testing.assert_close(joined.teacher, torch.tensor([[0.8, 0.2], [0.1, 0.9]]))

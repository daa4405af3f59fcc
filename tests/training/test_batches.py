"""Clips: some of them are the same features with other row numbers, and train alike."""

from dataclasses import replace

import pytest
import torch

from nas_asc.networks.layers import Standardisation
from nas_asc.training.batches import Clips
from nas_asc.training.metrics import predict_proba

CHOSEN = (2, 3, 5, 11, 17, 8, 29, 4, 21)


@pytest.fixture
def clips():
    """Return thirty clips of three classes with a second plane and a mean spectrum."""
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(30, 2, 6, 9, generator=generator).half()
    means = torch.randn(30, 6, generator=generator).half()
    labels = torch.randint(3, (30,), generator=generator)
    return Clips((maps, means), labels, 3, second_plane=True, files=torch.arange(30) // 2)


def copied(clips, indices):
    """Copy the features of some clips."""
    chosen = list(indices)
    inputs = tuple(each[chosen] for each in clips.inputs)
    return replace(clips, inputs=inputs, labels=clips.labels[chosen], files=clips.files[chosen])


def test_some_of_the_clips_share_the_memory_of_all(clips):
    some = clips.subset(CHOSEN)
    fewer = some.subset((1, 4)).to(torch.device("cpu"))

    for part in (some, fewer):
        assert [x.data_ptr() for x in part.inputs] == [x.data_ptr() for x in clips.inputs]
        assert [len(x) for x in part.inputs] == [30, 30]
    assert (len(some), len(fewer), fewer.input_lengths) == (9, 2, [2, 2])


@pytest.mark.parametrize("nested", [False, True])
def test_batches_are_those_of_copied_features(clips, nested):
    chosen = torch.tensor([4, 0, 1])
    some, others = clips.subset(CHOSEN), copied(clips, CHOSEN)
    if nested:
        some, others = some.subset((8, 1, 2, 5, 0)), copied(others, (8, 1, 2, 5, 0))
    found, expected = some.batch(chosen), others.batch(chosen)

    assert len(found.inputs) == 2
    for one, other in zip(found.inputs, expected.inputs, strict=True):
        assert one.dtype == torch.float32
        assert torch.equal(one, other)
    assert torch.equal(found.targets, torch.eye(3)[others.labels[chosen]])
    assert torch.equal(found.class_weights, expected.class_weights)
    assert torch.equal(some.files, others.files)


def test_clips_are_judged_a_batch_at_a_time_as_copied_features_are(clips):
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.maps, self.means = torch.nn.Linear(108, 3), torch.nn.Linear(6, 3)
            self.taken = []

        def forward(self, maps, means):
            self.taken.append(len(maps))
            return self.maps(maps.flatten(1)) + self.means(means)

    network = Network()
    found = predict_proba(network, clips.subset(CHOSEN), batch_size=4)
    expected = predict_proba(network, copied(clips, CHOSEN).inputs, batch_size=4)

    assert network.taken == [4, 4, 1, 4, 4, 1]
    assert (found == expected).all()


@pytest.mark.parametrize("second_plane", [False, True])
def test_statistics_measured_in_parts_are_those_of_all_at_once(second_plane):
    maps = (3 * torch.randn(40, 2, 64, 200) - 10).half()
    clips = Clips((maps,), torch.zeros(40, dtype=torch.int64), 1)
    at_once, in_parts = (Standardisation((2, 64, 200), second_plane) for _ in range(2))
    chosen = range(1, 40, 2)
    at_once.fit(maps[list(chosen)])
    in_parts.fit_parts(first for (first,) in clips.subset(chosen).parts(in_parts.part_clips))

    assert in_parts.part_clips < len(chosen), "else there would be one part"
    for one, other in zip(in_parts.statistics, at_once.statistics, strict=True):
        assert torch.equal(one, other)


def test_clips_on_another_device_are_those_that_were_chosen(clips):
    moved = clips.subset(CHOSEN).to(torch.device("meta"))
    assert [tuple(x.shape) for x in moved.inputs] == [(9, 2, 6, 9), (9, 6)]
    assert moved.rows is None

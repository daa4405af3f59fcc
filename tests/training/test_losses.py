"""The cross-entropy with class weights, against torch's own."""

import pytest
import torch
from torch.nn.functional import cross_entropy as of_torch

from nas_asc.training.batches import Batch, Clips
from nas_asc.training.parts import CrossEntropy, cross_entropy

LABELS = torch.tensor([0] * 8 + [1] * 3 + [3])  # class 2 has no clip
CLIPS = Clips((torch.zeros(12, 1),), LABELS, 4)
WEIGHTS = torch.tensor([12 / (4 * 8), 12 / (4 * 3), 0.0, 12 / 4])


def logits(clips=12):
    return torch.randn(clips, 4, generator=torch.Generator().manual_seed(0))


def test_balanced_weights_are_clips_by_classes_and_clips_of_the_class():
    assert torch.equal(CLIPS.class_weights, WEIGHTS)
    even = Clips(CLIPS.inputs, torch.arange(12) % 4, 4)
    assert torch.equal(even.class_weights, torch.ones(4))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_weighted_loss_of_labels_is_torchs(smoothing):
    settings = CrossEntropy(label_smoothing=smoothing, class_weights="balanced")
    chosen = torch.tensor([0, 3, 8, 9, 11])
    found = cross_entropy(logits(5), CLIPS.batch(chosen), settings)
    expected = of_torch(logits(5), LABELS[chosen], WEIGHTS, label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_each_class_of_a_blend_of_clips_has_its_own_weight():
    targets = torch.tensor([[0.7, 0.3, 0, 0], [0, 0, 0, 1.0]])
    batch = Batch((torch.zeros(2, 1),), targets, class_weights=WEIGHTS)
    losses = -logits(2).log_softmax(1)
    parts = [(0.7 * WEIGHTS[0], losses[0, 0]), (0.3 * WEIGHTS[1], losses[0, 1])]
    parts.append((WEIGHTS[3], losses[1, 3]))
    expected = sum(w * loss for w, loss in parts) / sum(w for w, _ in parts)
    settings = CrossEntropy(label_smoothing=0.0, class_weights="balanced")
    assert cross_entropy(logits(2), batch, settings).item() == pytest.approx(expected.item())


def test_without_class_weights_the_loss_is_as_before():
    settings = CrossEntropy.model_validate({"label_smoothing": 0.1})
    found = cross_entropy(logits(), CLIPS.batch(torch.arange(12)), settings)
    assert found == of_torch(logits(), CLIPS.batch(torch.arange(12)).targets, label_smoothing=0.1)

"""The cross-entropy with class weights, against torch's own."""

from dataclasses import replace

import pytest
import torch
from recipe_cases import PLAIN_TABLE, recipe
from torch.nn.functional import cross_entropy as of_torch

from nas_asc.errors import ConfigError
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.parts import CrossEntropy, cross_entropy, parts_of

LOSS = PLAIN_TABLE["loss"]

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


def test_weights_by_name_are_weighed_as_keras_does():
    """The sum of weight x -ln p of the true class, by the number of clips: two clips, by hand."""
    weights = {"indoor": 1.4, "outdoor": 0.2, "transportation": 0.15}  # of SRPOL's third system
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
    batch = Batch((), torch.eye(3)[[0, 2]], class_weights=torch.tensor([*weights.values()]))
    settings = CrossEntropy(label_smoothing=0.0, class_weights=weights)
    found = cross_entropy(probabilities.log(), batch, settings)
    assert found.item() == pytest.approx((1.4 * 0.693147 + 0.15 * 2.079442) / 2, rel=1e-6)


def test_clips_have_the_weights_that_are_given_by_name():
    given = replace(CLIPS, named_weights=torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert torch.equal(
        given.subset([0, 3]).batch(torch.tensor([0])).class_weights, torch.arange(1.0, 5)
    )


@pytest.mark.parametrize("weights", ["even", {}, {"a": -1}, {"a": True}, {"a": "1"}, 3])
def test_class_weights_that_are_none_are_refused(weights):
    with pytest.raises(
        ConfigError, match=r"loss\.class_weights: expected none, balanced or a table"
    ):
        parts_of(recipe(loss={**LOSS, "class_weights": weights}))


def test_a_class_that_is_not_there_or_has_no_weight_is_told():
    made = recipe(loss={**LOSS, "class_weights": {"bus": 1, "tran": 0.5}})
    assert made.class_weights(("tran", "bus")) == (0.5, 1.0)
    told = r"\(bus, tram\), got none for tram and one for tran, did you mean 'tram'\?$"
    with pytest.raises(ConfigError, match=told):
        made.class_weights(("bus", "tram"))
    assert recipe().class_weights(("bus", "tram")) is None


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

"""The parts of a recipe: found by name, set by their own tables, added from outside by one row."""

import pytest
import torch
from recipe_cases import EVERY_AUGMENTATION, PLAINEST, recipe
from torch import nn

from nas_asc.errors import ConfigError
from nas_asc.study.config import Part, Table, load_study, study_toml
from nas_asc.training.augmentations import AUGMENTATIONS, Augmentation
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.loop import train
from nas_asc.training.parts import LOSSES, OPTIMIZERS, SCHEDULES, parts_of


class Louder(Table):
    gain: float


def louder(batch: Batch, generator: torch.Generator, settings: Louder) -> Batch:
    return Batch(tuple(settings.gain * x for x in batch.inputs), batch.targets)


class Brier(Table):
    weight: float


def brier(logits: torch.Tensor, batch: Batch, settings: Brier) -> torch.Tensor:
    return settings.weight * (logits.softmax(1) - batch.targets).square().sum(1).mean()


def test_an_augmentation_and_a_loss_from_outside_are_a_row_each(monkeypatch, tmp_path):
    monkeypatch.setitem(AUGMENTATIONS, "louder", Augmentation(Louder, louder))
    monkeypatch.setitem(LOSSES, "brier", Part(Brier, brier))
    made = recipe(loss={"name": "brier", "weight": 2.0}, augmentations={"louder": {"gain": 3.0}})
    text = study_toml(load_study("quick").model_copy(update={"recipe": made}))
    assert "[recipe.augmentations.louder]\ngain = 3.0\n" in text
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    mine = load_study(str(path)).recipe

    inputs, labels = torch.randn(4, 5), torch.tensor([0, 1, 0, 1])
    network = nn.Linear(5, 2)
    with torch.no_grad():
        off = nn.functional.one_hot(labels, 2) - network(3.0 * inputs).softmax(1)
    history = train(network, Clips((inputs,), labels, 2), mine, epochs=1, seed=0)
    assert history[0].train_loss == pytest.approx(2.0 * off.square().sum(1).mean().item())

    path.write_text(text.replace("gain", "gian"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"toml:\d+: recipe.augmentations.louder.gian: .*'gain'"):
        load_study(str(path))


def test_augmentations_are_applied_in_the_order_of_their_table():
    parts = parts_of(recipe(augmentations=dict(reversed(EVERY_AUGMENTATION.items()))))
    before, after = (
        [part.func.__name__ for part in each]
        for each in (parts.before_standardisation, parts.augmentations)
    )
    assert before + after == list(AUGMENTATIONS)
    assert after[0] == "warp"
    none = parts_of(PLAINEST)
    assert none.before_standardisation == none.augmentations == ()


def test_a_bare_name_is_a_part_without_settings():
    assert recipe(schedule="cosine") == recipe(schedule={"name": "cosine"})


@pytest.mark.parametrize("members", [AUGMENTATIONS, LOSSES, OPTIMIZERS, SCHEDULES])
def test_each_member_names_its_paper(members):
    for part in members.values():
        assert any(word in part.function.__doc__ for word in ("arXiv", "doi", "ISMIR", "DCASE"))

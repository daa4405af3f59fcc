"""The parts of a recipe: found by name, set by their own tables, added from outside by one row."""

import pytest
import torch
from recipe_cases import AUGMENTATIONS as SETTINGS
from recipe_cases import PLAIN_TABLE, PLAINEST, recipe
from torch import nn

from nas_asc.errors import ConfigError
from nas_asc.study.config import load_study, study_toml, with_options
from nas_asc.study.recipe import Part, Table
from nas_asc.training.augmentations import AUGMENTATIONS
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.loop import train
from nas_asc.training.losses import LOSSES
from nas_asc.training.optimizers import OPTIMIZERS
from nas_asc.training.parts import faults_of_parts, parts_of
from nas_asc.training.schedules import SCHEDULES


class Louder(Table):
    gain: float


def louder(batch: Batch, generator: torch.Generator, settings: Louder) -> Batch:
    return Batch(tuple(settings.gain * x for x in batch.inputs), batch.targets)


class Brier(Table):
    weight: float


def brier(logits: torch.Tensor, batch: Batch, settings: Brier) -> torch.Tensor:
    return settings.weight * (logits.softmax(1) - batch.targets).square().sum(1).mean()


def part(name, **settings):
    return {"name": name, **settings}


def test_an_augmentation_and_a_loss_from_outside_are_a_row_each(monkeypatch, tmp_path):
    monkeypatch.setitem(AUGMENTATIONS, "louder", Part(Louder, louder))
    monkeypatch.setitem(LOSSES, "brier", Part(Brier, brier))
    made = recipe(loss=part("brier", weight=2.0), augmentations={"louder": {"gain": 3.0}})
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
    given = {"augmentations": dict(reversed(SETTINGS.items()))}
    functions = [part.func.__name__ for part in parts_of(recipe(**given)).augmentations]
    assert functions == ["time_shift", "spec_augment", "mixup"]
    assert parts_of(PLAINEST).augmentations == ()


def test_a_bare_name_is_a_part_without_settings():
    assert recipe(schedule="cosine") == recipe(schedule={"name": "cosine"})


@pytest.mark.parametrize("members", [AUGMENTATIONS, LOSSES, OPTIMIZERS, SCHEDULES])
def test_each_member_names_its_paper(members):
    for part in members.values():
        assert "arXiv" in part.function.__doc__ or "doi" in part.function.__doc__


def on(name, **settings):
    return {"augmentations": {name: SETTINGS.get(name, {}) | settings}}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"optimizer": part("adamw", weight_decay=-0.1)}, "optimizer.weight_decay"),
        ({"optimizer": part("adamw", weight_decay=10**400)}, "optimizer.weight_decay"),
        ({"optimizer": "adamw"}, "optimizer.weight_decay"),
        ({"optimizer": "adam2"}, "optimizer"),
        ({"schedule": part("cosine", peak=1)}, "schedule.peak"),
        ({"loss": part("cross_entropy", label_smoothing=1.0)}, "loss.label_smoothing"),
        (on("mixup", alpha=float("inf")), "augmentations.mixup.alpha"),
        (on("mixup", alpha=0), "augmentations.mixup.alpha"),
        (on("time_shift", width="half"), "augmentations.time_shift.width"),
        (on("mixupp"), "augmentations.mixupp"),
        (on("spec_augment", mel_mask_width=1.5), "augmentations.spec_augment.mel_mask_width"),
        (on("spec_augment", frame_masks=-1), "augmentations.spec_augment.frame_masks"),
    ],
)
def test_a_part_that_is_not_valid_has_its_path(changed, path):
    (fault,) = faults_of_parts(PLAIN_TABLE | changed)
    assert fault.path == f"recipe.{path}"
    with pytest.raises(ConfigError, match=f"^recipe.{path}: expected"):
        parts_of(recipe(**changed))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("learning_rate", value) for value in (0, True, float("nan"), 1e300, "fast")),
        *(("batch_size", value) for value in (0, 2.5)),
        ("ema_decay", 1.0),
        ("optimizer", ["adam"]),
        ("schedule", {}),
        ("augmentations", ["mixup"]),
        ("augmentations", {"mixup": 0.2}),
    ],
)
def test_a_value_of_a_recipe_that_is_out_of_range_has_its_path(key, value):
    with pytest.raises(ConfigError, match=rf"^recipe\.{key}.*: expected"):
        with_options(load_study("quick"), {"recipe": PLAIN_TABLE | {key: value}})

"""The parts of a recipe: found by name, set by their own tables, added from outside by one row."""

import pytest
import recipe_cases
import torch
from recipe_cases import EVERY_AUGMENTATION, PLAINEST, recipe
from torch import nn

from nas_asc.errors import ConfigError
from nas_asc.study.config import Table, load_study, study_toml
from nas_asc.study.recipe import Part
from nas_asc.training.augmentations import AUGMENTATIONS, Augmentation
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.loop import train
from nas_asc.training.orders import ORDERS
from nas_asc.training.parts import LOSSES, OPTIMIZERS, parts_of
from nas_asc.training.schedules import SCHEDULES


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


FAMILIES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "order": ORDERS}


@pytest.mark.parametrize("family", FAMILIES)
def test_tests_have_settings_of_each_member(family):
    assert {*getattr(recipe_cases, f"{family.upper()}S")} == {*FAMILIES[family]}


def test_what_is_off_unless_it_is_there_is_written_and_read_again(tmp_path):
    """Also class names that are no bare keys of TOML."""
    weights = {"metro station": 1.5, "a.b": 0.5, 'say "ah"': 1.0}
    made = recipe(
        loss={"name": "cross_entropy", "label_smoothing": 0.0, "class_weights": weights},
        order={"name": "buffer", "share": 0.05},
        l2={"factor": 0.001, "layers": "all but classifier"},
        stop={"patience": 15},
        keep={"best": "accuracy", "after": 0.75},
        curriculum={"stages": 3, "until": 0.5, "first": 0.1},
        pruning={"start": 0.25, "end": 0.75, "initial": 0.1, "steps": 20, "rate": 0.01},
        join_clips=True,
    )
    study = load_study("quick").model_copy(update={"recipe": made})
    path = tmp_path / "mine.toml"
    path.write_text(study_toml(study), encoding="utf-8")
    assert load_study(str(path)) == study
    off = {"order", "l2", "stop", "keep", "curriculum", "pruning", "join_clips"}
    assert not off & {*PLAINEST.to_dict()}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (
            "order = 'shufled'",
            "recipe.order: expected one of shuffled, fixed, buffer, got 'shufled'",
        ),
        ("stop = { patience = 0 }", "recipe.stop.patience: expected a number greater than"),
        ("keep = { best = 'loss' }", "recipe.keep.best: expected 'log_loss' or 'accuracy'"),
        (
            "keep = { best = 'accuracy', from = 0.5 }",
            "recipe.keep.from: expected one of best, after",
        ),
        ("l2 = 0.1", "recipe.l2: expected a table, got 0.1"),
        ("pruning = { start = 0.5, end = 0.5 }", "recipe.pruning.end: expected more than the 0.5"),
        ("pruning = { start = 0.5 }", "recipe.pruning.end: expected a value, got nothing"),
        ("curriculum = { stages = 3 }", "recipe.curriculum.until: expected a value, got nothing"),
    ],
)
def test_a_fault_in_them_is_told_with_its_place(tmp_path, table, fault):
    path = tmp_path / "mine.toml"
    text = study_toml(load_study("quick"))
    path.write_text(text.replace("[recipe]\n", f"[recipe]\n{table}\n"), encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        load_study(str(path))
    assert fault in str(told.value)


def test_momentum_of_nesterov_is_to_be_given():
    optimizer = {"name": "sgd", "weight_decay": 0.0, "nesterov": True}
    with pytest.raises(ConfigError, match=r"optimizer\.momentum: expected a number above 0 with"):
        parts_of(recipe(optimizer=optimizer))


@pytest.mark.parametrize("members", [AUGMENTATIONS, LOSSES, OPTIMIZERS, SCHEDULES])
def test_each_member_names_its_paper(members):
    for part in members.values():
        assert any(word in part.function.__doc__ for word in ("arXiv", "doi", "ISMIR", "DCASE"))

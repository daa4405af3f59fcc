"""Lists in a recipe are choices: read, written, refused, and made by a search."""

import random
import tomllib
from dataclasses import replace
from datetime import date

import pytest
from pydantic import ValidationError
from recipe_cases import PLAIN_TABLE
from study_cases import search, study, task, write_tones

from nas_asc.complexity import Budget
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.search.storage.run_folder import read_trials
from nas_asc.spaces import mutations
from nas_asc.study import (
    DataSource,
    Job,
    Recipe,
    faults_of,
    load_study,
    study_toml,
    with_options,
)
from nas_asc.training.run_job import run_job

STEP_DECAY = '{"every": 2, "factor": 0.9, "name": "step_decay"}'
TEXT = """
learning_rate = [0.003, 0.01, 0.001]
schedule = ["one_cycle", { name = "step_decay", factor = 0.9, every = 2 }]
batch_size = 8
loss = { name = "cross_entropy", label_smoothing = [0.0, 0.1] }
ema_decay = 0.0
gradient_clip = 0.0
l2 = ["none", { factor = 0.001, layers = "kernels" }]

[optimizer]
name = "adamw"
weight_decay = 0.01

[augmentations]
mixup = [{ alpha = 0.3 }, "none"]

[augmentations.fir_filter]
probability = [0.0, 0.5]
low_pass = { edges_hz = [1000.0, 2000.0], taps = 40, transition_hz = 250.0 }
"""
CHOICES = {
    "learning_rate": (0.003, 0.01, 0.001),
    "schedule": ("one_cycle", STEP_DECAY),
    "loss.label_smoothing": (0.0, 0.1),
    "l2": ("none", '{"factor": 0.001, "layers": "kernels"}'),
    "augmentations.mixup": ('{"alpha": 0.3}', "none"),
    "augmentations.fir_filter.probability": (0.0, 0.5),
}
TAUGHT = {"teachers": ["run:1"], "temperature": 2.0, "weight": 0.5}
SMALL = {"learning_rate": [0.01, 0.003, 0.03], "l2": ["none", {"factor": 0.1, "layers": "kernels"}]}


def recipe(**values):
    return Recipe.model_validate({**PLAIN_TABLE, **values})


def test_a_list_is_a_choice_whose_first_option_is_the_recipe_s():
    table = tomllib.loads(TEXT)
    found = Recipe.model_validate(table)
    assert dict(found.choices) == CHOICES
    assert (found.learning_rate, found.l2) == (0.003, None)
    assert found.schedule == {"name": "one_cycle"}
    assert found.loss == {"name": "cross_entropy", "label_smoothing": 0.0}
    low_pass = {"edges_hz": [1000.0, 2000.0], "taps": 40, "transition_hz": 250.0}
    assert found.augmentations == {
        "mixup": {"alpha": 0.3},
        "fir_filter": {"probability": 0.0, "low_pass": low_pass},
    }
    assert found.to_dict() == table
    assert Recipe.model_validate(found.to_dict()) == found != recipe()


def test_a_candidate_s_recipe_has_what_it_chose_and_else_the_first_options():
    found = Recipe.model_validate(tomllib.loads(TEXT))
    chosen = {
        "learning_rate": 0.001,
        "schedule": STEP_DECAY,
        "l2": '{"factor": 0.001, "layers": "kernels"}',
        "augmentations.mixup": "none",
    }
    own = found.of({"recipe": chosen, "stem": {}})
    assert not own.choices
    assert own.learning_rate == 0.001
    assert own.schedule == {"name": "step_decay", "factor": 0.9, "every": 2}
    assert own.l2.factor == 0.001
    assert [*own.augmentations] == ["fir_filter"]
    first = found.of({"stem": {}})
    assert not first.choices
    assert (first.learning_rate, first.l2) == (0.003, None)
    plain = recipe()
    assert plain.of({"stem": {}}) is plain
    assert plain.of({"recipe": {"learning_rate": 0.5}}) == recipe(learning_rate=0.5)


def test_one_option_is_fixed():
    assert recipe(learning_rate=[0.5]) == recipe(learning_rate=0.5)


def test_a_study_with_choices_is_written_and_read_back(tmp_path):
    made = load_study("quick").model_copy(
        update={"recipe": Recipe.model_validate(tomllib.loads(TEXT))}
    )
    path = tmp_path / "mine.toml"
    path.write_text(study_toml(made), encoding="utf-8")
    assert load_study(str(path)) == made


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": []}, "learning_rate: expected 1 to 1,000 options, got 0"),
        ({"learning_rate": [0.1, 0.1]}, "learning_rate: expected different options, got"),
        ({"learning_rate": [0.1, -1]}, "learning_rate: expected a number greater than 0, got -1"),
        ({"learning_rate": [[0.1], 0.2]}, "learning_rate: expected options that are numbers"),
        ({"epoch_clips": [10, 20]}, "epoch_clips: expected one value for all candidates"),
        ({"distillation": [TAUGHT, "none"]}, "distillation: expected one value for all candidates"),
        (
            {"l2": ["none", {"factor": [0.1, 0.2], "layers": "kernels"}]},
            "l2.factor: expected one value in an option that is a table, got a list",
        ),
        (
            {"l2": ["none", {"factor": date(2021, 6, 15), "layers": "kernels"}]},
            "l2.factor: expected a number, got '2021-06-15'",
        ),
        (
            {"schedule": ["one_cycle", "{x"]},
            "schedule: expected words that do not begin with {, got '{x'",
        ),
        (
            {"pruning": {"start": [0.2, 0.6], "end": [0.9, 0.5]}},
            "pruning.end: expected more than the 0.6 of start, got 0.5",
        ),
        (
            {"loss": {"a": [*range(40)], "b": [*range(40)], "name": "cross_entropy"}},
            "loss: expected at most 1,000 options together, got 1,600 - leave out some",
        ),
    ],
)
def test_choices_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValidationError) as error:
        recipe(**values)
    (fault,) = faults_of(error.value, Recipe)
    assert fault.text.startswith(message)


def test_all_faults_of_all_options_are_told_once():
    values = {"batch_size": [8, 0], "ema_decay": [0.9, 1.5, 2.0], "gradient_clip": -1.0}
    with pytest.raises(ValidationError) as error:
        recipe(**values)
    assert [fault.path for fault in faults_of(error.value, Recipe)] == [
        *("gradient_clip", "batch_size", "ema_decay", "ema_decay")
    ]


def test_lists_that_are_values_may_stand_in_options():
    low_pass = {"edges_hz": [1000.0, 2000.0], "taps": 40, "transition_hz": 250.0}
    high_pass = {**low_pass, "taps": 31}
    options = [low_pass, {**low_pass, "edges_hz": [500.0]}]
    tables = {"fir_filter": {"probability": 0.5, "low_pass": options, "high_pass": high_pass}}
    found = recipe(augmentations=tables)
    assert [*found.choices] == ["augmentations.fir_filter.low_pass"]
    whole = [{"probability": 0.5, "high_pass": high_pass}, "none"]
    assert [*recipe(augmentations={"fir_filter": whole}).choices] == ["augmentations.fir_filter"]


def test_networks_of_ensembles_have_no_choices():
    own = {"ntu-vggnet": recipe(learning_rate=[0.1, 0.2]).to_dict()}
    message = "member_recipes.ntu-vggnet.learning_rate: expected one value"
    with pytest.raises(ConfigError, match=message):
        with_options(load_study("quick"), {"member_recipes": own})


def test_class_weights_of_every_option_are_of_the_classes_of_the_data():
    weights = ["none", {"bus": 1.0, "park": 1.0}]
    loss = {"name": "cross_entropy", "label_smoothing": 0.0, "class_weights": weights}
    with pytest.raises(ConfigError, match="got none for metro, tram"):
        task(recipe=recipe(loss=loss).to_dict())


def test_a_word_is_itself_whatever_it_is_called():
    """The rate of the data stands for "data" in a front end alone."""
    responses = {"probability": 0.5, "folder": ["data", "devices"]}
    table = recipe(augmentations={"device_impulse_response": responses}).to_dict()
    space, path = task(recipe=table).space, "augmentations.device_impulse_response.folder"
    drawn = [space.random(random.Random(seed)) for seed in range(20)]
    drawn += [space.with_options(space.options_of(each)) for each in drawn]
    assert {each.sections["recipe"][path] for each in drawn} == {"data", "devices"}


def test_a_choice_of_a_recipe_is_no_scale_of_a_network():
    """Mutations for a start scale a network; a time shift has a width, too."""
    table = recipe(augmentations={"time_shift": {"width": [0.1, 0.2, 0.3]}}).to_dict()
    made = task(recipe=table, budget="128KB")
    parents = [model.architecture for model in made.space.models.values()]
    limits = (Budget(size_bytes=131_072), made.measure, made.over, random.Random(0))
    found = [next(mutations(made.space, parents, *limits, number)) for number in range(30)]
    assert {each.choices["recipe.augmentations.time_shift.width"] for each in found} == {0.1}


def test_every_option_of_a_part_is_checked_and_what_does_not_go_together(tmp_path):
    text = study_toml(load_study("quick"))
    text = text.replace('name = "adamw"', 'name = ["adamw", "sgd"]\nmomentum = [0.0, 0.9]')
    text = text.replace("label_smoothing = 0.0", "label_smoothing = [0.0, 2.0]")
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_study(str(path))
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "recipe.optimizer.momentum: expected one of weight_decay" in lines[0]
    assert "recipe.loss.label_smoothing: expected a number less than" in lines[1]
    at = [number for number, line in enumerate(text.splitlines(), 1) if "momentum" in line]
    assert f"mine.toml:{at[0]}: " in lines[0]


@pytest.mark.parametrize("sampler", ["evolution", "nsga2", "tpe"])
def test_a_search_chooses_recipes_and_goes_on_with_them(tmp_path, sampler):
    table = {**study().recipe.to_dict(), **SMALL}
    options = {"recipe": table, "sampler": sampler, "budget": "128KB"}
    options |= {"startup_trials": 8, "mutations": 0.25}
    run = tmp_path / "run"
    search(run, trials=20, **options)
    ended = [trial for trial in read_trials(run)[0] if trial.state == "completed"]
    assert len(ended) > 3
    search(run, trials=26, resume=True, **options)
    trials, _ = read_trials(run)
    assert len(trials) == 26
    assert [trials[trial.number].architecture for trial in ended] == [t.architecture for t in ended]

    reports = [trial for trial in trials if trial.model]
    assert reports
    for trial in reports:
        assert trial.architecture.sections["recipe"] == {"learning_rate": 0.01, "l2": "none"}
    rates = {trial.architecture.choices["recipe.learning_rate"] for trial in trials}
    assert rates == {0.003, 0.01, 0.03}
    assert len({trial.architecture.choices["recipe.l2"] for trial in trials}) == 2


def test_choices_of_a_recipe_come_last_in_each_family_and_leave_the_costs_alone():
    plain = task(space="asc", budget="128KB")
    space = task(space="asc", budget="128KB", recipe={**study().recipe.to_dict(), **SMALL}).space
    assert space.size() == 6 * plain.space.size()
    paths = [p.path for p in space.parameters() if p.path.startswith("mbconv.")]
    assert paths[-2:] == ["mbconv.recipe.learning_rate", "mbconv.recipe.l2"]
    rates = next(p for p in space.parameters() if p.path == "mbconv.recipe.learning_rate")
    assert rates.options == (0.003, 0.01, 0.03)  # in order, whichever is the first in the study
    for model_id, model in space.models.items():
        before = plain.space.models[model_id].architecture
        now, then = plain.measure(model.architecture), plain.measure(before)
        assert now.to_dict() == then.to_dict()
        assert model.architecture.choices == {
            **before.choices,
            f"{before.family}.recipe.learning_rate": 0.01,
            f"{before.family}.recipe.l2": "none",
        }


def test_what_a_candidate_chose_trains_as_a_study_that_says_so(tmp_path):
    """Through workers' data: the same weights and losses, and others by the first options."""
    (tmp_path / "tones").mkdir()
    write_tones(tmp_path / "tones", 16000, 0.4)
    dataset = load_dataset(DataSource.of(tmp_path / "tones"), 0)
    table = recipe(**SMALL).to_dict()
    small = replace(report_model("deepsound-32"), classes=2, clip_s=dataset.clip_s).architecture
    chosen = {"learning_rate": 0.03, "l2": '{"factor": 0.1, "layers": "kernels"}'}
    candidate = {**small.to_dict(), "sections": {**small.sections, "recipe": chosen}}

    def trained(name, architecture, recipe_table):
        run = tmp_path / name
        run.mkdir()
        context = {
            **{"data": dataset.source.to_dict(), "split_seed": 0, "recipe": recipe_table},
            **{"validation_clips": None, "rule": "plain", "space": "mbconv", "run": str(run)},
        }
        job = Job(0, architecture, 5, 2, 2, context=context)
        result = run_job(job, lambda _: None)
        return result.metrics, (run / "models" / "0" / "weights.safetensors").read_bytes()

    said = recipe(learning_rate=0.03, l2=SMALL["l2"][1]).to_dict()
    own = trained("own", candidate, table)
    assert own == trained("said", small.to_dict(), said)
    first = trained("first", small.to_dict(), table)
    assert first == trained("plain", small.to_dict(), recipe(learning_rate=0.01).to_dict())
    assert own != first

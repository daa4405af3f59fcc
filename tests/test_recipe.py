import pytest

from nas_asc.errors import ConfigError
from nas_asc.recipe import Recipe, read_recipe

TABLE = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "schedule": "one_cycle",
    "batch_size": 16,
    "mixup_alpha": 0.3,
    "label_smoothing": 0.1,
    "mel_masks": 1,
    "mel_mask_width": 0.2,
    "frame_masks": 2,
    "frame_mask_width": 0.1,
    "time_shift": 0.5,
    "ema_decay": 0.99,
    "gradient_clip": 5,
}


def faults_of(table):
    with pytest.raises(ConfigError) as caught:
        read_recipe(table)
    return str(caught.value).splitlines()


def test_a_full_table_is_read_and_given_back():
    assert read_recipe(TABLE).to_dict() == TABLE


def test_all_faults_are_reported_at_once():
    faults = faults_of(TABLE | {"learning_rate": -1, "batch_size": 2.5, "momentum": 0.9})
    assert [fault.split(":")[0] for fault in faults] == [
        "recipe.momentum",
        "recipe.learning_rate",
        "recipe.batch_size",
    ]


def test_an_unknown_key_gets_the_nearest_known_one():
    (fault,) = faults_of(TABLE | {"mel_mask": 1})
    assert fault.endswith("did you mean 'mel_masks'?")


def test_an_unknown_name_gets_the_nearest_known_one():
    (fault,) = faults_of(TABLE | {"schedule": "onecycle"})
    assert fault == (
        "recipe.schedule: expected one of one_cycle, cosine, constant, found 'onecycle', "
        "did you mean 'one_cycle'?"
    )


def test_a_missing_key_is_named_with_what_it_may_be():
    table = dict(TABLE)
    del table["ema_decay"]
    (fault,) = faults_of(table)
    assert fault == "recipe.ema_decay: expected a number from 0 to below 1, found nothing, add it"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", True),
        ("learning_rate", float("nan")),
        ("weight_decay", -0.1),
        ("batch_size", 0),
        ("label_smoothing", 1.0),
        ("mel_mask_width", 1.5),
        ("frame_masks", -1),
        ("time_shift", "half"),
        ("ema_decay", 1.0),
        ("optimizer", ["adam"]),
        ("schedule", ["cosine"]),
        ("schedule", {}),
        ("learning_rate", 1e300),
        ("weight_decay", 10**400),
        ("mixup_alpha", float("inf")),
    ],
)
def test_a_value_out_of_range_is_refused_also_in_code(key, value):
    with pytest.raises(ConfigError, match=f"recipe.{key}: expected"):
        Recipe(**(TABLE | {key: value}))

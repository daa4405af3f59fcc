import tomllib
from itertools import product
from math import inf
from pathlib import Path

import pytest
from recipe_cases import AUGMENTATIONS, PLAIN_TABLE, recipe

from nas_asc.errors import ConfigError
from nas_asc.shipped import shipped
from nas_asc.study.config import load_study, read_study, study_toml, with_options
from nas_asc.study.data_source import DataSource
from nas_asc.study.job import trial_seed
from nas_asc.training.parts import parts_of

# A study of the first version, when augmentations and losses had no tables of their own.
OLD = Path(__file__).parent.parent / "data" / "run_of_before" / "study.toml"
OLD_TEXT = OLD.read_text(encoding="utf-8")


@pytest.fixture
def quick():
    return load_study("quick")


@pytest.fixture
def written(tmp_path):
    """Write a study into a file with words replaced."""

    def write(text, *replaced):
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", shipped("studies"))
def test_every_shipped_study_is_valid_and_survives_writing(name, written):
    study = load_study(name)
    parts_of(study.recipe)
    assert read_study(written(study_toml(study))) == study


def test_awkward_text_survives_writing(quick, written):
    text = 'a "quoted" \\ back\tslash, é, \x7f and\nnew lines'
    study = with_options(quick, {"title": text, "data": {"paths": ["C:\\sounds"]}, "time_s": 90.5})
    assert tomllib.loads(study_toml(study))["title"] == text
    assert read_study(written(study_toml(study))) == study


def test_all_faults_are_reported_at_once_each_with_its_line(quick, written):
    path = written(
        study_toml(quick),
        ('sampler = "tpe"', 'sampler = "tp"'),
        ("lag = 4", 'lag = "4"'),
        ("keep = 0.5", "keeep = 0.5"),
        ("learning_rate = ", "learning_rate = -"),
        ('name = "one_cycle"', 'name = "onecycle"'),
        ("alpha = 0.2", "alpha = -1"),
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as error:
        load_study(str(path))
    faults = [
        line.removeprefix(f"{path}:").split(": ", 2) for line in str(error.value).splitlines()
    ]
    assert [(dotted, lines[int(n) - 1].split()[0]) for n, dotted, _ in faults] == [
        ("sampler", "sampler"),
        ("lag", "lag"),
        ("early_stopping.keep", "[early_stopping]"),
        ("early_stopping.keeep", "keeep"),
        ("recipe.learning_rate", "learning_rate"),
        ("recipe.schedule", "[recipe.schedule]"),
        ("recipe.augmentations.mixup.alpha", "alpha"),
    ]
    for number, word in ((0, "'tpe'"), (3, "'keep'"), (5, "'one_cycle'")):
        assert f"did you mean {word}?" in faults[number][2]


def test_parts_of_recipes_of_members_are_checked_as_well(quick, written):
    own = "[member_recipes.imt-a.schedule]"
    text = study_toml(with_options(quick, {"member_recipes": {"imt-a": PLAIN_TABLE}}))
    path = written(text, (f'{own}\nname = "one_cycle"', f'{own}\nname = "onecycle"'))
    lines = path.read_text(encoding="utf-8").splitlines()
    place = f"{path}:{lines.index(own) + 1}: member_recipes.imt-a.schedule"
    with pytest.raises(ConfigError, match=f"^{place}: expected one of .*'onecycle'.*\\Z"):
        load_study(str(path))


def part(name, **settings):
    return {"name": name, **settings}


def on(name, **settings):
    return {"augmentations": {name: AUGMENTATIONS.get(name, {}) | settings}}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"rule": "all"}, "rule"),
        ({"trials": None, "time_s": None}, "trials"),
        ({"recipe": {"learning_rate": 0}}, "recipe.learning_rate"),
        ({"recipe": {"learning_rate": True}}, "recipe.learning_rate"),
        ({"recipe": {"learning_rate": float("nan")}}, "recipe.learning_rate"),
        ({"recipe": {"learning_rate": 1e300}}, "recipe.learning_rate"),
        ({"recipe": {"batch_size": 2.5}}, "recipe.batch_size"),
        ({"recipe": {"ema_decay": 1.0}}, "recipe.ema_decay"),
        ({"recipe": {"optimizer": [["adam"]]}}, "recipe.optimizer"),
        ({"recipe": {"schedule": {}}}, "recipe.schedule"),
        ({"recipe": {"augmentations": ["mixup"]}}, "recipe.augmentations"),
        ({"recipe": {"augmentations": {"mixup": 0.2}}}, "recipe.augmentations.mixup"),
        ({"recipe": {"optimizer": part("adamw", weight_decay=-0.1)}}, "optimizer.weight_decay"),
        ({"recipe": {"optimizer": part("adamw", weight_decay=10**400)}}, "optimizer.weight_decay"),
        ({"recipe": {"optimizer": "adamw"}}, "recipe.optimizer.weight_decay"),
        ({"recipe": {"optimizer": "adam2"}}, "recipe.optimizer"),
        ({"recipe": {"schedule": part("cosine", peak=1)}}, "recipe.schedule.peak"),
        ({"recipe": {"loss": part("cross_entropy", label_smoothing=1.0)}}, "loss.label_smoothing"),
        ({"recipe": on("mixup", alpha=float("inf"))}, "augmentations.mixup.alpha"),
        ({"recipe": on("mixup", alpha=0)}, "augmentations.mixup.alpha"),
        ({"recipe": on("time_shift", width="half")}, "augmentations.time_shift.width"),
        ({"recipe": on("mixupp")}, "augmentations.mixupp"),
        ({"recipe": on("spec_augment", mel_mask_width=1.5)}, "spec_augment.mel_mask_width"),
        ({"recipe": on("spec_augment", frame_masks=-1)}, "spec_augment.frame_masks"),
    ],
)
def test_a_setting_that_is_not_valid_has_its_path(quick, options, path):
    """Those of a part are checked where it is found, the others when the study is read."""
    given = {**options, "recipe": PLAIN_TABLE | options.get("recipe", {})}
    with pytest.raises(ConfigError, match=rf"^[\w.]*{path}: expected"):
        parts_of(with_options(quick, given).recipe)


@pytest.mark.parametrize(
    ("options", "busy"), [({"lag": 4}, 4), ({"lag": 40}, 40), ({"sampler": "random"}, inf)]
)
def test_as_many_workers_are_busy_as_the_lag_says_unless_nothing_waits(quick, options, busy):
    calm = quick.early_stopping.model_copy(update={"enabled": False})
    assert with_options(quick, {"early_stopping": calm, **options}).most_busy == busy


def test_an_old_study_is_read_as_what_it_meant_then(quick, written):
    others = {"space": "mbconv", "budget": "6KB,2MMAC", "trials": 3, "epochs": 1, "seed": 1}
    assert load_study(str(OLD)) == with_options(quick, others)

    changed = written(
        OLD_TEXT,
        ("mixup_alpha = 0.2", "mixup_alpha = 0.0"),
        ("time_shift = 0.5", "time_shift = 0"),
        ("frame_masks = 1", "frame_masks = 0"),
        ("label_smoothing = 0.0", "label_smoothing = 0.1"),
    )
    study = read_study(changed)
    masks = {"mel_masks": 1, "mel_mask_width": 0.1, "frame_masks": 0, "frame_mask_width": 0.1}
    assert study.recipe == recipe(
        augmentations={"spec_augment": masks},  # what was off is absent
        loss={"name": "cross_entropy", "label_smoothing": 0.1},
        batch_size=32,
        gradient_clip=5.0,
    )
    study = read_study(
        written(OLD_TEXT, ("seeds = true", "seeds = false"), ("masks = 1", "masks = 0"))
    )
    study_of_before = 'data = "/clips"\nclip_s = 2.0\n' + OLD_TEXT
    source = read_study(written(study_of_before)).data
    assert source == DataSource.of("/clips", clip_s=2.0)
    assert not study.warm_start
    assert "spec_augment" not in study.recipe.augmentations
    assert "seeds" not in study_toml(study)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("mixup_alpha = 0.2", "mixup_alpha = -1", "augmentations.mixup.alpha: "),
        ("mixup_alpha", "mixup_alhpa", "mixup_alhpa: expected one of"),
    ],
)
def test_a_fault_in_an_old_study_is_told_by_the_new_name(written, old, new, path):
    with pytest.raises(ConfigError, match=rf"mine.toml:\d+: recipe.{path}"):
        load_study(str(written(OLD_TEXT, (old, new))))


def test_seeds_of_trials_differ_by_study_number_and_purpose():
    given = product(range(3), range(50), ("sampler", "training"))
    seeds = {trial_seed(*each) for each in given}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("clip_s = 2.0\n[recipe]\naugmentations = ['mixup']", "recipe.augmentations"),
        ("clip_s = 2.0\n[recipe.augmentations]\nmixup = 0.2", "recipe.augmentations.mixup"),
        ("clip_s = 2.0\nrecipe = 'x'", "recipe"),
        ("clip_s = 5.0\n[data]\nclip_s = 2.0", "clip_s"),
        ("seeds = false\nwarm_start = true", "seeds"),
    ],
)
def test_an_old_key_hides_no_fault(tmp_path, text, path):
    """Nor does it lose to the new one without a word."""
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"mine.toml:\d+: {path}: expected"):
        load_study(str(file))

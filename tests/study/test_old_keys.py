"""A study file of before is read as what it meant then."""

import pytest
from recipe_cases import recipe

from nas_asc.errors import ConfigError
from nas_asc.study.config import load_study, read_study, study_toml

# The study "quick" as it was shipped before, word by word.
QUICK = """\
title = "a look at the whole thing on the built-in synthetic scenes, within three minutes on two cores"
rule = "plain"
objective = "log_loss"
trials = 12
epochs = 6
sampler = "tpe"
seed = 0
lag = 4
startup_trials = 8
max_proposals = 50
macs_ceiling = 20_000_000
seeds = true

[early_stopping]
enabled = true
rungs = [0.34]
keep = 0.5
min_history = 6

[recipe]
optimizer = "adamw"
learning_rate = 0.01
weight_decay = 0.01
schedule = "one_cycle"
batch_size = 32
mixup_alpha = 0.2
label_smoothing = 0.0
mel_masks = 1
mel_mask_width = 0.1
frame_masks = 1
frame_mask_width = 0.1
time_shift = 0.5
ema_decay = 0.0
gradient_clip = 5.0
"""  # noqa: E501  # as it was shipped


@pytest.fixture
def old(tmp_path):
    def write(**values):
        text = QUICK
        for key, value in values.items():
            (line,) = [line for line in QUICK.splitlines() if line.startswith(f"{key} = ")]
            text = text.replace(line, f"{key} = {value}")
        (tmp_path / "old.toml").write_text(text, encoding="utf-8")
        return tmp_path / "old.toml"

    return write


def test_the_quick_study_of_before_is_that_of_today(old):
    assert load_study(str(old())) == load_study("quick")


def test_what_was_off_is_absent(old):
    study = read_study(old(mixup_alpha=0.0, time_shift=0, frame_masks=0, label_smoothing=0.1))
    masks = {"mel_masks": 1, "mel_mask_width": 0.1, "frame_masks": 0, "frame_mask_width": 0.1}
    assert study.recipe == recipe(
        augmentations={"spec_augment": masks},
        loss={"name": "cross_entropy", "label_smoothing": 0.1},
        batch_size=32,
        gradient_clip=5.0,
    )
    assert not read_study(old(mel_masks=0, frame_masks=0, seeds="false")).warm_start
    assert "seeds" not in study_toml(study)


def test_a_fault_in_an_old_file_is_told_by_the_new_name(old):
    with pytest.raises(ConfigError, match=r"old.toml:\d+: recipe.augmentations.mixup.alpha: "):
        load_study(str(old(mixup_alpha=-1)))
    path = old()
    path.write_text(path.read_text(encoding="utf-8").replace("mixup_alpha", "mixup_alhpa"))
    with pytest.raises(ConfigError, match=r"old.toml:26: recipe.mixup_alhpa: expected one of"):
        load_study(str(path))

"""Recipes that tests train by."""

from nas_asc.study.recipe import Recipe

PLAIN_TABLE = {
    "optimizer": {"name": "adamw", "weight_decay": 0.01},
    "learning_rate": 0.01,
    "schedule": "one_cycle",
    "batch_size": 8,
    "loss": {"name": "cross_entropy", "label_smoothing": 0.0},
    "ema_decay": 0.0,
    "gradient_clip": 0.0,
}
AUGMENTATIONS = {
    "gain": {"range_db": 6.0},
    "warp": {"frequency_shift": 0.2, "time_stretch": 0.2},
    "time_shift": {"width": 0.5},
    "spec_augment": {
        "mel_masks": 1,
        "mel_mask_width": 0.2,
        "frame_masks": 1,
        "frame_mask_width": 0.2,
    },
    "mixup": {"alpha": 0.3},
}
# settings of each optimizer, schedule and order, by name
OPTIMIZERS = {
    "adamw": {"weight_decay": 0.01},
    "adam": {"weight_decay": 0.01},
    "radam": {"weight_decay": 0.0},
    "sgd": {"weight_decay": 0.01, "momentum": 0.9, "nesterov": True},
    "rmsprop": {"weight_decay": 0.0, "alpha": 0.9, "momentum": 0.5},
}
SCHEDULES = {
    "one_cycle": {},
    "cosine": {},
    "constant": {},
    "linear": {"end": 0.1},
    "step_decay": {"factor": 0.9, "every": 2},
    "cyclical": {"lowest": 0.1, "step_epochs": 1.5, "policy": "exp_range", "gamma": 0.9},
    "plateau": {"factor": 0.5, "patience": 0, "threshold": 0.2},
}
ORDERS = {"shuffled": {}, "fixed": {}, "buffer": {"share": 0.1}}
# All there are; some ask for the front end of the clips.
EVERY_AUGMENTATION = {
    **AUGMENTATIONS,
    "time_crop": {"length_s": 0.1},
    "block_mixing": {"probability": 0.9, "pieces": 4},
    "temporal_mask": {"probability": 0.9, "mean_s": 0.1, "deviation_s": 0.03, "grid_s": 0.01},
    "device_impulse_response": {"probability": 0.9, "devices": 5},
    "fir_filter": {
        "probability": 0.9,
        "low_pass": {"edges_hz": [300.0, 1000.0], "taps": 40, "transition_hz": 250.0},
        "high_pass": {"edges_hz": [1000.0], "taps": 31, "transition_hz": 250.0},
        "band_pass": {"edges_hz": [[340.0, 3400.0]], "taps": 40, "transition_hz": 300.0},
    },
    "noise": {"probability": 0.9, "lowest_db": 6.0, "highest_db": 31.0, "step_db": 1.0},
    "level_mixup": {"alpha": 0.6},
    "time_warp": {"width": 0.2},
    "freq_mixstyle": {"probability": 0.9, "alpha": 0.3},
    "cutmix": {"probability": 0.9, "alpha": 1.0},
}


def recipe(**changed: object) -> Recipe:
    """A recipe without anything that is not needed, with some keys changed."""
    return Recipe.model_validate(PLAIN_TABLE | changed)


PLAINEST = recipe()
AUGMENTED = recipe(
    augmentations=AUGMENTATIONS,
    loss={"name": "cross_entropy", "label_smoothing": 0.1},
    ema_decay=0.9,
    gradient_clip=1.0,
)

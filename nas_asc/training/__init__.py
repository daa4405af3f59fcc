"""One candidate trained and judged."""

from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.device import bfloat16_in_words, machine_kind, prepare, processor
from nas_asc.training.ensembling import Choice, choose_ensemble
from nas_asc.training.evaluation import (
    Predictions,
    evaluate_in_full,
    evaluate_predictions,
    predict_split,
)
from nas_asc.training.history import EpochReport
from nas_asc.training.judging import evaluate_model
from nas_asc.training.loop import Hooks, train
from nas_asc.training.metrics import evaluate, predict_proba
from nas_asc.training.speed import measured_speed

__all__ = [
    "Choice", "Clips", "EpochReport", "Hooks", "Predictions", "bfloat16_in_words",
    "choose_ensemble", "evaluate", "evaluate_in_full", "evaluate_model", "evaluate_predictions",
    "execution_for", "machine_kind", "measured_speed", "predict_proba", "predict_split", "prepare",
    "processor", "train",
]  # fmt: skip

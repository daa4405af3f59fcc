"""One candidate trained and judged."""

from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.judging import evaluate_model
from nas_asc.training.loop import EpochReport, Hooks, train
from nas_asc.training.metrics import evaluate, predict_proba
from nas_asc.training.speed import measured_speed

__all__ = [
    "Clips", "EpochReport", "Hooks", "evaluate", "evaluate_model", "execution_for",
    "measured_speed", "predict_proba", "train",
]  # fmt: skip

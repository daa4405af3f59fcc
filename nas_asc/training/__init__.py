"""One candidate trained and judged."""

from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.device import bfloat16_in_words, machine_kind, prepare, processor
from nas_asc.training.ensembling import Choice, choose_ensemble
from nas_asc.training.judging import evaluate_model
from nas_asc.training.loop import EpochReport, Hooks, train
from nas_asc.training.metrics import evaluate, predict_proba
from nas_asc.training.speed import measured_speed

__all__ = [
    "Choice", "Clips", "EpochReport", "Hooks", "bfloat16_in_words", "choose_ensemble", "evaluate",
    "evaluate_model", "execution_for", "machine_kind", "measured_speed", "predict_proba", "prepare",
    "processor", "train",
]  # fmt: skip

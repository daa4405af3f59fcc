"""Neural architecture search for audio classifiers under hard complexity budgets.

The names below are the public surface; they are imported when first used, so that `import nas_asc`
loads neither torch nor optuna.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_asc.architectures import Architecture
    from nas_asc.complexity import Complexity, count
    from nas_asc.networks import build, load_model, read_inputs
    from nas_asc.results import Evaluation
    from nas_asc.search import load_front, load_trials, run_search
    from nas_asc.spaces import SearchSpace, load_space
    from nas_asc.study import load_study
    from nas_asc.training import evaluate_in_full, evaluate_model, predict_proba

__version__ = "0.1.0"

__all__ = [
    "Architecture", "Complexity", "Evaluation", "SearchSpace", "build", "count",
    "evaluate_in_full", "evaluate_model", "load_front", "load_model", "load_space", "load_study",
    "load_trials", "predict_proba", "read_inputs", "run_search",
]  # fmt: skip

_HOMES = {
    "Architecture": "nas_asc.architectures",
    "Complexity": "nas_asc.complexity",
    "Evaluation": "nas_asc.results",
    "SearchSpace": "nas_asc.spaces",
    "build": "nas_asc.networks",
    "count": "nas_asc.complexity",
    "evaluate_in_full": "nas_asc.training",
    "evaluate_model": "nas_asc.training",
    "load_front": "nas_asc.search",
    "load_model": "nas_asc.networks",
    "load_space": "nas_asc.spaces",
    "load_study": "nas_asc.study",
    "load_trials": "nas_asc.search",
    "predict_proba": "nas_asc.training",
    "read_inputs": "nas_asc.networks",
    "run_search": "nas_asc.search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nas_asc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

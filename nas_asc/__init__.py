"""Neural architecture search for audio classifiers under hard complexity budgets.

The names below are the public surface; they are imported when first used, so that `import nas_asc`
loads neither torch nor optuna.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_asc.architecture import Architecture
    from nas_asc.clip_inputs import read_inputs
    from nas_asc.complexity import Complexity, count
    from nas_asc.model_files import load_model
    from nas_asc.network import build
    from nas_asc.run_summary import load_trials
    from nas_asc.space import SearchSpace
    from nas_asc.space_file import load_space
    from nas_asc.study import load_front, run_search
    from nas_asc.study_config import load_study

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "Complexity",
    "SearchSpace",
    "build",
    "count",
    "load_front",
    "load_model",
    "load_space",
    "load_study",
    "load_trials",
    "read_inputs",
    "run_search",
]

_HOMES = {
    "Architecture": "nas_asc.architecture",
    "Complexity": "nas_asc.complexity",
    "SearchSpace": "nas_asc.space",
    "build": "nas_asc.network",
    "count": "nas_asc.complexity",
    "load_front": "nas_asc.study",
    "load_model": "nas_asc.model_files",
    "load_space": "nas_asc.space_file",
    "load_study": "nas_asc.study_config",
    "load_trials": "nas_asc.run_summary",
    "read_inputs": "nas_asc.clip_inputs",
    "run_search": "nas_asc.study",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nas_asc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

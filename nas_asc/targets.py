"""What a user points at: a report model or ensemble, a file, or a trial of a run."""

import json
from dataclasses import dataclass
from pathlib import Path

from nas_asc.architecture import Architecture
from nas_asc.ensemble import Ensemble
from nas_asc.errors import ConfigError, RunError
from nas_asc.library import find_model
from nas_asc.space_file import check_architecture
from nas_asc.vocabulary import MODEL_DOMAINS


@dataclass(frozen=True)
class Target:
    """An architecture with what is needed to count or build it.

    Attributes:
        classes: number of classes.
        clip_s: clip length in seconds.
        rule: the counting rule it was made for.
    """

    id: str
    architecture: Architecture
    classes: int
    clip_s: float
    rule: str


def resolve(target: str) -> Target | Ensemble:
    """Find what a user points at.

    Raises:
        ConfigError: it is no report model or ensemble and no file.
        RunError: there is no such run or trial.
    """
    if target.endswith(".json"):
        return _from_file(Path(target), target)
    if ":" in target:
        run, _, trial = target.rpartition(":")
        path = Path(run) / "models" / trial / "architecture.json"
        if not path.is_file():
            raise RunError(f"expected a finished trial of a run, {run} has no trial {trial!r}")
        return _from_file(path, target)
    model = find_model(target)
    if isinstance(model, Ensemble):
        return model
    return Target(model.id, model.architecture, model.classes, model.clip_s, model.rule)


def _from_file(path: Path, name: str) -> Target:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        classes, clip_s, rule = data["classes"], data["clip_s"], data.get("rule", "plain")
        n_classes = len(classes) if isinstance(classes, list) else classes
    except OSError as error:
        raise ConfigError(f"{path}: expected an architecture, {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"{path}: expected JSON with an architecture, classes and clip_s, as in models/TRIAL"
        ) from None
    architecture = Architecture.from_dict(data)
    check_architecture(architecture)
    for key, value in (("classes", n_classes), ("clip_s", clip_s)):
        if not MODEL_DOMAINS[key].holds(value):
            raise ConfigError(
                f"{path}: {key}: expected {MODEL_DOMAINS[key].expected}, got {value!r}"
            )
    return Target(name, architecture, n_classes, float(clip_s), str(rule))

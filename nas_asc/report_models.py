"""The report models of a space as the first trials of a search in it, adapted to its data."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nas_asc.architecture import Architecture
from nas_asc.budget import Budget
from nas_asc.complexity import Complexity
from nas_asc.datasets import Dataset
from nas_asc.ensemble import Ensemble
from nas_asc.frontend import front_end
from nas_asc.samplers import trial_seed
from nas_asc.space import ReportModel, SearchSpace
from nas_asc.trials import Trial

_log = logging.getLogger(__name__)


def seed_trials(
    space: SearchSpace,
    budget: Budget,
    measure: Callable[[Architecture], Complexity],
    seed: int,
    dataset: Dataset | None = None,
) -> tuple[list[Trial], list[dict[str, object]]]:
    """Make the trials of the report models that fit the budget, and list those that do not.

    Args:
        space: whose models.
        budget: what they must fit.
        measure: counts an architecture.
        seed: of the study.
        dataset: to which they are adapted; None leaves them as they are.

    Returns:
        The trials, by multiply-accumulates from few to many; and model, size_bytes, macs and the
        limit that binds of the others.
    """
    architectures = {
        model.id: model.architecture if dataset is None else _adapted(model, dataset)
        for model in space.models.values()
    }
    counted = [(measure(architectures[m.id]), m) for m in space.models.values()]
    counted.sort(key=lambda pair: (pair[0].macs, pair[1].id))
    fitting: list[Trial] = []
    over: list[dict[str, object]] = []
    for complexity, model in counted:
        binds = budget.exceeded(complexity)
        if binds is not None:
            over.append(
                {
                    "model": model.id,
                    "size_bytes": complexity.size_bytes,
                    "macs": complexity.macs,
                    "binds": binds,
                }
            )
        elif all(architectures[model.id] != trial.architecture for trial in fitting):
            fitting.append(
                Trial(
                    number=len(fitting),
                    architecture=architectures[model.id],
                    model=model.id,
                    seed=trial_seed(seed, len(fitting), "training"),
                    complexity=complexity.to_dict(),
                    state="waiting",
                )
            )
    return fitting, over


def adaptations(models: Iterable[ReportModel], dataset: Dataset) -> list[dict[str, object]]:
    """Say what is changed of report models, or of the data, so that they go together.

    Returns:
        model, and changes in words, of each model with any.
    """
    entries = ((model.id, changes) for model in models if (changes := _changes(model, dataset)))
    return [{"model": model, "changes": changes} for model, changes in entries]


def left_out(ensembles: Iterable[Ensemble], dataset: Dataset) -> list[dict[str, object]]:
    """Say why ensembles of reports are not trained, by name: a search trains single networks.

    Returns:
        ensemble and reason, in words.
    """
    entries: list[dict[str, object]] = []
    for ensemble in ensembles:
        members = ", ".join(dict.fromkeys(member.model.id for member in ensemble.members))
        reason = f"a search trains single networks; its members are report models: {members}"
        if not ensemble.suits(dataset.classes):
            reason = (
                f"its class map needs the classes {', '.join(ensemble.classes)}, "
                "the data have others"
            )
        entries.append({"ensemble": ensemble.id, "reason": reason})
    return entries


def announce(facts: Mapping[str, Any]) -> None:
    """Log which report models a search adapts, those with equal changes together, and leaves out.

    Args:
        facts: about the search; `seeds_adapted` and `ensembles_skipped` are read.
    """
    alike: dict[str, list[str]] = {}
    for entry in facts["seeds_adapted"]:
        alike.setdefault("; ".join(entry["changes"]), []).append(entry["model"])
    for changes, models in alike.items():
        _log.warning("report models adapted to the data: %s: %s", ", ".join(models), changes)
    for entry in facts["ensembles_skipped"]:
        _log.warning("ensemble %s is skipped: %s", entry["ensemble"], entry["reason"])


def _adapted(model: ReportModel, dataset: Dataset) -> Architecture:
    return model.adapted(len(dataset.classes), dataset.clip_s)


def _changes(model: ReportModel, dataset: Dataset) -> list[str]:
    frontend = front_end(model.architecture.sections["frontend"])
    classes, clip_s = len(dataset.classes), dataset.clip_s
    rate_hz, channels = dataset.sample_rate_hz, dataset.channels
    changes = []
    if classes != model.classes:
        changes.append(f"{classes} classes, not {model.classes}")
    if clip_s != model.clip_s:
        changes.append(f"clips of {clip_s:g} s, not {model.clip_s:g} s")
    if rate_hz != frontend.sample_rate_hz:
        changes.append(f"data resampled from {rate_hz} Hz to {frontend.sample_rate_hz} Hz")
    if channels < frontend.channels:
        changes.append(f"mono copied to {frontend.channels} channels")
    if channels > frontend.channels:
        changes.append(f"{channels} channels averaged to one")
    if _adapted(model, dataset) != model.architecture:
        changes.append("classifier not pruned")
    return changes

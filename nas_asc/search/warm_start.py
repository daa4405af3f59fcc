"""Report models and ensembles as the first trials of a search, adapted to its data."""

from collections.abc import Iterable

from nas_asc.complexity import Complexity, Costs
from nas_asc.datasets import Dataset
from nas_asc.reports import Candidate, Ensemble, count_ensemble
from nas_asc.search.storage.trials import Trial
from nas_asc.search.task import Task
from nas_asc.spaces import ReportModel
from nas_asc.study import trial_seed


def warm_start_trials(task: Task) -> tuple[list[Trial], list[dict[str, object]]]:
    """Build the trials of the report models and ensembles that fit, and list those that do not.

    Of those that the study names, where it names some. The trials are ordered by multiply-
    accumulates; listed are model, size_bytes, macs and the limit that binds.
    """
    candidates: list[tuple[str, Candidate, Complexity | Costs]] = []
    for model in task.space.models.values():
        adapted = model.adapted(len(task.dataset.classes), task.dataset.clip_s).architecture
        candidates.append((model.id, adapted, task.measure(adapted)))
    for ensemble in trainable_ensembles(task.ensembles, task.dataset):
        costs = count_ensemble(ensemble, task.rule.id)
        candidates.append((ensemble.id, ensemble.reference(task.space.name), costs))
    if (asked := task.config.report_models) is not None:
        candidates = [candidate for candidate in candidates if candidate[0] in asked]
    candidates.sort(key=lambda candidate: (candidate[2].macs, candidate[0]))
    fitting: list[Trial] = []
    over: list[dict[str, object]] = []
    for model_id, architecture, complexity in candidates:
        binds = task.budget.exceeded(complexity)
        if binds is not None:
            size_bytes, macs = complexity.size_bytes, complexity.macs
            entry = {"model": model_id, "size_bytes": size_bytes, "macs": macs, "binds": binds}
            over.append(entry)
        elif all(architecture != trial.architecture for trial in fitting):
            number, counted = len(fitting), complexity.to_dict()
            seed = trial_seed(task.config.seed, number, "training")
            fitting.append(Trial(number, architecture, model_id, seed, counted, state="waiting"))
    return fitting, over


def adaptations(models: Iterable[ReportModel], dataset: Dataset) -> list[dict[str, object]]:
    """Return model and changes, in words, of report models that do not go with the data as is."""
    entries = ((model.id, changes) for model in models if (changes := _changes(model, dataset)))
    return [{"model": model, "changes": changes} for model, changes in entries]


def trainable_ensembles(ensembles: Iterable[Ensemble], dataset: Dataset) -> list[Ensemble]:
    """Return the ensembles that can be trained on the data, adapted to them."""
    classes, class_map = dataset.classes, dict(dataset.class_map)
    return [
        ensemble.adapted(classes, dataset.clip_s, class_map)
        for ensemble in ensembles
        if not ensemble.untrainable(classes, class_map)
    ]


def skipped_ensembles(ensembles: Iterable[Ensemble], dataset: Dataset) -> list[dict[str, object]]:
    """Return the ensembles that cannot be trained on a data set: ensemble and reason, in words."""
    reasons = ((e.id, e.untrainable(dataset.classes, dict(dataset.class_map))) for e in ensembles)
    return [{"ensemble": name, "reason": reason} for name, reason in reasons if reason]


def _changes(model: ReportModel, dataset: Dataset) -> list[str]:
    frontend = model.architecture.frontend
    classes, clip_s = len(dataset.classes), dataset.clip_s
    rate_hz, channels = dataset.sample_rate_hz, dataset.channels
    changes = []
    if classes != model.classes:
        changes.append(f"{classes} classes, not {model.classes}")
    if clip_s != model.clip_s:
        changes.append(f"clips of {clip_s:g} s, not {model.clip_s:g} s")
    if rate_hz != frontend.sample_rate_hz:
        empty = (
            f", with nothing above {rate_hz / 2:g} Hz" if frontend.f_max_hz > rate_hz / 2 else ""
        )
        to_hz = frontend.sample_rate_hz
        changes.append(f"data resampled from {rate_hz} Hz to {to_hz} Hz{empty}")
    if channels < frontend.channels:
        changes.append(f"mono copied to {frontend.channels} channels")
    if channels > frontend.channels:
        copied = f" and copied to {frontend.channels}" if frontend.channels > 1 else " to one"
        changes.append(f"{channels} channels averaged{copied}")
    if model.adapted(classes, clip_s).architecture != model.architecture:
        changes.append("classifier not pruned")
    return changes

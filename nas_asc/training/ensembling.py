"""An ensemble of the trained networks of a run, chosen on validation clips and judged by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas_asc.complexity import Budget, Costs, count
from nas_asc.datasets import Dataset
from nas_asc.features import one_torch_thread
from nas_asc.networks import SavedModel, load_saved, read_validation, vote
from nas_asc.reports import Ensemble, Member, count_ensemble, stored_model
from nas_asc.spaces import ARCHITECTURE, read_architecture
from nas_asc.training.ensemble_selection import Candidate, Selection, select_members
from nas_asc.training.judging import metrics_of, predict_network
from nas_asc.training.metrics import Probabilities, Score, file_means, score


@dataclass(frozen=True)
class ChosenEnsemble:
    """An ensemble, what it reached, and its networks in the order of their votes.

    Attributes:
        weights: by the trial of each member.
        costs: by the rule of the run.
        metrics: of the validation clips.
    """

    ensemble: Ensemble
    weights: Mapping[int, int]
    costs: Costs
    metrics: Mapping[str, object]
    models: tuple[SavedModel, ...]


@dataclass(frozen=True)
class Choice:
    """What came of looking for an ensemble.

    Attributes:
        chosen: None where none is better than the best network by itself.
        single: the trial of that network; `single_score` on validation clips, `single_bytes` by the
            rule of the budget.
        candidates: how many networks there were to choose from.
    """

    chosen: ChosenEnsemble | None
    single: int
    single_score: Score
    single_bytes: int
    candidates: int


def choose_ensemble(
    folders: Mapping[int, Path],
    dataset: Dataset,
    budget: Budget,
    rule: str,
    objective: str,
    most: int | None = None,
) -> Choice:
    """Choose members among the saved networks of a run, by trial, as `select_members` does.

    Args:
        folders: where the networks lie, by the number of the trial.
        dataset: with the validation clips that judged them.
        budget: of the ensemble, counted by `rule`.
        rule: id of a counting rule.
        objective: "log_loss" or "accuracy".
        most: distinct members; None for as many as there is room for.

    Raises:
        ConfigError: no two networks keep to the budget together.
        ExportError: a network cannot be read.
    """
    chosen = [dataset.clips[i] for i in dataset.indices("validation")]
    labels = np.array([clip.label for clip in chosen])
    numbers = np.array(dataset.file_numbers)[list(dataset.indices("validation"))]
    if dataset.windowed:
        _, first = np.unique(numbers, return_index=True)
        labels = labels[first]
    candidates, clips = [], {}
    for trial, folder in sorted(folders.items()):
        found = read_architecture(folder / ARCHITECTURE)
        counted = count(found.architecture, found.classes, found.clip_s, rule)
        clips[trial] = _probabilities(folder, dataset)
        judged = file_means(clips[trial], numbers)[0] if dataset.windowed else clips[trial]
        candidates.append(Candidate(trial, counted.costs, judged))
    selection = select_members(candidates, labels, budget, objective, most)
    single = selection.single
    ensemble = _chosen(selection, folders, clips, dataset) if selection.weights else None
    single_score = score(single.probabilities, labels)
    size_bytes = single.costs.size_bytes
    return Choice(ensemble, single.trial, single_score, size_bytes, len(candidates))


def _probabilities(folder: Path, dataset: Dataset) -> Probabilities:
    """Return those of the validation clips: as they were when it was stored, or computed again."""
    shape = (len(dataset.indices("validation")), len(dataset.classes))
    stored = read_validation(folder)
    if stored is not None and stored.shape == shape:
        return stored.astype(np.float64)
    with one_torch_thread():  # as in the search: the result is the same on any number of cores
        return predict_network(load_saved(folder).network(), dataset, dataset.indices("validation"))


def _chosen(
    selection: Selection,
    folders: Mapping[int, Path],
    clips: Mapping[int, Probabilities],
    dataset: Dataset,
) -> ChosenEnsemble:
    weights = selection.weights
    models = tuple(load_saved(folders[trial]) for trial in weights)
    ensemble = _ensemble(weights, folders, models)
    probabilities = vote(ensemble, [clips[trial] for trial in weights])
    metrics = metrics_of(dataset, {"validation": probabilities})
    return ChosenEnsemble(ensemble, weights, count_ensemble(ensemble), metrics, models)


def _ensemble(
    weights: Mapping[int, int], folders: Mapping[int, Path], models: Sequence[SavedModel]
) -> Ensemble:
    """Return trials of a run as an ensemble of no report."""
    members = []
    for trial, weight in weights.items():
        name = f"trial {trial}"
        model = stored_model(read_architecture(folders[trial] / ARCHITECTURE), name, title=name)
        members.append(Member(model, weight=float(weight)))
    first = models[0]
    return Ensemble(
        id=f"trials-{'-'.join(map(str, weights))}",
        report="",
        title="trials of a search that vote",
        members=tuple(members),
        classes=first.classes,
        clip_s=first.clip_s,
        rule=first.rule,
        printed={},
    )

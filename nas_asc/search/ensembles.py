"""An ensemble of the networks that a run has, found when its search has ended or was interrupted.

Conventions: it is stored as a trial of the run (`storage.ensembles`), which no search ever sees: a
search that goes on after it is the same as without it. What is chosen, and by what, stands in room
`training`, which reads the models; here is what the run knows and keeps.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas_asc.architectures import Architecture
from nas_asc.complexity import Budget, Costs, counting_rule, parse_budget
from nas_asc.datasets import Dataset, dataset_of
from nas_asc.errors import RunError
from nas_asc.reports import EnsembleReference
from nas_asc.results import Summary
from nas_asc.search.storage import run_folder
from nas_asc.search.storage.ensembles import (
    RunEnsemble,
    next_number,
    read_run_ensembles,
    save_run_ensemble,
)
from nas_asc.search.storage.run_summary import load_front
from nas_asc.spaces import ARCHITECTURE, load_space
from nas_asc.study import StudyConfig


@dataclass(frozen=True)
class TrainedRun:
    """A run that nobody works on, and what of it can be a member of an ensemble.

    Attributes:
        budget: of its front.
        dataset: with the validation clips that its trials were judged by.
        folders: of the saved networks that were trained to the end, by the number of the trial.
    """

    run: Path
    study: StudyConfig
    budget: Budget
    dataset: Dataset
    folders: Mapping[int, Path]

    def add(
        self,
        weights: Mapping[int, int],
        reference: EnsembleReference,
        costs: Costs,
        metrics: Mapping[str, object],
        budget: Budget,
        save: Callable[[Path], None],
    ) -> tuple[int, bool]:
        """Keep an ensemble as a trial of the run, once.

        Args:
            weights: by the trial of each member.
            reference: what stands for it among the candidates.
            costs: by the rule of the run.
            metrics: of the validation clips.
            budget: that it was chosen for.
            save: writes its model into a folder.

        Returns:
            The number of the trial, and whether it is new.
        """
        members = tuple(weights.items())
        for found in read_run_ensembles(self.run):
            if found.members == members:
                return found.number, False
        number = next_number(self.run)
        save(self.run / "models" / str(number))
        over = self.budget.exceeded(costs)
        stored = (reference.to_dict(), costs.to_dict(), metrics)
        ensemble = RunEnsemble(number, members, str(budget), over, *stored)
        space = load_space(self.study.space or "")
        with closing(run_folder.open_store(self.run, space, self.study)) as store:
            save_run_ensemble(self.run, store, ensemble)
        return number, True

    def summary(self) -> Summary:
        """Return what the run has found, its ensembles among it."""
        return load_front(self.run)


@contextmanager
def trained_run(run: Path) -> Iterator[TrainedRun]:
    """Hold a run whose search has ended or was interrupted, to add an ensemble to it.

    Raises:
        RunError: there is no run in the folder, somebody works on it, fewer than two of its
            networks were trained to the end, or its recordings are others now.
        DatasetError: its recordings are gone.
    """
    study = run_folder.saved_study(run)
    with run_folder.locked(run), run_folder.storage_faults_in_one_line(run, study):
        trials, facts = run_folder.read_trials(run)
        folders = {
            trial.number: folder
            for trial in trials
            if trial.state == "completed"
            and isinstance(trial.architecture, Architecture)
            and ((folder := run / "models" / str(trial.number)) / ARCHITECTURE).is_file()
        }
        if len(folders) < 2:
            raise RunError(
                f"{run}: expected two networks or more that were trained to the end, found "
                f"{len(folders) or 'none'} - go on with nas-asc search --out {run} --resume "
                "and more --trials or --time"
            )
        dataset = dataset_of(study.data, study.seed)
        run_folder.check_recordings(run, facts, dataset)
        budget = parse_budget(study.budget, counting_rule(study.rule), with_limits=True)
        judged = dataset.with_validation(study.validation_clips)
        yield TrainedRun(run, study, budget, judged, folders)

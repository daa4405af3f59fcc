"""Which job comes next: a new trial up to its first rung, or one that rests there to its next.

Conventions: report models and ensembles are trials 0 to s - 1, cheapest first. The first jobs are
two new trials, trained to their ends at once, the first of them quick, so that there is soon
something to have; then come those report models for whose first jobs there is room in their share
of the planned work. None of these wait for anything. Each later job is decided when those jobs have
ended that would have ended by then if every job took its planned seconds on `lag` workers, and it
depends on exactly those. So nothing here depends on the number of workers or on which job ends
first, and one that takes long does not hold up the ones beside it. A trial goes on before a new one
begins; of these the first are mutations of report models. When there are to be no more new ones,
all of the first front goes on.
"""

import logging
import random
from bisect import insort
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from heapq import heapreplace
from math import ceil, inf

from nas_asc.architectures import Architecture
from nas_asc.reports import EnsembleReference
from nas_asc.results import guessing_error
from nas_asc.search.gate import Gate, Proposal, SpaceExhausted
from nas_asc.search.rungs import Rungs
from nas_asc.search.samplers import SAMPLERS, Scope, draw
from nas_asc.search.storage.trials import Trial, TrialJob
from nas_asc.search.task import Task
from nas_asc.spaces import mutations
from nas_asc.study import CORES, WARM_START_SHARE, loss_of, trial_seed

_log = logging.getLogger(__name__)

_AT_ONCE = 2  # new trials that are trained to their ends at once
_QUICK = 1 / 3  # of the longest training, what the first of them takes at most


class PlannedTimes:
    """When jobs end on so many workers, each started as soon as one is free, by plan.

    Of those that end at the same time the one with the lower number ends first.

    Attributes:
        known: how many of the ends are made use of, in their order.
    """

    def __init__(self, workers: int) -> None:
        # for each worker, a heap: when it is free, and whose end that is
        self._free = [(0.0, number) for number in range(-workers, 0)]
        self._ends: list[tuple[float, int]] = []
        self.known = 0

    def begin(self, number: int, seconds: float) -> None:
        """Start a job that takes so long."""
        end = (self._free[0][0] + seconds, number)
        heapreplace(self._free, end)
        insort(self._ends, end)

    def ended(self) -> list[int]:
        """Return the jobs that end before the next one starts, less the known, in their order."""
        return [end[1] for end in self._ends[self.known :] if end <= self._free[0]]

    def next_end(self) -> int | None:
        """Return the job that ends next of those not known; no worker starts before that end."""
        if self.known == len(self._ends):
            return None
        end = self._ends[self.known]
        while end > self._free[0]:
            heapreplace(self._free, end)
        return end[1]


class Scheduler:
    """Makes the jobs of a study, one after the other.

    Attributes:
        trials: of the run, by number; each has its jobs.
        skipped: numbers of the report models that are left out of the search.
        over: whether there is nothing left to do, whatever may still come of jobs.
    """

    def __init__(self, task: Task, report_models: Sequence[Trial] = ()) -> None:
        self._task = task
        self._study = study = task.config
        guessing = guessing_error(len(task.dataset.classes), study.objective)
        self._sampler = SAMPLERS[study.sampler](
            Scope(
                *(task.space, study.seed, task.trained_budget, task.measure, task.suits),
                guessing_loss=guessing,
            )
        )
        self._gate = Gate(task.space, task.budget, task.measure, task.trained_budget, task.suits)
        self._epochs = (*study.early_stopping.epochs(study.epochs), study.epochs)
        self._at_once = _AT_ONCE if len(self._epochs) > 1 else 0
        self._report_models = len(report_models)
        self._rungs = Rungs(self._epochs[:-1], study.early_stopping.keep)
        self._planned = PlannedTimes(study.lag)
        self._jobs: list[tuple[int, int]] = []  # the trial, and which of its jobs
        self._next_number = 0
        self._new = 0  # trials that are no report models
        self._exhausted = False
        self._batch: Iterator[Architecture] = iter(())  # what a sampler still suggests
        self.trials: list[Trial] = []
        self.over = False
        for trial in report_models:
            self._know(trial)
        self._models_s = self._share_of_report_models_s() if report_models else 0.0
        self._first = self._with_room()
        self.skipped = {trial.number for trial in report_models} - {*self._first}
        for number in sorted(self.skipped):
            if not self._with_jobs(self.trials[number]).jobs:  # a sampler would wait for it
                self._sampler.report(number, "failed")

    def restore(self, trials: Sequence[Trial]) -> None:
        """Go on from the trials of a saved run, the report models among them, in order."""
        trials = [self._with_jobs(trial) for trial in trials]
        self.trials = trials[: len(self.trials)]
        every = [(job.number, t.number, at) for t in trials for at, job in enumerate(t.jobs)]
        new = sum(trial.model is None for trial in trials)
        batch_begins = new - (self._in_batch(new) if new > self._study.startup_trials else 0)
        for job_number, number, at in sorted(every):
            known, self._next_number = trials[number].jobs[at].known, job_number + 1
            if known is None:
                known = self._planned.known + len(self._planned.ended())
            for _ in range(known - self._planned.known):
                self._learn(self._planned.next_end())
            if number == len(self.trials):
                if trials[number].model is None and self._new >= batch_begins:
                    with suppress(SpaceExhausted):  # to go on with the batch where it was
                        self._proposal(number)
                self._know(trials[number])
            self._issue(number, at)

    def ask(self) -> Trial | None:
        """Return the trial whose last job comes now; None until more is known, or for ever."""
        while True:
            if (trial := self._without_waiting()) is not None:
                return trial
            awaited = self._planned.ended()
            if not all(self._job(number).ended for number in awaited):
                return None
            for number in awaited:
                self._learn(number)
            trial = self._promoted() or self._proposed() or self._promoted(whole_front=True)
            if trial is not None:
                return trial
            following = self._planned.next_end()
            self.over = following is None
            if following is None or not self._job(following).ended:
                return None

    def update(self, trial: Trial) -> None:
        """Replace a trial by its new state."""
        self.trials[trial.number] = trial

    def _without_waiting(self) -> Trial | None:
        if self._new < self._at_once and (trial := self._proposed()) is not None:
            return trial
        if self._first:
            return self._next_job(self.trials[self._first[0]])
        return self._proposed() if self._study.independent else None

    def _promoted(self, whole_front: bool = False) -> Trial | None:
        found = self._rungs.next_promotion(self._may_go_on, whole_front)
        return self._next_job(self.trials[found[0]]) if found else None

    def _may_go_on(self, number: int, epoch: int) -> bool:
        """Return whether a trial may go on from a rung: report models have a share of the work."""
        trial = self.trials[number]
        following = self._epochs[self._epochs.index(epoch) + 1]
        if trial.state == "completed":  # its recipe ended it before
            return False
        if trial.model is None:
            return True
        return not trial.after_end and self._task.job_s(trial, epoch, following) <= self._models_s

    def _proposed(self) -> Trial | None:
        """Return a new trial; None where there are to be no more."""
        total = self._study.trials
        if self._exhausted or (total is not None and self._begun >= total):
            return None
        number = len(self.trials)
        try:
            proposal = self._proposal(number)
        except SpaceExhausted:
            _log.warning("the space has no more architectures that fit the budget and are new")
            self._exhausted = True
            return None
        trial = Trial(
            number=number,
            architecture=proposal.architecture,
            model=None,
            seed=trial_seed(self._study.seed, number, "training"),
            complexity=proposal.complexity.to_dict(),
            rejected_over_budget=proposal.rejected_over_budget,
            duplicates=proposal.duplicates,
        )
        self._know(trial)
        return self._next_job(trial)

    def _proposal(self, number: int) -> Proposal:
        seed = partial(trial_seed, self._study.seed, number)
        return self._gate.next_candidate(
            self._suggestions(number),
            self._study.max_proposals,
            draw(self._task.space, seed("fallback")),
            seed("repair"),
        )

    @property
    def _begun(self) -> int:
        return self._new + sum(bool(t.jobs) for t in self.trials[: len(self.trials) - self._new])

    def _suggestions(self, number: int) -> Iterator[Architecture]:
        """Return what to try first for a trial: mutations of report models, draws, a sampler's."""
        study, task, models = self._study, self._task, self._task.space.models.values()
        learns = study.warm_start and study.sampler != "random"
        if self._new >= study.startup_trials:
            if self._in_batch(self._new) == 0:
                self._batch = self._sampler.propose(number)
            return self._batch
        if not (models and learns and self._new < ceil(study.mutations * study.startup_trials)):
            return draw(task.space, trial_seed(study.seed, number, "sampler"))
        classes, clip_s = len(task.dataset.classes), task.dataset.clip_s
        parents = [model.adapted(classes, clip_s).architecture for model in models]
        rng = random.Random(trial_seed(study.seed, number, "mutation"))
        over = partial(task.over, share=1.0 if self._new else _QUICK)
        return mutations(
            task.space, parents, task.trained_budget, task.measure, over, rng, self._new
        )

    def _in_batch(self, new: int) -> int:
        """Return the place in its batch of a trial that a sampler proposes, after so many new."""
        return (new - self._study.startup_trials) % (self._study.proposal_batch or 1)

    def _know(self, trial: Trial) -> None:
        """Add a trial that has a number and an architecture."""
        self._gate.remember(trial.architecture)
        self._sampler.accept(trial.number, trial.architecture)
        self._new += trial.model is None
        self.trials.append(trial)

    def _next_job(self, trial: Trial) -> Trial:
        """Return a trial with one more job, which is issued."""
        until = self._epochs[-1 if self._whole(trial) else len(trial.jobs)]
        job = TrialJob(self._next_number, until, self._planned.known)
        self._next_number += 1
        self.trials[trial.number] = trial = replace(trial, jobs=(*trial.jobs, job))
        self._issue(trial.number, len(trial.jobs) - 1)
        return trial

    def _whole(self, trial: Trial) -> bool:
        """Return whether a trial is trained to its end in one job."""
        if isinstance(trial.architecture, EnsembleReference):  # no vote before its last epoch
            return True
        return trial.model is None and trial.number - self._report_models < self._at_once

    def _issue(self, number: int, at: int) -> None:
        """Take a job of a trial as begun."""
        trial = self.trials[number]
        before = trial.jobs[at - 1].until if at else 0
        seconds = self._task.job_s(trial, before, trial.jobs[at].until)
        self._planned.begin(len(self._jobs), seconds)
        self._jobs.append((number, at))
        if at:
            self._rungs.promote(number, before)
        if trial.model is not None:
            self._models_s -= seconds
            self._first = [each for each in self._first if each != number]

    def _with_jobs(self, trial: Trial) -> Trial:
        """Return a trial with its jobs, also one that was stored when each trial was one job."""
        if trial.jobs or trial.after_end or trial.state in ("waiting", "skipped"):
            return trial
        result, objective = trial.result, self._study.objective
        until = (result and result.stopped_epoch) or self._study.epochs
        loss = loss_of(result.metrics, objective) if result else None
        job = TrialJob(trial.number, until, None, trial.finished, loss)
        return replace(trial, jobs=(job,))

    def _job(self, number: int) -> TrialJob:
        trial, at = self._jobs[number]
        return self.trials[trial].jobs[at]

    def _learn(self, number: int | None) -> None:
        """Make known what came of a job, no more."""
        assert number is not None
        self._planned.known += 1
        job, trial = self._job(number), self.trials[self._jobs[number][0]]
        architecture, size_bytes = trial.architecture, trial.size_bytes
        # an ensemble is no point of the space: nothing is to be learnt
        if job.loss is None or isinstance(architecture, EnsembleReference):
            self._sampler.report(trial.number, "failed")
            return
        completed = trial.state == "completed" and job is trial.jobs[-1]
        share = 1.0 if completed else job.until / self._study.epochs
        pruned_from = self._task.recipe_of(architecture).pruning_schedule.end
        # judged with nearly all of its weights, it would beat all networks of its final size
        unpruned = trial.complexity["sparsity"] > 0 and share < pruned_from
        if unpruned:
            size_bytes = self._task.measure(architecture).unpruned_bytes
        else:
            self._sampler.report(trial.number, (job.loss, float(size_bytes)), share)
        if job.until in self._epochs[:-1]:
            self._rungs.report(trial.number, job.until, (size_bytes, job.loss))

    def _share_of_report_models_s(self) -> float:
        """Return the planned seconds that report models may take of the search."""
        study, each_s = self._study, self._task.candidate_s
        if study.report_models is not None:  # they were asked for
            return inf
        planned_s = [study.time_s * CORES] if study.time_s is not None else []
        if study.trials is not None and each_s is not None:
            planned_s.append(study.trials * each_s)
        return WARM_START_SHARE * min(planned_s, default=inf)

    def _with_room(self) -> list[int]:
        """Return the report models for whose first two jobs their share has room, in order.

        What could not go on would teach little: it is left until the search has ended.
        """
        left_s, first = self._models_s, []
        for trial in self.trials:
            if trial.state == "skipped" or trial.after_end:  # by a session before
                continue
            whole = isinstance(trial.architecture, EnsembleReference)
            until = self._epochs[-1] if whole else self._epochs[:2][-1]
            seconds = self._task.job_s(trial, 0, until)
            if seconds <= left_s:
                left_s -= seconds
                first.append(trial.number)
        total = self._study.trials
        return first if total is None else first[: max(0, total - self._at_once)]

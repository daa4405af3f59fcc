import random
from dataclasses import replace
from functools import partial
from itertools import islice, repeat
from pathlib import Path

import pytest
from study_cases import DATASET, OFF, task

from nas_asc.complexity.budget import Budget
from nas_asc.complexity.counting import count
from nas_asc.datasets.dataset import Clip
from nas_asc.search.gate import Gate, SpaceExhausted
from nas_asc.search.samplers import SAMPLERS, draw
from nas_asc.search.samplers.sampler import UniformSampler
from nas_asc.search.scheduler import PlannedTimes, Scheduler
from nas_asc.search.storage.trials import Trial, TrialJob
from nas_asc.search.task import read_task
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.spaces.space_file import load_space
from nas_asc.study.config import load_study, with_options

DATA = replace(DATASET, classes=tuple("abcdefghij"))
TASK = partial(task, DATA, budget="128KB", warm_start=False)
EPOCHS = (3, 6)  # the rung and the end


def make(**options):
    """A scheduler with the report models that such a study has."""
    of = TASK(**options)
    return Scheduler(of, warm_start_trials(of)[0] if of.config.warm_start else [])


def loss_at(trial, epoch):
    return 0.3 + trial.number * 7 % 5 / 10 + 1 / epoch


def end(scheduler, trial, state=None):
    """Let the last job of a trial end."""
    trial, epoch = scheduler.trials[trial.number], trial.jobs[-1].until
    if state == "failed":
        scheduler.update(replace(trial.job_ended(None), state=state))
        return
    loss = loss_at(trial, epoch)
    ended = trial.job_ended(loss)
    at_end = state == "completed" or epoch == EPOCHS[-1]
    scheduler.update(replace(ended, state="completed" if at_end else "stopped_early"))


def ask(scheduler, jobs):
    """Ask for jobs that need no result."""
    found = [scheduler.ask() for _ in range(jobs)]
    assert None not in found
    return found


def ask_and_end(scheduler, jobs, state=None):
    found = []
    for _ in range(jobs):
        found += ask(scheduler, 1)
        end(scheduler, found[-1], state)
    return found


def needed(task, jobs, lag):
    """The jobs that end by plan before the next one starts, the lower number first if tied."""
    free, ends = [(0.0, -1)] * lag, []
    for number, trial in enumerate(jobs):
        worker = free.index(min(free))
        before = trial.jobs[-2].until if len(trial.jobs) > 1 else 0
        seconds = task.job_s(trial, before, trial.jobs[-1].until)
        free[worker] = (free[worker][0] + seconds, number)
        ends.append(free[worker])
    return {number for number, end in enumerate(ends) if end <= min(free)}


@pytest.mark.parametrize(("lag", "before"), [(2, 0), (2, 5), (16, 0), (16, 3)])
def test_a_job_is_decided_when_those_have_ended_that_end_by_then_by_plan(lag, before):
    """With one job on each worker, one of them is the first to be free."""
    task = TASK(lag=lag)
    scheduler = Scheduler(task)
    done = ask_and_end(scheduler, before)
    asked = []
    while (trial := scheduler.ask()) is not None:
        asked.append(trial)
    jobs = [*done, *asked]
    awaited = needed(task, jobs, lag) - set(range(before))
    assert 0 < len(asked) <= lag
    assert awaited
    for number in sorted(set(range(before, len(jobs))) - awaited) + sorted(awaited):
        assert scheduler.ask() is None
        end(scheduler, jobs[number])
    assert scheduler.ask() is not None


def test_planned_times_are_those_of_workers_that_are_never_idle():
    """One has job 0 until 4; the other job 1 until 1, job 2 until 2, job 3 until 6."""
    times, ended_before = PlannedTimes(2), []
    for number, seconds in enumerate([4.0, 1.0, 1.0, 4.0]):
        ended_before.append(times.ended())
        times.begin(number, seconds)
    assert ended_before == [[], [], [1], [1, 2]]
    assert times.ended() == [1, 2, 0]
    times.known = 3
    assert times.ended() == []
    times.begin(4, 9.0)
    assert times.ended() == [3]


def test_where_nothing_can_start_workers_wait_for_the_next_end_by_plan():
    """Of three, one has job 0 until 4 and one job 1 until 1; the third waits, and so on."""
    times = PlannedTimes(3)
    times.begin(0, 4.0)
    times.begin(1, 1.0)
    assert times.next_end() == 1
    assert times.ended() == [1]
    times.known = 1
    assert times.next_end() == 0
    times.known = 2
    assert times.next_end() is None
    times.begin(2, 1.0)
    times.begin(3, 1.0)
    assert times.next_end() == 2


def test_a_share_of_the_first_trials_are_mutations_of_report_models():
    """Those have blocks as the report chose them, or all of a kind; by chance few others have."""
    scheduler = make(startup_trials=8, mutations=0.5, warm_start=True, lag=16)
    trials = [trial for trial in ask(scheduler, 12) if trial.model is None][:8]
    blocks = [
        [trial.architecture.sections[f"stage{n}"].get("block") for n in (1, 2)] for trial in trials
    ]
    assert blocks[0] == ["fused_mbconv", "mbconv"]
    assert [{*each} for each in blocks[1:4]] == [{"fused_mbconv"}, {"mbconv"}, {"separable"}]
    assert ["fused_mbconv", "mbconv"] not in blocks[4:]
    assert sum(len({*each}) > 1 for each in blocks[4:]) >= 2


def test_random_trials_that_are_never_stopped_wait_for_nothing():
    ask(make(sampler="random", startup_trials=1, lag=1, early_stopping=OFF), 4)


def test_what_is_asked_does_not_depend_on_results_that_came_early():
    task = TASK(startup_trials=4, lag=3)
    late, early = Scheduler(task), Scheduler(task)
    trials = ask_and_end(late, 8)
    assert ask_and_end(early, 8) == trials
    unknown = set(range(8)) - needed(task, trials, 3)
    assert len(unknown) == 2
    for number in unknown:  # early knows them already, late does not
        late.update(trials[number])
    assert late.ask() == early.ask()


def test_trials_rest_at_their_rung_and_the_best_goes_on_before_a_new_one_begins():
    thirds = {"enabled": True, "rungs": [0.34], "keep": 0.33}
    scheduler = make(lag=1, early_stopping=thirds)
    at_once = ask_and_end(scheduler, 2)  # soon there is something to have
    assert [job.until for trial in at_once for job in trial.jobs] == [EPOCHS[-1]] * 2
    first = ask_and_end(scheduler, 2)
    assert [trial.jobs[-1].until for trial in first] == [EPOCHS[0]] * 2
    (going_on,) = ask_and_end(scheduler, 1)  # a third of two is one
    assert [job.until for job in going_on.jobs] == [*EPOCHS]
    assert going_on.number == min(first, key=lambda trial: loss_at(trial, EPOCHS[0])).number
    following = ask_and_end(scheduler, 3)  # trial 5 is better than 2, 3 and 4
    assert [(trial.number, len(trial.jobs)) for trial in following] == [(4, 1), (5, 1), (5, 2)]


def test_the_first_network_is_there_after_a_third_of_the_longest_training():
    """No draw within the longest training is sure to be as quick."""
    clip = Clip(Path("a.wav"), 0, "train", "a", None, None)
    data = replace(DATA, clips=(clip,) * 240, clip_s=5.0)
    options = {"space": "mbconv", "budget": "128KB", "time_s": 720.0}
    study = with_options(load_study("planned"), options)
    of = read_task(study, lambda: data, None, options)
    for seed in range(3):
        seeded = replace(of, config=with_options(of.config, {"seed": seed}))
        first, second = ask(Scheduler(seeded, warm_start_trials(seeded)[0]), 2)
        assert first.model is second.model is None
        assert 0.0 < seeded.training_s(first.complexity) <= of.config.longest_s / 3
        assert seeded.training_s(second.complexity) <= of.config.longest_s


def test_when_no_trial_may_begin_the_whole_front_goes_on():
    scheduler = make(startup_trials=4, lag=2, trials=9)
    jobs = []
    while (trial := scheduler.ask()) is not None:
        jobs.append(trial)
        end(scheduler, trial)
    assert scheduler.over
    assert len(scheduler.trials) == 9
    points = [(t.size_bytes, t.jobs[0].loss) for t in scheduler.trials]
    front = {
        number
        for number, (size, loss) in enumerate(points)
        if not any(s <= size and one <= loss and (s, one) != (size, loss) for s, one in points)
    }
    assert front <= {t.number for t in scheduler.trials if t.state == "completed"}


def test_a_network_that_is_not_pruned_yet_is_ranked_by_the_size_it_has():
    """It is larger than the one with the higher loss, which so stands on the front as well."""
    of = TASK(lag=1, trials=2)
    drawn = [(each, of.measure(each)) for each in islice(draw(of.space, 0), 200)]
    sparse = next(each for each in drawn if each[1].sparsity == 0.8)
    dense = next(
        each
        for each in drawn
        if not each[1].sparsity
        and sparse[1].size_bytes < each[1].size_bytes < sparse[1].params  # at least a byte for each
    )
    trials = [
        Trial(number, architecture, None, number, costs.to_dict(), state="stopped_early")
        for number, (architecture, costs) in enumerate((sparse, dense))
    ]
    scheduler = Scheduler(of, [])
    jobs = [TrialJob(n, EPOCHS[0], known=n, ended=True, loss=0.4 + n / 10) for n in (0, 1)]
    scheduler.restore([replace(t, jobs=(job,)) for t, job in zip(trials, jobs, strict=True)])
    assert {trial.number for trial in ask_and_end(scheduler, 2)} == {0, 1}
    assert {trial.state for trial in scheduler.trials} == {"completed"}


def test_a_failed_trial_never_goes_on():
    scheduler = make(startup_trials=4, lag=2, trials=12)
    jobs = []
    while (trial := scheduler.ask()) is not None:
        jobs.append(trial)
        end(scheduler, trial, "failed" if trial.number % 2 else None)
    assert all(len(trial.jobs) == 1 for trial in scheduler.trials[1::2])


@pytest.mark.parametrize("end_of_pruning", [0.4, 0.5, 0.6])
def test_a_pruned_network_is_told_of_from_the_end_of_its_pruning_on(end_of_pruning):
    """The rung is at half of the epochs."""
    usual = TASK().config.recipe.to_dict()
    scheduler = make(
        recipe=usual | {"pruning": {"start": 0.1, "end": end_of_pruning}}, trials=12, lag=2
    )
    told = set()
    scheduler._sampler.report = lambda number, values, share=1.0: told.add((number, share))
    ask_and_end(scheduler, 12)
    pruned = {trial.number for trial in scheduler.trials if trial.complexity["sparsity"]}
    at_rung = {number for number, share in told if share == 0.5}
    assert at_rung - pruned
    assert bool(at_rung & pruned) is (end_of_pruning <= 0.5)


def test_a_trial_that_its_recipe_ended_at_a_rung_never_goes_on_and_counts_as_trained():
    scheduler = make(startup_trials=4, lag=2, trials=12)
    told = {}
    scheduler._sampler.report = lambda number, _, share=1.0: told.setdefault(number, share)
    while (trial := scheduler.ask()) is not None:
        end(scheduler, trial, "completed" if trial.number % 2 else None)
    assert len(scheduler.trials) == 12
    assert all(len(trial.jobs) == 1 for trial in scheduler.trials[1::2])
    assert any(len(trial.jobs) == 2 for trial in scheduler.trials[::2])
    unpruned = {t.number for t in scheduler.trials if t.complexity["sparsity"]}
    assert {told[number] for number in range(1, 12, 2)} == {1.0}
    assert {told[number] for number in range(2, 12, 2) if number not in unpruned} == {0.5}


@pytest.mark.parametrize(
    ("sampler", "batch"),
    [
        ("nsga2", None),
        ("random", None),
        ("tpe", None),
        pytest.param("tpe", 3, marks=pytest.mark.slow),
        ("evolution", 5),
    ],
)
def test_a_saved_study_is_gone_on_with_in_the_same_way(sampler, batch):
    """Whenever it was cut, the last jobs lost or not, and through to the end."""

    def whole(scheduler):
        jobs = []
        while (trial := scheduler.ask()) is not None:
            jobs.append((trial.number, trial.architecture.key, trial.jobs[-1].until))
            end(scheduler, trial)
        return jobs

    options = {"startup_trials": 4, "trials": 20, "lag": 3, "sampler": sampler}
    options |= {} if batch is None else {"proposal_batch": batch}
    expected = whole(make(**options))
    assert len(expected) > 25
    for cut in (3, 9, 22, len(expected) - 1):
        before, lost = make(**options), None
        ask_and_end(before, cut)
        if lost := before.ask():
            before.update(lost.started())
        after = make(**options)
        after.restore(before.trials)
        if lost:
            end(after, lost)
        assert whole(after) == expected[cut + (lost is not None) :]


def test_report_models_have_a_quarter_of_the_planned_work():
    """Both what begins and what goes on; the cheapest come first, all new trials after them."""
    of = TASK(warm_start=True, startup_trials=4, trials=None, time_s=60.0)
    models = warm_start_trials(of)[0]
    scheduler = Scheduler(of, models)
    trials = ask_and_end(scheduler, 40)
    spent_s = 0.0
    for trial in trials:
        before = trial.jobs[-2].until if len(trial.jobs) > 1 else 0
        spent_s += of.job_s(trial, before, trial.jobs[-1].until) if trial.model else 0.0
    assert 0.0 < spent_s <= 0.25 * 2 * 60.0
    first = [trial.model for trial in trials[: len(models) + 2]]
    assert first == [None, None, *[model.model for model in models]]

    # Of 5 s on two cores they have 2.5; each takes 1 s and some arithmetic, to its end here.
    few = Scheduler(TASK(warm_start=True, trials=None, time_s=5.0, lag=5), models)
    assert few.skipped == {2, 3}
    assert [trial.model is None for trial in ask(few, 5)] == [True, True, False, False, True]


def test_a_batch_is_made_of_what_was_known_at_its_first_proposal(monkeypatch):
    """Of 20 trials 8 are drawn first; the sampler is asked for the rest in batches of five."""
    asked, told = [], []

    class Recorder(UniformSampler):
        def propose(self, number):
            asked.append((number, len(told)))
            return super().propose(number)

        def report(self, number, outcome, share=1.0):
            told.append(number)

    monkeypatch.setitem(SAMPLERS, "evolution", Recorder)
    options = {"startup_trials": 8, "trials": 20, "lag": 2, "sampler": "evolution"}
    scheduler = make(**options, proposal_batch=5)
    while (trial := scheduler.ask()) is not None:
        end(scheduler, trial)
    assert len(scheduler.trials) == 20
    assert [number for number, _ in asked] == [8, 13, 18]
    assert asked[0][1] < asked[1][1] < asked[2][1]


@pytest.mark.parametrize("resumed", [False, True])
def test_a_sampler_does_not_wait_for_report_models_that_are_left_out(monkeypatch, resumed):
    told = []

    class Recorder(UniformSampler):
        def report(self, number, outcome, share=1.0):
            told.append((number, outcome))

    monkeypatch.setitem(SAMPLERS, "surrogate", Recorder)
    of = TASK(warm_start=True, trials=None, time_s=5.0, sampler="surrogate")
    models = warm_start_trials(of)[0]
    if resumed:
        models[3] = replace(models[3], state="completed", after_end=True)
    assert Scheduler(of, models).skipped == {2, 3}
    assert told == [(2, "failed"), (3, "failed")]


BUDGET = Budget(size_bytes=32_768)
SPACE = load_space("mbconv")
MEASURE = partial(count, n_classes=10, clip_s=1.0)


def gate(budget=BUDGET, trained_budget=None):
    return Gate(SPACE, budget, MEASURE, trained_budget or budget, lambda _: True)


@pytest.fixture(scope="module")
def drawn():
    """Architectures within the budget, and some over it."""
    found = {True: [], False: []}
    for architecture in draw(SPACE, 1):
        found[BUDGET.exceeded(MEASURE(architecture)) is None].append(architecture)
        if min(map(len, found.values())) == 5:
            return found[True], found[False]


def test_what_is_over_the_budget_or_known_is_turned_away_and_counted(drawn):
    fitting, over = drawn
    chooser = gate()
    chooser.remember(fitting[0])
    suggestions = iter([fitting[0], *over[:3], fitting[0], fitting[1]])
    proposal = chooser.next_candidate(suggestions, 50, iter([]), 0)
    assert proposal.architecture == fitting[1]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (3, 2)
    assert proposal.complexity.size_bytes <= BUDGET.size_bytes


def test_what_cannot_be_afforded_is_passed_over_in_silence(drawn):
    fitting = sorted(drawn[0], key=lambda a: -MEASURE(a).macs)
    ceiling = Budget(size_bytes=32_768, macs=MEASURE(fitting[-1]).macs)
    proposal = gate(trained_budget=ceiling).next_candidate(iter(fitting), 50, iter([]), 0)
    assert proposal.architecture == fitting[-1]
    assert (proposal.rejected_over_budget, proposal.duplicates) == (0, 0)


def test_chance_takes_over_from_a_sampler_that_only_suggests_what_is_over(drawn):
    proposal = gate().next_candidate(repeat(drawn[1][0]), 50, draw(SPACE, 0), 0)
    assert proposal.rejected_over_budget >= 50
    assert BUDGET.exceeded(proposal.complexity) is None


def test_draws_are_repaired_where_next_to_nothing_fits_and_given_up_where_nothing_does():
    budget = Budget(size_bytes=600, macs=300_000)
    few = [SPACE.random(random.Random(i)) for i in range(30)]
    proposal = gate(budget).next_candidate(iter(few), 10, iter(few), 0)
    assert budget.exceeded(proposal.complexity) is None
    with pytest.raises(SpaceExhausted):
        gate(Budget(size_bytes=1)).next_candidate(iter(few), 50, iter(few), 0)

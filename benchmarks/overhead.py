"""What the study adds to each trial: proposing, counting, storing and handing out.

Prints one JSON object; `ours` and `peer` are milliseconds per trial, `ratio` is peer / ours.

Ours is a whole search in the space mbconv under 128 KB with one worker process whose job returns at
once (with the curve of 40 epochs), so the fvcore check, which runs in the job, is not part of it.
The peer is plain optuna on SQLite with its defaults: `ask`, one `suggest_categorical` per active
choice of the same space, `tell` of two objectives. Both draw at random.

At 100 trials it is the mean of all 100. At 3,000 it is the mean of the last 100 of ours, all of
which were run; the peer's study is filled with 2,950 trials in bulk first and the next 50 are
measured.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from nas_asc.datasets import Dataset
from nas_asc.search import RUNNERS, Progress, finish_trial, insert_trial, run_search
from nas_asc.spaces import Parameter, SearchSpace, load_space
from nas_asc.study import Job, JobResult, OnEpoch, load_study, with_options

SPACE = "mbconv"
EPOCHS = 40
CLASSES = tuple("abcdefghij")
OBJECTIVES = [0.7, 40_000.0]


def instant_job(job: Job, report: OnEpoch) -> JobResult:
    """Return at once, with what a real job returns."""
    curve = [{"epoch": e, "log_loss": 1.0 / e, "accuracy": 0.5} for e in range(1, EPOCHS + 1)]
    stopped = None if job.until == job.epochs else job.until
    return JobResult({"log_loss": OBJECTIVES[0], "accuracy": 0.5}, {}, curve, 0.0, stopped)


def main() -> None:
    """Measure both at both lengths."""
    rows = []
    for trials, last in ((100, 100), (3000, 100)):
        with tempfile.TemporaryDirectory() as folder:
            ours = ours_ms(Path(folder) / "run", trials, last)
        with tempfile.TemporaryDirectory() as folder:
            measured = 100 if trials == 100 else 50
            peer = peer_ms(Path(folder) / "peer.db", trials - measured, measured)
        rows.append(
            {
                "case": f"at {trials} trials",
                "ours": round(ours, 2),
                "peer": round(peer, 2),
                "peer_name": f"optuna {optuna.__version__}, SQLite, one suggest at a time",
                "ratio": round(peer / ours, 2),
                "unit": "ms per trial",
            }
        )
    json.dump({"benchmark": "overhead", "rows": rows}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def ours_ms(run: Path, trials: int, last: int) -> float:
    """Run a search and time its last trials, in milliseconds each."""
    options = {"space": SPACE, "budget": "128KB", "sampler": "random", "trials": trials}
    study = with_options(load_study("quick"), {**options, "epochs": EPOCHS, "warm_start": False})
    dataset = Dataset("none", run, CLASSES, (), 1.0, True, 44100, 1, (), ())
    pool = RUNNERS["local"](1, "overhead:instant_job")
    ends: list[float] = []

    def note(progress: Progress) -> None:
        while len(ends) <= progress.finished:
            ends.append(time.perf_counter())

    while not pool.ready:  # what starting the process takes is not counted
        pool.poll(1.0)
    run_search(study, dataset, run=run, workers=pool, progress=note)
    return (ends[trials] - ends[trials - last]) / last * 1000


def peer_ms(path: Path, before: int, measured: int) -> float:
    """Fill a study and time the next trials, in milliseconds each."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = load_space(SPACE)
    fill(path, space, before)
    study = optuna.create_study(
        study_name="peer",
        storage=f"sqlite:///{path}",
        directions=["minimize", "minimize"],
        sampler=optuna.samplers.RandomSampler(seed=0),
        load_if_exists=True,
    )
    took = []
    for _ in range(measured):
        began = time.perf_counter()
        trial = study.ask()

        def choose(parameter: Parameter, trial: optuna.Trial = trial) -> object:
            return trial.suggest_categorical(parameter.path, parameter.options)

        space.architecture(choose)
        study.tell(trial, OBJECTIVES)
        took.append(time.perf_counter() - began)
    return sum(took) / len(took) * 1000


def fill(path: Path, space: SearchSpace, trials: int) -> None:
    """Store complete trials in bulk; optuna's own way would take minutes for the same content."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE] * 2, "peer")
    distributions = {p.path: CategoricalDistribution(p.options) for p in space.parameters()}
    rng = random.Random(0)
    for number in range(trials):
        choices = dict(space.random(rng).choices)
        used = {name: distributions[name] for name in choices}
        trial = create_trial(state=TrialState.RUNNING, params=choices, distributions=used)
        trial.number = number
        trial_id = insert_trial(storage, study_id, trial)
        finish_trial(storage, trial_id, TrialState.COMPLETE, OBJECTIVES, {})
    storage.engine.dispose()


if __name__ == "__main__":
    main()

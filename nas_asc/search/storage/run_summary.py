"""What a run has found, read from its folder."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_asc.complexity import Budget, counting_rule, parse_budget
from nas_asc.datasets import Dataset
from nas_asc.errors import RunError, printable
from nas_asc.results import POINT_COLUMNS, Point, Summary, data_frame
from nas_asc.search.storage.ensembles import read_run_ensembles
from nas_asc.search.storage.finals import read_finals
from nas_asc.search.storage.run_folder import content_of, read_trials, saved_study
from nas_asc.search.storage.trials import Trial, run_seconds
from nas_asc.study import StudyConfig

if TYPE_CHECKING:
    import pandas as pd

_NAMED = 8  # trials that a message names


def load_front(run: str | Path) -> Summary:
    """Return what a run has found so far, finished or not.

    Raises:
        RunError: there is no run in the folder.
    """
    return _load(Path(run))[1]


def _load(run: Path) -> tuple[list[Trial], Summary]:
    trials, facts = read_trials(run)
    study = saved_study(run)
    budget = parse_budget(study.budget, counting_rule(study.rule), with_limits=True)
    return trials, summarise(run, study, budget, trials, facts)


def load_trials(run: str | Path) -> "pd.DataFrame":
    """Build a DataFrame of all trials of a run, whatever their state, ensembles of them last.

    Columns: trial, model, state, reason, seed, on_front (error measures, a space between them),
    accuracy and log_loss (where clips are windows also window_accuracy and window_log_loss), costs,
    times, the machine (kind of processor or GPU), and one per choice. What a trial does not have is
    missing.

    Raises:
        RunError: there is no run in the folder.
    """
    trials, summary = _load(Path(run))
    on_front = {point.trial: " ".join(summary.on_front(point)) for point in summary.shown}
    trials = [*trials, *(each.trial for each in read_run_ensembles(Path(run)))]
    rows = [
        {
            "trial": trial.number,
            "model": trial.model,
            "state": trial.state,
            "reason": trial.reason or None,
            "seed": trial.seed,
            "on_front": on_front.get(trial.number, ""),
            **(trial.result.metrics if trial.result and trial.state != "failed" else {}),
            **trial.complexity,
            "elapsed_s": trial.elapsed_s if trial.finished else None,
            "spent_s": trial.spent_s if trial.finished else None,
            "machine": trial.machine or None,
        }
        for trial in trials
    ]
    of_trials = ("trial", "model", "state", "reason", "seed", "on_front")
    of_points = [name for name in summary.columns if name not in of_trials]
    columns = (*of_trials, *of_points, "elapsed_s", "spent_s", "machine")
    return data_frame(rows, [trial.architecture.choices for trial in trials], columns)


def model_folder(run: Path, number: int) -> Path:
    """Find the folder of the model of a trial, `RUN/models/TRIAL`.

    Raises:
        RunError: there is no run in the folder, no such trial, or no model of it; says why.
    """
    saved_study(run)
    folder = run / "models" / str(number)
    if folder.is_dir():
        return folder
    trials, _ = read_trials(run)
    have = [trial.number for trial in trials if (run / "models" / str(trial.number)).is_dir()]
    some = ", ".join(map(str, have[:_NAMED])) + (", ..." if len(have) > _NAMED else "")
    do = f"give one that has: {some}" if have else "it has none yet, search --resume goes on"
    where = f"{printable(run)}: expected a trial of the run with a model, got trial {number}"
    found = next((trial for trial in trials if trial.number == number), None)
    if found is None:
        raise RunError(f"{where}, which there is not - {do}")
    why = {
        "stopped_early": "which rests at a rung and was not trained to its end",
        "failed": f"which failed ({found.reason})",
        "skipped": "which was not trained",
        "completed": "whose model is gone",
    }.get(found.state, "which is not trained yet")
    raise RunError(f"{where}, {why} - {do}")


def is_data_of(run: Path, dataset: Dataset) -> bool:
    """Return whether a data set is that of a run, wherever it lies: files, labels and splits."""
    _, facts = read_trials(run)
    return content_of(dataset)["recordings"] == facts.get("recordings")


def failures(run: Path, password: str | None = None) -> Counter[str]:
    """Count how often trials of a run failed for which reason."""
    trials, _ = read_trials(run, password)
    return Counter(trial.reason for trial in trials if trial.state == "failed")


def summarise(
    run: Path, study: StudyConfig, budget: Budget, trials: Sequence[Trial], facts: Mapping[str, Any]
) -> Summary:
    """Return the state of a search as tables and plots take it."""
    states, skipped = Counter(trial.state for trial in trials), tuple(skipped_seeds(trials))
    ensembles = read_run_ensembles(run)
    return Summary(
        run=printable(run),
        space=study.space or "",
        rule=study.rule,
        seed=study.seed,
        objective=study.objective,
        budget=budget,
        data=facts.get("data", {}),
        classes=tuple(facts.get("classes", ())),
        trials={
            **{state: states[state] for state in ("completed", "stopped_early", "failed")},
            **({"seeds_skipped": len(skipped)} if skipped else {}),
            "duplicates": sum(trial.duplicates for trial in trials),
            "rejected_over_budget": sum(trial.rejected_over_budget for trial in trials),
        },
        points=tuple(point(trial) for trial in trials if trial.state == "completed"),
        seeds_over_budget=tuple(facts.get("seeds_over_budget", ())),
        seeds_adapted=tuple(facts.get("seeds_adapted", ())),
        ensembles_skipped=tuple(facts.get("ensembles_skipped", ())),
        seeds_skipped=skipped,
        seconds=run_seconds(trials, facts),
        finals=read_finals(run),
        epochs=study.epochs,
        resting=tuple(point(trial) for trial in trials if trial.at_rest),
        ensembles=tuple(point(each.trial) for each in ensembles if each.over is None),
        ensembles_over_budget=tuple(
            {"trial": each.number, "binds": each.over} for each in ensembles if each.over
        ),
    )


def skipped_seeds(trials: Iterable[Trial]) -> list[dict[str, object]]:
    """Return the report models of which nothing was trained for want of time: model and reason."""
    reasons = {"skipped": "", "waiting": "not begun yet"}
    return [
        {"model": trial.model, "reason": trial.reason or reasons[trial.state]}
        for trial in trials
        if trial.state in reasons
    ]


def point(trial: Trial) -> Point:
    """Return a trial that completed or rests as a point."""
    assert trial.result is not None
    values = {**trial.complexity, **trial.result.metrics}
    values |= {"trial": trial.number, "model": trial.model, "after_end": trial.after_end}
    shown = {name: values[name] for name in POINT_COLUMNS if name in values}
    return Point(
        **shown,
        choices=trial.architecture.choices,
        after_end=trial.after_end,
        epochs=trial.result.stopped_epoch,
    )

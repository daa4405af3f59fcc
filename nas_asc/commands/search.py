"""`nas-asc search`: run or resume a search and show its front."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas_asc.budget import parse_budget
from nas_asc.commands.front_table import print_front
from nas_asc.commands.live import Live
from nas_asc.commands.log_lines import shown_log
from nas_asc.commands.options import clip_option
from nas_asc.commands.output import json_option, print_json, remark
from nas_asc.errors import ConfigError, DatasetError, RunError
from nas_asc.library import ensembles_of, load_space
from nas_asc.rules import CountingRule, counting_rule
from nas_asc.shipped import is_path
from nas_asc.units import format_count, format_duration, parse_duration

if TYPE_CHECKING:
    from nas_asc.datasets import Dataset
    from nas_asc.study_config import StudyConfig
    from nas_asc.summary import Summary

_SHOWN = 5  # of the clips that were left out
_DEFAULT_STUDY, _DEFAULT_STUDY_WITH_DATA = "quick", "esc10"


@click.command("search")
@click.option("--space", help="Search space: a name (nas-asc spaces) or the path of a TOML file.")
@click.option("--budget", help="Hard limits, such as 128KB or 32KB,10MMAC,64KiBram.")
@click.option("--rule", help="Counting rule (nas-asc rules); its limits hold too.")
@click.option("--data", help="Folder of recordings; without it, built-in synthetic scenes.")
@clip_option(help="Clip length in seconds; default: the median.")
@click.option("--skip-bad", is_flag=True, default=None, help="Leave out clips that can't be read.")
@click.option("--study", help="Study with all settings (nas-asc studies), or the path of one.")
@click.option(
    "--objective",
    type=click.Choice(["log_loss", "accuracy"]),
    help="What is optimised besides the size.",
)
@click.option("--trials", type=click.IntRange(1), help="Finished trials in all, resumed included.")
@click.option("--time", "time_text", help="Ends the search after a while: 90s, 10m, 1.5h.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs of a full training.")
@click.option("--sampler", type=click.Choice(["tpe", "nsga2", "random"]))
@click.option(
    "--lag",
    type=click.IntRange(1),
    help="Results that a proposal does not wait for; twice the workers keeps all busy.",
)
@click.option("--seed", type=click.IntRange(0), help="Random seed.")
@click.option("--no-seeds", is_flag=True, help="Do not train the report models first.")
@click.option(
    "--workers", default="auto", show_default=True, help="Worker processes: a number or auto."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder; default: runs/SPACE-TIME."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@json_option
def command(
    time_text: str | None,
    no_seeds: bool,
    workers: str,
    out: Path | None,
    resume: bool,
    as_json: bool,
    **options: object,
) -> int:
    """Search the architectures of a space for those worth having under a budget.

    Ends with the Pareto front of log loss (or accuracy) against size: nothing on it is over the
    budget, every size is proved, and the report models stand beside what was found.
    """
    from nas_asc.front_files import write_front
    from nas_asc.run_summary import failures

    given = {name: value for name, value in options.items() if value is not None}
    if time_text is not None:
        given["time_s"] = _duration(time_text)
    if no_seeds:
        given["seeds"] = False
    if given.get("data"):
        given["data"] = str(Path(str(given["data"])).absolute())
    if is_path(space := str(given.get("space", ""))):
        given["space"] = str(Path(space).absolute())  # a run can be resumed from any folder
    count = _count_workers(workers)
    config, run = _resolve(given, out, resume)
    space = config.space or ""
    seeds = len(load_space(space).models) + len(ensembles_of(space))
    count = int(min(count, config.most_busy(seeds)))  # a process has a torch, busy or not
    rule = counting_rule(config.rule)
    budget = parse_budget(config.budget, rule, with_limits=True)
    remark(f"budget: {budget} by rule {rule.id}")
    dataset = _dataset(config)
    for note in dataset.notes:
        remark(f"data: {note}")
    if dataset.skipped:
        remark(f"data: {_skipped(dataset)}")
    if clips := rule.clip_remark(dataset.clip_s):
        remark(f"warning: rule {rule.id}: {clips}")
    summary = _run(config, dataset, rule, run, count, resume)
    try:
        paths = write_front(summary, run)
    finally:  # what was found is shown, also where it cannot be written
        if as_json:
            print_json(summary.to_dict())
        else:
            print_front(summary)
    remark("wrote " + " ".join(map(str, paths)))
    if not summary.trials.get("failed"):
        return 0
    for reason, trials in failures(run).most_common():
        remark(f"failed: {trials} trial{'s' * (trials > 1)}: {reason}")
    return 0 if summary.trials.get("completed") else 4


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ConfigError as error:
        raise ConfigError(f"--time: {error}") from None


def _count_workers(text: str) -> int:
    from nas_asc.workers.count import fitting_workers

    if text == "auto":
        return fitting_workers()
    if not (text.isdecimal() and int(text) > 0):
        raise ConfigError(f"--workers: expected auto or a number above zero, got {text!r}")
    return int(text)


def _resolve(
    given: dict[str, object], out: Path | None, resume: bool
) -> "tuple[StudyConfig, Path]":
    from nas_asc.run_folder import STUDY_FILE
    from nas_asc.study import resumed_config
    from nas_asc.study_config import load_study, with_options

    if resume:
        if out is None:
            raise click.UsageError("--resume: expected the run folder with --out")
        if "study" in given:
            raise click.UsageError("--resume: expected no --study, the run has its own")
        config = resumed_config(out, given)
        load_space(config.space or "")  # as below
        return config, out
    study = str(given.pop("study", _DEFAULT_STUDY_WITH_DATA if "data" in given else _DEFAULT_STUDY))
    config = load_study(study)
    if "time_s" in given and "trials" not in given:
        config = config.model_copy(update={"trials": None})
    config = with_options(config, given)
    if config.space is None:
        raise ConfigError("--space: expected a search space (nas-asc spaces), got none")
    load_space(config.space)  # its faults are told before any recordings are read
    if config.budget is None and not counting_rule(config.rule).max_bytes:
        raise ConfigError("--budget: expected a limit such as 128KB, got none")
    run = out or Path("runs") / f"{Path(config.space).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    if run.exists():
        resumable = (
            "add --resume to go on with its run, or " if (run / STUDY_FILE).is_file() else ""
        )
        raise RunError(f"{run}: expected a new folder, it exists - {resumable}choose another --out")
    remark(f"study {study}: {config.title}")
    return config, run


def _dataset(config: "StudyConfig") -> "Dataset":
    from nas_asc.datasets import load_dataset
    from nas_asc.feature_cache import FeatureCache
    from nas_asc.features import leave_out_faulty

    with FeatureCache().lock("search"):
        pass  # a cache that cannot be written is told now, not by every trial
    if config.data is None:
        from nas_asc.datasets import synthetic_dataset

        remark("data: built-in synthetic scenes, no real recordings")
        return synthetic_dataset()
    dataset = load_dataset(Path(config.data), config.clip_s, config.skip_bad)
    sound = leave_out_faulty(dataset)  # a clip may break off after a header that looks well
    faulty = [path for path in sound.skipped if path not in dataset.skipped]
    if faulty and not config.skip_bad:
        raise DatasetError(
            f"{faulty[0]}: expected a clip that can be decoded, found "
            f"{len(faulty)} that cannot - replace it or add --skip-bad"
        )
    return sound


def _skipped(dataset: "Dataset") -> str:
    names = [os.path.relpath(path, dataset.root) for path in dataset.skipped]
    plural = "s" * (len(names) > 1)
    shown = ", ".join([*names[:_SHOWN], *(["..."] if len(names) > _SHOWN else [])])
    return f"{len(names)} clip{plural} left out that cannot be read: {shown}"


def _run(
    config: "StudyConfig",
    dataset: "Dataset",
    rule: CountingRule,
    run: Path,
    count: int,
    resume: bool,
) -> "Summary":
    from nas_asc.study import run_search
    from nas_asc.workers import KINDS

    remark(
        f"search: {_extent(config, dataset, run, count, resume)}, "
        f"{config.epochs} epoch{'s' * (config.epochs > 1)} each, "
        f"sampler {config.sampler}, seed {config.seed}, {count} worker{'s' * (count > 1)}; "
        f"run folder {run}"
    )
    if config.macs_ceiling:
        remark(
            f"search: proposals above {format_count(config.macs_ceiling)} multiply-accumulates a "
            "clip are not trained (macs_ceiling of the study); report models are exempt"
        )
    pool = KINDS["processes"](count, "nas_asc.trial:run_job")
    live = Live(rule.kb)
    try:
        with shown_log(live.end):
            return run_search(
                config, dataset, run=run, workers=pool, progress=live.show, resume=resume
            )
    except KeyboardInterrupt:
        live.end()
        remark(f"go on with: nas-asc search --out {run} --resume")
        raise
    finally:
        live.end()
        pool.close()


def _extent(
    config: "StudyConfig", dataset: "Dataset", run: Path, workers: int, resume: bool
) -> str:
    """Say how many trials there will be and how long those will take that have not ended."""
    from nas_asc.forecast import expected_seconds
    from nas_asc.run_summary import load_front

    trials = f"{config.trials} trial{'s' * (config.trials > 1)}" if config.trials else ""
    ended = load_front(run).ended if resume else 0
    if config.trials and ended:
        trials += f" ({'all' if ended == config.trials else f'{ended:,}'} ended)"
    if config.time_s:
        return " or ".join(filter(None, (trials, format_duration(config.time_s))))
    left = max((config.trials or 0) - ended, 0)
    rest = config.model_copy(update={"trials": left})
    seconds = expected_seconds(rest, dataset, workers) if left else None
    return trials if seconds is None else f"{trials}, about {format_duration(seconds)}"

"""`nas-asc search`: run or resume a search and show its front."""

import os
import shlex
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas_asc.commands.console import (
    device_option,
    json_option,
    live_progress,
    print_json,
    read_duration,
    remark,
)
from nas_asc.commands.data_options import data_options, take_source
from nas_asc.commands.front import print_front
from nas_asc.errors import ConfigError, printable
from nas_asc.shipped import is_path
from nas_asc.units import format_count, format_duration, number_of

if TYPE_CHECKING:
    from nas_asc.datasets import Dataset
    from nas_asc.results import Summary
    from nas_asc.search import Runner, Task
    from nas_asc.study import StudyConfig

    # A study, its run folder, and the options that a plan leaves as they are; None without a plan.
    _Start = tuple[StudyConfig, Path, Collection[str] | None]

_SHOWN = 5  # of the clips that were left out
_PLANNED = "planned"  # the study whose numbers are planned for the data and the time
_WORDS: Mapping[str, Callable[[Any], str]] = {
    "time_s": format_duration,
    "macs_ceiling": format_count,
    "longest_s": format_duration,
    "augmentations": ", ".join,
}
_GPU_SHARE = 0.1  # of each trial with Ray, unless another is asked for
_FOR_RECORDINGS = {"audio", "columns", "group", "label_level", "names", "test", "validation"}


@click.command("search")
@click.option("--space", help="Search space: a name (nas-asc spaces) or the path of a TOML file.")
@click.option("--budget", help="Hard limits, such as 128KB or 32KB,10MMAC,64KiBram.")
@click.option("--rule", help="Counting rule (nas-asc rules); its limits hold too.")
@click.option("--data", metavar="DIR|TABLE", multiple=True,
              help="Recordings; may be given again. Without it, synthetic scenes.")  # fmt: skip
@data_options
@click.option(
    "--study", help="Study with all settings (nas-asc studies), or the path of one; else planned."
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the planned study, and stop.")
@click.option("--calibrate", is_flag=True, help="Plan by the measured speed of this machine.")
@click.option(
    "--objective",
    type=click.Choice(["log_loss", "accuracy"]),
    help="What is optimised besides the size.",
)
@click.option("--trials", type=click.IntRange(1), help="Finished trials in all, resumed included.")
@click.option("--time", "time_s", callback=read_duration,
              help="Ends the search after a while: 90s, 10m, 1.5h.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="Epochs of a full training.")
@click.option("--sampler", type=click.Choice(["tpe", "nsga2", "random", "evolution", "surrogate"]))
@click.option(
    "--lag",
    type=click.IntRange(1),
    help="Results that a proposal does not wait for; twice the workers keeps all busy.",
)
@click.option("--final-seeds", metavar="NUMBER", type=click.IntRange(1),
              help="Train the front again with so many seeds after the search.")  # fmt: skip
@click.option("--cv", is_flag=True, default=None, help="Train it again for each fold of the data.")
@click.option("--teacher", "teachers", metavar="RUN:TRIAL", multiple=True,
              help="Let all networks learn from this one too; may be given again.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), help="Random seed.")
@click.option("--no-report-models", is_flag=True, help="Do not train the report models first.")
@click.option("--no-seeds", is_flag=True, hidden=True)  # its name of before
@click.option(
    "--workers", default="auto", show_default=True, help="Worker processes: a number or auto."
)
@click.option("--runner", default="local", show_default=True, type=click.Choice(["local", "ray"]),
              help="Where they run: processes of this machine, or Ray Tune.")  # fmt: skip
@click.option("--ray-address", metavar="ADDRESS",
              help="A Ray cluster (docs/cluster.md); else Ray is started here.")  # fmt: skip
@click.option("--gpus-per-trial", type=click.FloatRange(0.0, 1.0), metavar="SHARE",
              help="What a trial takes of a GPU, with Ray.")  # fmt: skip
@device_option()
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run folder; default: runs/SPACE-TIME."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--storage", metavar="URL",
              help="Keep the trials in a database: postgresql://USER@HOST/DATABASE.")  # fmt: skip
@click.option("--study-name", metavar="NAME",
              help="Go on with this study of --storage in a new --out.")  # fmt: skip
@json_option
def command(
    data: tuple[str, ...],
    teachers: tuple[str, ...],
    no_report_models: bool,
    no_seeds: bool,
    workers: str,
    runner: str,
    ray_address: str | None,
    gpus_per_trial: float | None,
    device: str,
    out: Path | None,
    resume: bool,
    study_name: str | None,
    plan_only: bool,
    calibrate: bool,
    as_json: bool,
    **options: object,
) -> int:
    """Search the architectures of a space for those worth having under a budget.

    Ends with the Pareto front of log loss (or accuracy) against size: nothing on it is over the
    budget, every size is proved, and the report models stand beside what was found.
    """
    from nas_asc.datasets import outline
    from nas_asc.results import write_front
    from nas_asc.search import (
        JOB_FUNCTION,
        RUNNERS,
        ended_trials,
        read_task,
        resolve_device,
    )
    from nas_asc.study import study_toml

    given = {name: value for name, value in options.items() if value is not None}
    if no_report_models or no_seeds:
        given["warm_start"] = False
    if source := take_source(data, given):
        given["data"] = source
    if teachers:
        given["teachers"] = teachers
    if is_path(space := str(given.get("space", ""))):
        given["space"] = str(Path(space).absolute())  # a run can be resumed from any folder
    on_ray = _ray_options(runner, ray_address, gpus_per_trial)
    asked_workers = read_count(workers)
    password = _take_password(given)
    if calibrate:
        if resume or "study" in given:
            raise click.UsageError("--calibrate: expected a search that is planned, got a study")
        device = resolve_device(device)
        given["speed"] = _measure_speed(device)
    if resume:
        config, run, asked = _resumed(given, out, study_name, password)
    elif study_name is not None:
        raise click.UsageError("--study-name: expected --resume with it, a new study gets a name")
    else:
        config, run, asked = _new(given, out, plan_only, password)
    if gpus_per_trial and device == "auto":
        device = "cuda"
    config = settle_device(config, device, resume, plan_only, elsewhere=ray_address is not None)
    config = config.model_copy(update={"recipe": config.recipe.absolute})
    outlined = (lambda: outline(config.data)) if config.data.paths else None
    task = read_task(config, lambda: checked_dataset(config), outlined, asked)
    remark(f"budget: {task.budget} by rule {task.rule.id}")
    if learns := task.config.recipe.distillation:
        remark(
            f"teachers: {', '.join(learns.teachers)}: networks learn from their mean with a weight "
            f"of {learns.weight:g}, at a temperature of {learns.temperature:g}"
        )
    if asked is not None:
        _tell_plan(task)
    if plan_only:
        study = task.config
        print_json(study.to_dict()) if as_json else click.echo(study_toml(study), nl=False)
        return 0
    if clips := task.rule.clip_remark(task.dataset.clip_s):
        remark(f"warning: rule {task.rule.id}: {clips}")
    counts = resume and task.config.trials is not None
    ended = ended_trials(run, False, password) if counts else 0
    count = worker_count(task.config, asked_workers, ended, on_cluster=ray_address is not None)
    if runner == "ray" and task.config.device == "cuda":
        on_ray.setdefault("gpus_per_trial", _GPU_SHARE)
    make = partial(RUNNERS[runner], count, JOB_FUNCTION, **on_ray)
    summary = run_and_show(task, run, make, count, resume, password)
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
    tell_failures(run, password)
    return 0 if summary.points or summary.resting else 4


def tell_failures(run: Path, password: str | None = None) -> None:
    """Say why trials of a run failed, the reason of most of them first."""
    from nas_asc.search import failures

    for reason, trials in failures(run, password).most_common():
        remark(f"failed: {number_of(trials, 'trial')}: {reason}")


def _ray_options(runner: str, address: str | None, gpus: float | None) -> dict[str, Any]:
    options = {"address": address, "gpus_per_trial": gpus}
    given = {name: value for name, value in options.items() if value is not None}
    if given and runner != "ray":
        option = "--gpus-per-trial" if address is None else "--ray-address"
        raise click.UsageError(f"{option}: expected --runner ray with it, got {runner}")
    return given


def read_count(text: str) -> int | None:
    """Read a number of workers; None for as many as are of use."""
    if text == "auto":
        return None
    if not (text.isdecimal() and int(text) > 0):
        raise ConfigError(f"--workers: expected auto or a number above zero, got {text!r}")
    return int(text)


def worker_count(
    config: "StudyConfig", asked: int | None, ended: int, on_cluster: bool
) -> int | None:
    """Return how many workers are of use; None for all that a cluster has room for.

    Each has a torch, whether it is busy or not.
    """
    from nas_asc.search import fitting_workers, held_workers

    if asked is None and on_cluster:
        return None
    device = config.device or "cpu"
    count = asked or fitting_workers(device)
    if asked and count > config.most_busy:
        remark(
            f"warning: {asked} workers: {config.lag} are started, since what comes next waits for "
            f"the results of others; in a new run --lag {2 * asked} keeps all busy"
        )
    count = int(min(count, config.most_busy))
    if config.trials is not None and not config.trains_again:  # else there is more to do
        count = max(1, min(count, config.trials - ended))
    if not on_cluster and count > (held := int(min(count, held_workers(device)))):
        remark(f"warning: {count} workers: memory has room for {held}, no more are started")
        count = held
    return count


def _take_password(given: dict[str, object]) -> str | None:
    """Take the password out of the URL of the database, if there is one; all else may be kept."""
    from nas_asc.study import split_password

    if "storage" not in given:
        return None
    try:
        given["storage"], password = split_password(str(given["storage"]))
    except ValueError as error:
        raise ConfigError(f"--storage: {error}") from None
    return password


def _resumed(
    given: dict[str, object], out: Path | None, study_name: str | None, password: str | None
) -> "_Start":
    from nas_asc.search import restore_run, resumed_config

    if out is None:
        raise click.UsageError("--resume: expected the run folder with --out")
    if "study" in given:
        raise click.UsageError("--resume: expected no --study, the run has its own")
    if study_name is not None:
        if "storage" not in given:
            raise click.UsageError("--study-name: expected its database with --storage")
        restore_run(out, str(given["storage"]), password, study_name)
    return resumed_config(out, given, password), out, None


def _new(
    given: dict[str, object], out: Path | None, plan_only: bool, password: str | None
) -> "_Start":
    from nas_asc.search import check_new, check_storage
    from nas_asc.study import load_study, with_options

    study = str(given.pop("study", _PLANNED))
    config = load_study(study)
    if "time_s" in given and "trials" not in given:
        config = config.model_copy(update={"trials": None})
    elif study == _PLANNED and "trials" in given:
        config = config.model_copy(update={"time_s": given.get("time_s"), "trials": 1})
    config = with_options(config, given)
    if not config.data.paths and (unused := _FOR_RECORDINGS & config.data.to_dict().keys()):
        name = min(unused).replace("_", "-")
        raise ConfigError(f"--{name}: expected recordings that it is about (--data), got none")
    if config.space is None:
        raise ConfigError("--space: expected a search space (nas-asc spaces), got none")
    space = str(Path(config.space).absolute()) if is_path(config.space) else config.space
    # those of a study, too: a run can be resumed from any folder
    absolute = {"space": space, "data": config.data.absolute}
    config = config.model_copy(update={**absolute, "study_name": None})  # of the run that it is of
    run = out or Path("runs") / f"{Path(space).stem}-{datetime.now():%Y%m%d-%H%M%S}"
    if not plan_only:
        check_new(run)
        check_storage(config, password)
    if study == _PLANNED:
        return config, run, {*given}
    remark(f"study {study}: {config.title}")
    return config, run, None


def settle_device(
    config: "StudyConfig", asked: str, resume: bool, plan_only: bool, elsewhere: bool = False
) -> "StudyConfig":
    """Settle what trains: once, since results differ a little from device to device.

    A plan that is only printed holds for every machine, and names none that was not asked for.
    Where it is elsewhere, on the nodes of a cluster, nothing is known of GPUs here.
    """
    from nas_asc.search import find_gpu, resolve_device

    if asked == "auto":  # a run of before knew no other than the CPU
        asked = config.device or ("cpu" if resume or elsewhere else "auto")
    if plan_only:
        return config if asked == "auto" else config.model_copy(update={"device": asked})
    device = asked if elsewhere else resolve_device(asked)
    if not elsewhere and device == "cuda" and (gpu := find_gpu()):
        remark(f"device: the GPU, {gpu.name}")
    return config.model_copy(update={"device": device})


def _measure_speed(device: str) -> float:
    from nas_asc.training import measured_speed

    speed = measured_speed(device)
    what = "a core of this machine" if device == "cpu" else "the GPU of this machine"
    remark(f"speed: {what} trains {speed:.2f} times as fast as the reference")
    return speed


def _tell_plan(task: "Task") -> None:
    """Print each number of the plan with its reason, and how many candidates may be trained."""
    from nas_asc.study import CORES, WARM_START_SHARE

    study = task.config
    recipe = study.recipe.to_dict()
    settings = {**study.to_dict(), **recipe, **recipe["loss"]}
    for name, reason in study.plan.items():
        words = _WORDS.get(name, str)(settings[name]) if name in settings else "none"
        remark(f"plan: {name} {words}: {reason}")
    if study.time_s and task.candidate_s:
        left_s = study.time_s * CORES * (1 - WARM_START_SHARE * study.warm_start)
        count = max(1, round(left_s / task.candidate_s))
        stopping = study.early_stopping
        ending = max(1, round(count * stopping.keep ** len(stopping.epochs(study.epochs))))
        part = "" if ending == count else f", {ending:,} of them to the end,"
        remark(
            f"plan: about {number_of(count, 'candidate')} in {format_duration(study.time_s)} on "
            f"{CORES} cores{part} besides the report models; --plan prints it as a study"
        )


def checked_dataset(config: "StudyConfig") -> "Dataset":
    """Load the data of a study and say what was found."""
    from nas_asc.datasets import dataset_of
    from nas_asc.features import FeatureCache

    with FeatureCache().lock("search"):
        pass  # a cache that cannot be written is told now, not by every trial
    if not config.data.paths:
        remark("data: built-in synthetic scenes, no real recordings")
    dataset = dataset_of(config.data, config.seed)
    for note in dataset.notes:
        remark(f"data: {note}")
    if dataset.skipped:
        names = [printable(os.path.relpath(path, dataset.root)) for path in dataset.skipped]
        shown = ", ".join([*names[:_SHOWN], *["..."] * (len(names) > _SHOWN)])
        remark(f"data: {number_of(len(names), 'clip')} left out that cannot be read: {shown}")
    return dataset


def run_and_show(
    task: "Task",
    run: Path,
    make: "Callable[[], Runner]",
    workers: int | None,
    resume: bool,
    password: str | None,
    command: str = "search",
) -> "Summary":
    """Run a search with its progress shown, and say which command goes on after an interruption."""
    from nas_asc.search import run_task
    from nas_asc.study import STUDY_FILE

    config = task.config
    words = "all workers of the cluster" if workers is None else number_of(workers, "worker")
    remark(
        f"search: {_extent(task, run, workers or 1, resume, password)}, "
        f"{number_of(config.epochs, 'epoch')} each{_rungs(config)}, sampler {config.sampler}, "
        f"seed {config.seed}, lag {config.lag}, {words}; run folder {run}"
    )
    if config.macs_ceiling:
        remark(
            f"search: proposals above {format_count(config.macs_ceiling)} multiply-accumulates a "
            "clip are not trained (macs_ceiling of the study); report models are exempt"
        )
    if config.longest_s:
        remark(
            f"search: proposals that would train for more than {format_duration(config.longest_s)} "
            "by plan are not trained (longest_s of the study); report models are exempt"
        )
    runner = make()
    try:
        with live_progress(task.rule.kb) as show:
            return run_task(task, runner, run=run, progress=show, resume=resume, password=password)
    except KeyboardInterrupt:
        if (run / STUDY_FILE).is_file():
            remark(f"go on with: nas-asc {command} --out {shlex.quote(str(run))} --resume")
        raise
    finally:
        runner.close()


def _rungs(config: "StudyConfig") -> str:
    stopping = config.early_stopping
    epochs = " and ".join(map(str, stopping.epochs(config.epochs)))
    return f" (after {epochs} the best {stopping.keep:.0%} go on)" if epochs else ""


def _extent(task: "Task", run: Path, workers: int, resume: bool, password: str | None) -> str:
    """Return how many trials there will be, and how long those take that have not ended."""
    from nas_asc.search import ended_trials

    config = task.config
    trials = number_of(config.trials, "trial") if config.trials else ""
    ended = ended_trials(run, password=password) if resume else 0
    if config.trials and ended:
        trials += f" ({'all' if ended == config.trials else f'{ended:,}'} ended)"
    if config.time_s:
        return " or ".join(filter(None, (trials, format_duration(config.time_s))))
    left = max((config.trials or 0) - ended, 0)
    each_s = task.candidate_s if left else None
    return (
        trials if each_s is None else f"{trials}, about {format_duration(left * each_s / workers)}"
    )

"""`nas-asc reproduce`: train a report model as its report says, reported beside measured."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas_asc.commands.console import (
    device_option,
    json_option,
    print_json,
    print_table,
    print_text,
    remark,
)
from nas_asc.commands.data_options import data_options, take_source
from nas_asc.commands.evaluate import print_evaluation
from nas_asc.commands.search import (
    checked_dataset,
    run_and_show,
    settle_device,
    tell_failures,
    worker_count,
)
from nas_asc.errors import ConfigError

if TYPE_CHECKING:
    from nas_asc.datasets import Dataset
    from nas_asc.reports import Ensemble, Report
    from nas_asc.results import Evaluation
    from nas_asc.spaces import ReportModel
    from nas_asc.study import StudyConfig

_FIGURES = {"accuracy": "{:.1%}", "log_loss": "{:.3f}"}


@click.command("reproduce")
@click.argument("model", metavar="ID")
@click.option("--data", metavar="DIR|TABLE", multiple=True,
              help="Recordings; may be given again. Without it, synthetic scenes.")  # fmt: skip
@data_options
@click.option("--epochs", type=click.IntRange(1),
              help="Shortens every schedule in proportion; default: as reported.")  # fmt: skip
@click.option("--teacher", "teachers", metavar="RUN:TRIAL", multiple=True,
              help="A trained model to learn from; the mean of several.")  # fmt: skip
@click.option("--final-seeds", metavar="NUMBER", type=click.IntRange(1),
              help="Train it again with so many seeds, for mean and spread.")  # fmt: skip
@click.option("--cv", is_flag=True, default=None, help="Train it again for each fold of the data.")
@click.option("--seed", type=click.IntRange(0), help="Random seed.")
@device_option()
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; default: runs/ID-TIME.")
@click.option("--resume", is_flag=True, help="Go on with the training in --out.")
@json_option
def command(
    model: str,
    data: tuple[str, ...],
    teachers: tuple[str, ...],
    device: str,
    out: Path | None,
    resume: bool,
    as_json: bool,
    **options: object,
) -> int:
    """Train a network or ensemble of a report (nas-asc models) as the report describes.

    Its recipe, schedule, compression and vote are those of the study named after the report
    (nas-asc studies); what the report leaves open is marked there as ours. The trained model is
    trial 0 of the run folder, judged on the test clips.
    """
    from nas_asc.datasets import official_test_clips
    from nas_asc.reports import find_model, load_report
    from nas_asc.results import write_front
    from nas_asc.search import JOB_FUNCTION, RUNNERS, model_folder, read_task
    from nas_asc.training import evaluate_in_full

    given = {name: value for name, value in options.items() if value is not None}
    found = find_model(model)
    if source := take_source(data, given):
        given["data"] = source
    if resume and out is None:
        raise click.UsageError("--resume: expected the run folder with --out")
    run = out or Path("runs") / f"{model}-{datetime.now():%Y%m%d-%H%M%S}"
    if teachers:
        given["teachers"] = teachers
    config = _resumed(run, model, given) if resume else _new(run, found, given)
    config = settle_device(config, device, resume, plan_only=False)
    config = config.model_copy(update={"recipe": config.recipe.absolute})
    config = in_windows(config, found)
    dataset = checked_dataset(config)
    config = study_for_data(config, found, dataset)
    task = read_task(config, lambda: dataset)
    count = worker_count(config, None, 0, on_cluster=False)
    make = partial(RUNNERS["local"], count, JOB_FUNCTION)
    summary = run_and_show(task, run, make, count, resume, None, f"reproduce {model}")
    write_front(summary, run)
    if not summary.points:
        tell_failures(run)
        return 4
    measured = evaluate_in_full(model_folder(run, 0), dataset)
    report = load_report(found.report)
    same = _is_of(report, dataset)
    reported = list(_reported(report, model, measured)) if same else []
    clips = {"measured": measured.overall.clips, "official": official_test_clips(dataset.edition)}
    if as_json:
        again = {"finals": summary.to_dict().get("finals")} if config.trains_again else {}
        head = {"model": model, "run": str(run), "epochs": config.epochs, "seed": config.seed}
        found_there = {"measured": measured.to_dict(), "reported": reported, "test_clips": clips}
        print_json({**head, **found_there, **again})
        return 0
    print_evaluation(measured)
    click.echo()
    if not same:
        print_text(f"reported results are not shown: they are of {report.data}")
    elif not reported:
        print_text(f"the report has no results of {model} by itself")
    else:
        _print_reported(reported)
        _remark_on_part(clips)
    return 0


def _remark_on_part(clips: "Mapping[str, int | None]") -> None:
    """Say that results of a part of the test clips are no results of the data set."""
    measured, official = clips["measured"], clips["official"]
    if measured and official and measured < official:
        print_text(
            f"measured on {measured:,} of the {official:,} clips that the data set tests on, so "
            "these results do not compare with the reported ones"
        )


def _new(run: Path, model: "ReportModel | Ensemble", given: dict[str, object]) -> "StudyConfig":
    from nas_asc.search import check_new
    from nas_asc.study import with_options

    check_new(run)
    teachers = {"teachers": given.pop("teachers")} if "teachers" in given else {}
    return with_options(study_of(model, given), teachers)


def _resumed(run: Path, model: str, given: dict[str, object]) -> "StudyConfig":
    from nas_asc.search import resumed_config

    config = resumed_config(run, given)
    if config.report_models != (model,):
        trained = ", ".join(config.report_models or ["a search"])
        raise ConfigError(f"--resume: expected a run that reproduces {model}, got one of {trained}")
    return config


def study_of(model: "ReportModel | Ensemble", given: Mapping[str, object]) -> "StudyConfig":
    """Return the study of one training, in the space and by the rule of its report."""
    from nas_asc.reports import Ensemble, space_of
    from nas_asc.study import reproduction

    members = [m.model.id for m in model.members] if isinstance(model, Ensemble) else []
    place = {"space": space_of(model), "rule": model.rule}
    config = reproduction(model.report, model.id, members, **place, **given)
    if "epochs" in given:
        whole = reproduction(model.report, model.id, members, **place).epochs
        remark(f"epochs: {config.epochs} of {whole}, every schedule is shortened in proportion")
    return config


def in_windows(config: "StudyConfig", model: "ReportModel | Ensemble") -> "StudyConfig":
    """Return the study with windows as long as the clips of a model, if it needs them.

    That is a network fed stretches of recordings, where the clips of the data are whole recordings.

    Raises:
        ConfigError: clips of another length are asked for.
    """
    from nas_asc.datasets import outline
    from nas_asc.reports import Ensemble
    from nas_asc.study import with_options

    data = config.data
    if isinstance(model, Ensemble) or not config.recipe.join_clips:
        return config
    if data.window_s or not data.paths:
        return config
    _, clip_s, _ = outline(data)
    if clip_s <= model.clip_s:
        return config
    if data.clip_s:
        raise ConfigError(
            f"--clip: expected at most {model.clip_s:g} s for {model.id}, which takes clips of no "
            f"other length, got {data.clip_s:g} - leave it out: longer clips are cut into windows"
        )
    remark(
        f"windows: {model.id} is trained on stretches of {model.clip_s:g} s from anywhere in a "
        f"clip, and judged by the mean over windows of {model.clip_s:g} s"
    )
    return with_options(config, {"data": {"window_s": model.clip_s}})


def study_for_data(
    config: "StudyConfig", model: "ReportModel | Ensemble", dataset: "Dataset"
) -> "StudyConfig":
    """Return the study as these data need it: its budget is what the model takes on them.

    Raises:
        ConfigError: an ensemble cannot be trained on them.
    """
    from nas_asc.complexity import count
    from nas_asc.reports import Ensemble, count_ensemble

    classes = dataset.classes
    weights = config.recipe.loss.get("class_weights")
    if isinstance(weights, dict) and {*weights} != {*classes}:
        remark(f"class weights left out: those of the report are of {', '.join(weights)}")
        loss = {**config.recipe.loss, "class_weights": "none"}
        config = config.model_copy(
            update={"recipe": config.recipe.model_copy(update={"loss": loss})}
        )
    if isinstance(model, Ensemble):
        fine = dict(dataset.class_map)
        if reason := model.untrainable(classes, fine):
            raise ConfigError(f"{model.id}: expected data that it can be trained on, {reason}")
        adapted = model.adapted(classes, dataset.clip_s, fine)
        size = count_ensemble(adapted, model.rule).size_bytes
    else:
        network = model.adapted(len(classes), dataset.clip_s).architecture
        size = count(network, len(classes), dataset.clip_s, model.rule).size_bytes
    return config.model_copy(update={"budget": f"{size}B"})


def _is_of(report: "Report", dataset: "Dataset") -> bool:
    """Return whether the results of a report are of these data."""
    edition, _, _ = (dataset.edition or "").partition(", version")
    return bool(edition) and report.data.startswith(edition)


def _reported(
    report: "Report", model_id: str, measured: "Evaluation"
) -> Iterator[dict[str, object]]:
    """Yield the rows of a report's results, each with what was measured where that is the same."""
    for row in report.results.get(model_id, ()):
        name, _, rest = str(row["of"]).partition(",")
        kind, _, device = name.partition(" ")
        part = measured.of("class").get(name)
        if name == "overall":
            part = None if "micro" in rest else measured.overall
        elif kind == "device":
            part = measured.of("device").get(device.lower())
        found = {"accuracy": part.accuracy, "log_loss": part.log_loss} if part else {}
        numbers = {key: float(row[key]) for key in ("accuracy", "log_loss") if key in row}
        said = {key: row[key] for key in ("system", "of", "source") if key in row}
        yield {**said, "reported": numbers, "measured": found}


def _print_reported(rows: list[dict[str, Any]]) -> None:
    table = []
    for row in rows:
        name = ": ".join(str(row[key]) for key in ("system", "of") if key in row)
        cells = [name]
        for figure, text in _FIGURES.items():
            pair = (row["reported"].get(figure), row["measured"].get(figure))
            cells += ["-" if value is None else text.format(value) for value in pair]
        table.append(cells)
    print_table(("of", ">accuracy reported", ">measured", ">log loss reported", ">measured"), table)

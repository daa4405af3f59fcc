"""`nas-asc evaluate`: judge the model of a trial on recordings, part by part."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas_asc.commands.console import (
    device_option,
    json_option,
    print_json,
    print_table,
    print_text,
    remark,
)
from nas_asc.errors import ConfigError, NasAscError, RunError, printable, utf8_path

if TYPE_CHECKING:
    from nas_asc.datasets import Dataset
    from nas_asc.results import Evaluation
    from nas_asc.study import StudyConfig

_SPLITS = ("test", "validation", "all")


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trial", type=click.IntRange(0), required=True, help="Whose model is judged.")
@click.option(
    "--split",
    type=click.Choice(_SPLITS),
    default="test",
    show_default=True,
    help="Which clips judge it; all of them only of other recordings.",
)
@click.option(
    "--data",
    metavar="DIR|TABLE",
    multiple=True,
    help="Other recordings of the same classes, or where those of the run are now; several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write evaluation.md, .csv, .json, .png and .svg into; default: none.",
)
@click.option(
    "--submission",
    "submission_file",
    type=click.Path(path_type=Path),
    help="File to write the challenge's submission into, tab separated.",
)
@device_option()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a row for each part.")
@json_option
def command(
    run: Path,
    trial: int,
    split: str,
    data: tuple[str, ...],
    out: Path | None,
    submission_file: Path | None,
    device: str,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Judge the model of a trial on clips that its search has not seen."""
    from nas_asc.results import evaluation_csv, submission, write_evaluation, write_file
    from nas_asc.search import model_folder, resolve_device, saved_study
    from nas_asc.training import evaluate_predictions, predict_split

    if as_csv and as_json:
        raise click.UsageError("expected one of --csv and --json, got both")
    study, folder = saved_study(run), model_folder(run, trial)
    dataset = _recordings(run, study, folder, data, split)
    predictions = predict_split(folder, dataset, split, resolve_device(device))
    evaluation = evaluate_predictions(predictions)
    if as_json:
        print_json(evaluation.to_dict())
    elif as_csv:
        click.echo(evaluation_csv(evaluation), nl=False)
    else:
        print_evaluation(evaluation)
    if out is not None:
        paths = write_evaluation(evaluation, out)
        remark(f"wrote {', '.join(printable(path) for path in paths)}")
    if submission_file is not None:
        rows = predictions.probabilities.tolist()
        write_file(submission_file, submission(predictions.files, predictions.classes, rows))
        remark(f"wrote {printable(submission_file)}")


def _recordings(
    run: Path, study: "StudyConfig", folder: Path, data: tuple[str, ...], split: str
) -> "Dataset":
    """Read the recordings of a run, or others as its own were read.

    Those of the run that lie elsewhere now are split as they were.
    """
    from dataclasses import replace

    from nas_asc.datasets import dataset_of, load_as_split, load_dataset
    from nas_asc.networks import load_model
    from nas_asc.search import is_data_of

    if not data:
        if split == "all":
            raise ConfigError(
                "--split: expected test or validation of the recordings that the model was "
                "trained on, got all - give other recordings with --data DIR"
            )
        if gone := _absent(study.data.paths):
            raise RunError(
                f"{printable(run)}: expected its recordings in {gone}, found nothing of that name "
                "- say where they are now with --data NEW"
            )
        return dataset_of(study.data, study.seed)
    place = {"paths": tuple(str(Path(utf8_path(path)).absolute()) for path in data), "audio": None}
    if gone := _absent(data):
        raise ConfigError(f"--data: expected recordings, found nothing at {gone} - check the path")
    try:
        moved = load_dataset(study.data.model_copy(update=place), study.seed)
        if is_data_of(run, moved):
            return replace(moved, source=study.data)  # to be known as the run's own
    except NasAscError:
        pass  # others may lack classes in one of three splits
    network = load_model(folder)
    lengths = {"clip_s": network.clip_s, "window_s": None, "hop_s": None}
    if network.hop_s is not None:
        lengths = {"clip_s": None, "window_s": network.clip_s, "hop_s": network.hop_s}
    others = {**place, **lengths, "validation": None, "test": None, "min_clips": None}
    return load_as_split(study.data.model_copy(update=others))


def _absent(paths: tuple[str, ...]) -> str | None:
    """Return the first path where there is nothing, also below a folder that can't be entered."""
    return next((path for path in paths if not os.path.exists(path)), None)  # noqa: PTH110


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print the table of an evaluation, with what is needed to read it."""
    from nas_asc.results import evaluation_header, evaluation_notes, evaluation_table

    for label, text in evaluation_header(evaluation):
        print_text(f"{label:<8}{text}", 8)
    click.echo()
    titles, rows = evaluation_table(evaluation)
    print_table(titles, rows)
    click.echo()
    for text in evaluation_notes(evaluation):
        print_text(text)

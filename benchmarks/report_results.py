"""The networks of the reports trained by their recipes on ESC-10; writes studies/results/esc10.md.

    make results                                  every training that is not stored
    make results RESULTS_DATA=~/ESC-10            where the recordings lie
    python benchmarks/report_results.py --data DIR --only srpol-4,ntu-vggnet --minutes 25
    python benchmarks/report_results.py --report  of what is stored, nothing is trained

The rows stand in `results_rows.py`. Each is trained as `nas-asc reproduce` does, with the same
seeds (`--epochs 30 --cv`), one training after the other, the cheapest row first. Each training is
stored as a JSON file when it ends and is not done again while its file is there; one that was cut
goes on from its checkpoint. Files hold figures alone, no recordings.
"""

import json
import os
import shutil
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import FileLock, Timeout
from results_rows import CLIP_S, TRAINING_CLIPS, Row, adapted, costs_of, rows
from results_table import write_table
from search import git

from nas_asc import __version__
from nas_asc.commands.reproduce import study_for_data, study_of
from nas_asc.datasets import Dataset, load_dataset, synthetic_dataset
from nas_asc.errors import NasAscError
from nas_asc.files import write_atomically
from nas_asc.reports import Ensemble, find_model, weights_digest
from nas_asc.search.teachers import Teacher, check_teachers, keep_what_they_say, recipe_of_jobs
from nas_asc.study import (
    STUDY_FILE,
    DataSource,
    Job,
    Recipe,
    StudyConfig,
    load_study,
    study_toml,
    trial_seed,
    with_options,
)

ROOT = Path(__file__).resolve().parents[1]
COARSE = ROOT / "studies" / "esc10_coarse.csv"
_CODE = ("nas_asc", "search_spaces", "studies/*.toml", "benchmarks/*.py")


def main() -> None:
    """Do the trainings that are asked for and not stored, then write the table."""
    options = read_options()
    options.results.mkdir(parents=True, exist_ok=True)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was trained is not lost
    began, version, failed = monotonic(), code_version(), False
    for row, unit in [] if options.report else left(options):
        if options.minutes is not None and monotonic() - began > 60 * options.minutes:
            print("the time is up: no other training is begun")
            break
        name = f"{row.name}-{unit}"
        try:
            with FileLock(work_of(options, row, unit).with_suffix(".lock")).acquire(timeout=0):
                print(f"{name}: {row.epochs} epochs", flush=True)
                found = train(row, unit, options) | {"version": version}
                text = json.dumps(found, indent=1) + "\n"
                write_atomically(options.results / f"{name}.json", text)
                if not teaches(row):
                    shutil.rmtree(work_of(options, row, unit))
            print(f"{name}: accuracy {found['accuracy']:.3f}, {found['seconds']:.0f} s", flush=True)
        except Timeout:
            print(f"{name}: another process is at it")
        except NasAscError as error:
            failed = True
            print(f"{name}: failed, {error}", flush=True)
        write_table(options.results, options.table)
    write_table(options.results, options.table)
    sys.exit(4 if failed else 0)


def read_options() -> Namespace:
    """Read the command line."""
    folder = ROOT / "studies" / "results"
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="ESC-10")
    parser.add_argument("--only", metavar="NAME,...", help="rows, or the rows of networks")
    parser.add_argument("--minutes", type=float, help="no training is begun after them")
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "results")
    parser.add_argument("--results", type=Path, default=folder / "esc10")
    parser.add_argument("--table", type=Path, default=folder / "esc10.md")
    parser.add_argument("--report", action="store_true", help="write the table only")
    options = parser.parse_args()
    if not options.report and (options.data is None or not options.data.is_dir()):
        parser.error(f"--data: expected the folder of ESC-10, got {options.data}")
    known = {name for row in rows() for name in (row.name, row.model)}
    if unknown := {*(options.only or "").split(",")} - known - {""}:
        parser.error(f"--only: expected some of {', '.join(sorted(known))}, got {unknown.pop()}")
    return options


def left(options: Namespace) -> Iterator[tuple[Row, str]]:
    """Yield what is to be trained, the cheapest rows first."""
    asked = options.only.split(",") if options.only else None
    for row in rows():
        if asked is None or row.name in asked or row.model in asked:
            for unit in row.units:
                if not (options.results / f"{row.name}-{unit}.json").exists():
                    yield row, unit


def work_of(options: Namespace, row: Row, unit: str) -> Path:
    """Return the folder of a training that is under way."""
    folder = options.work.absolute() / f"{row.name}-{unit}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(folder)


def teaches(row: Row) -> bool:
    """Return whether the model of a row is kept, since another row learns from it."""
    return any(row.name == other.teacher for other in rows())


@cache
def read_data(name: str, folder: Path) -> Dataset:
    """Load the data of rows; of their splits those of a search."""
    if name == "scenes":
        return synthetic_dataset()
    if name == "coarse":
        labels = {"columns": "label=label,fine=fine", "audio": str(folder)}
        return load_dataset(DataSource.of(COARSE, **labels), 0)
    window_s = CLIP_S[name] if name == "windows" else None
    return load_dataset(DataSource.of(folder, window_s=window_s), 0)


def study_for(row: Row, dataset: Dataset) -> StudyConfig:
    """Return the study of a row: that of its report, but for what differs."""
    model = find_model(row.model)
    study = study_of(model, {"epochs": row.epochs, "data": dataset.source.to_dict()})
    study = study_for_data(study, model, dataset)
    recipe = (load_study("planned").recipe if row.planned else study.recipe).to_dict()
    both = {**recipe.get("augmentations", {}), **row.recipe.get("augmentations", {})}
    return with_options(study, {"recipe": {**recipe, **row.recipe, "augmentations": both}})


def train(row: Row, unit: str, options: Namespace) -> dict[str, Any]:
    """Do one training, or go on with it, and return what is stored of it."""
    from nas_asc.training import evaluate_model
    from nas_asc.training.run_job import run_job

    dataset, run = read_data(row.data, options.data.resolve()), work_of(options, row, unit)
    study, candidate = study_for(row, dataset), adapted(row)
    kept = teaches(row)
    kind, number = unit.split("-")
    fold = int(number) - 1 if kind == "fold" else None
    purpose = f"final folds {fold}" if kind == "fold" else f"final seeds {number}"
    context = context_of(row, study, dataset, run, options)
    if not kept:
        context["final"] = {"fold": fold}
    job = Job(
        0,
        (candidate.reference("asc") if isinstance(candidate, Ensemble) else candidate).to_dict(),
        trial_seed(study.seed, 0, "training" if kept else purpose),
        row.epochs,
        row.epochs,
        context=context,
    )
    clock = Clock(run / "seconds.json")
    result = run_job(job, clock.note)
    clock.note()
    test = result.metrics.get("test")
    if kept:
        test = evaluate_model(run / "models" / job.name, dataset).to_dict()
    validation = {name: result.metrics[name] for name in ("accuracy", "log_loss")}
    steps = study.recipe.epoch_steps(_training_clips(study.recipe, row, dataset))
    return {
        **{"row": row.name, "unit": unit, "model": row.model, "data": row.data},
        **{"seed": study.seed, "training_seed": job.seed},
        **{"epochs": row.epochs, "trained_epochs": len(result.curve) or row.epochs},
        **{"steps": steps * (len(result.curve) or row.epochs), "rule": study.rule},
        **{"size_bytes": result.complexity["size_bytes"], "macs": result.complexity["macs"]},
        "stored_bytes": costs_of(row).stored_bytes,
        **{"accuracy": test["accuracy"], "log_loss": test["log_loss"], "clips": test["clips"]},
        **{"unseen_devices": test["unseen_devices"], "validation": validation},
        **{"retries": result.retries, "seconds": clock.seconds, "machine": result.machine},
        "notes": list(dict.fromkeys(notes_of(row, study, dataset))),
    }


def context_of(
    row: Row, study: StudyConfig, dataset: Dataset, run: Path, options: Namespace
) -> dict[str, Any]:
    """Return what the job of a training is told besides; what a teacher says is in its folder."""
    run.mkdir(parents=True, exist_ok=True)
    teachers, recipe = [], study.recipe
    if row.teacher:
        teachers = [teacher_of(row.teacher, options)]
        check_teachers(teachers, dataset)
        recipe = with_options(study, {"teachers": [teachers[0].name]}).recipe
        keep_what_they_say(run, recipe, teachers, dataset)
    (run / STUDY_FILE).write_text(study_toml(study), encoding="utf-8")
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": dataset.split_seed,
        "clips": len(dataset.clips),
        "validation_clips": None,
        "recipe": recipe_of_jobs(recipe, teachers),
        "rule": study.rule,
        "space": study.space,
        "run": str(run),
        "device": options.device,
    }
    if study.member_recipes:
        members = {name: each.to_dict() for name, each in study.member_recipes.items()}
        context["member_recipes"] = members
    return context


def teacher_of(name: str, options: Namespace) -> Teacher:
    """Return the teacher that a row has trained; it is trained again where its model is gone."""
    row = next(each for each in rows() if each.name == name)
    dataset, run = read_data(row.data, options.data.resolve()), work_of(options, row, row.units[0])
    folder = run / "models" / "0"
    if not (folder / "architecture.json").is_file():
        print(f"{name}: the teacher is trained", flush=True)
        train(row, row.units[0], options)
    return Teacher(name, folder, dataset.classes, weights_digest(folder))


class Clock:
    """The seconds of a training, those before it was cut included, in a file beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = monotonic()
        self._before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else 0.0
        self.seconds = self._before

    def note(self, _: object = None) -> None:
        """Write down how many there are now."""
        self.seconds = round(self._before + monotonic() - self._began, 1)
        write_atomically(self._path, json.dumps(self.seconds))


def notes_of(row: Row, study: StudyConfig, dataset: Dataset) -> Iterator[str]:
    """Yield what of a recipe falls away, or cannot shrink in proportion, a few words each."""
    model = find_model(row.model)
    whole = study_of(model, {})
    share = row.epochs / whole.epochs
    pairs = [(study.recipe, whole.recipe)]
    if study.member_recipes:
        assert whole.member_recipes is not None
        pairs = [(each, whole.member_recipes[n]) for n, each in study.member_recipes.items()]
    if row.note:
        yield row.note
    for recipe, reported in pairs:
        steps = recipe.epoch_steps(_training_clips(recipe, row, dataset))
        had_weights = not row.planned and isinstance(reported.loss.get("class_weights"), dict)
        if had_weights and recipe.loss.get("class_weights") == "none":
            yield "the class weights fall away: they are of other classes"
        crop = recipe.augmentations.get("time_crop", {}).get("length_s", 0.0)
        if crop >= dataset.clip_s and not recipe.join_clips:
            yield f"the crop of {crop:g} s falls away: clips have {dataset.clip_s:g} s"
        for key in ("every", "step_epochs"):
            if (step := recipe.schedule.get(key)) and step * steps < 1:
                yield f"a step of the schedule ({step:g} epochs) is shorter than a batch"
        if not row.planned:
            for part in ("schedule", "stop"):
                before = reported.to_dict().get(part, {}).get("patience")
                if before and before * share < 1:
                    yield f"the patience of `{part}` is 1 epoch, in proportion {before * share:.2g}"
        total = steps * row.epochs
        if recipe.ema_decay > (reached := (1 + total) / (10 + total)):
            yield f"the average of weights reaches {reached:.2g} of {recipe.ema_decay:g}"


def _training_clips(recipe: Recipe, row: Row, dataset: Dataset) -> int:
    """Return how many clips an epoch of a row has: joined ones where its recipe joins them."""
    return TRAINING_CLIPS[row.data] if recipe.join_clips else len(dataset.indices("train"))


def code_version() -> str:
    """Return version and commit, with a plus sign where the code was changed since."""
    changed = git(ROOT, "status", "--porcelain", "--", *_CODE)
    return f"{__version__} {git(ROOT, 'rev-parse', '--short', 'HEAD')}" + ("+" if changed else "")


if __name__ == "__main__":
    main()

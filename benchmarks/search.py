"""The search of this project beside others, on equal terms; writes its part of docs/search.md.

    python benchmarks/search.py --minutes 4 --seeds 1        every variant
    python benchmarks/search.py --minutes 12 --seeds 3 --data esc10 --variants ours,before,tpe
    python benchmarks/search.py --report                     of what is stored, nothing is run

On ESC-10 (--esc10 DIR) and the built-in scenes, in the space mbconv under 128 KB. For all variants
but `before` training code, recipe, split, budget, space, time and the two worker processes are the
same: those of the study that this project plans for the data and the time.

- `ours` is `nas-asc search` of this checkout, `before` that of a commit (--before), the last
  release without rungs, by its own plan and with its own training;
- the peers of `search_peers.py` are other ways of searching; Syne Tune must be installed for one;
- `no-...` and `sampler-...` are `ours` with one part of the search switched off or exchanged.

Each cell (data, variant, seed, minutes) is stored as a JSON file when it ends, with machine and
version, and is not run again while its file is there. Each begins with the checked recordings and
without features. The models that were on the front of the validation clips at any time are judged
once on the test clips.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from search_peers import PEERS, missing_library
from search_report import as_point, write_report
from search_workers import WORKERS, Training, compete

from nas_asc.datasets import Dataset, load_dataset, synthetic_dataset
from nas_asc.files import write_atomically
from nas_asc.results.pareto import pareto_front
from nas_asc.search import Task, read_task
from nas_asc.search.storage.run_folder import read_trials
from nas_asc.study import DataSource, StudyConfig, load_study, study_toml, with_options

ROOT = Path(__file__).resolve().parents[1]
SPACE, BUDGET = "mbconv", "128KB"
DEFAULT_ESC10 = ROOT.parent / "shared" / "data" / "esc10"
RELEASE_BEFORE = "8edc00a"

# What is changed in the planned study where a part is switched off or exchanged.
PARTS: Mapping[str, Callable[[StudyConfig], dict[str, Any]]] = {
    "no-rungs": lambda study: {
        "early_stopping": {**study.early_stopping.model_dump(), "enabled": False}
    },
    "no-mutations": lambda _: {"mutations": 0.0},
    "no-report-models": lambda _: {"warm_start": False},
    **{
        f"sampler-{name}": lambda _, name=name: {"sampler": name}
        for name in ("random", "tpe", "evolution", "surrogate")
    },
}
VARIANTS = ("ours", "before", "random", "nsga2", "tpe", "pruner", "moasha", *PARTS)


@dataclass(frozen=True)
class Cell:
    """What is measured once."""

    data: str
    variant: str
    seed: int
    minutes: float

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.data}-{self.minutes:g}min-{self.variant}-{self.seed}.json"


def main() -> None:
    """Run the cells that are asked for and not stored, then write the report."""
    options = read_options()
    sources = {"scenes": DataSource()}
    if options.esc10:
        sources = {"esc10": DataSource.of(options.esc10.resolve()), **sources}
    options.results.mkdir(parents=True, exist_ok=True)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    data = sources if options.data is None else options.data.split(",")
    seeds = () if options.report else range(options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        for name, seed, variant in product(data, seeds, options.variants.split(",")):
            cell = Cell(name, variant, seed, options.minutes)
            if (options.results / cell.file).exists():
                print(f"{cell.file}: stored")
            elif library := missing_library(cell.variant):
                print(f"{cell.file}: skipped, {library} is not installed")
            else:
                recordings = Path(folder) / f"{cell.data}-{cell.seed}"
                try:
                    measure(cell, sources[cell.data], options, recordings)
                except (EOFError, subprocess.CalledProcessError) as error:
                    print(f"{cell.file}: failed, {error}")
    write_report(options.results, options.docs)


def read_options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0 to SEEDS - 1")
    parser.add_argument("--data", help="esc10, scenes or both; default: all there are")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--esc10", type=Path, metavar="DIR", help=f"default: {DEFAULT_ESC10}")
    parser.add_argument("--before", default=RELEASE_BEFORE, metavar="COMMIT")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "search_results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "search.md")
    parser.add_argument("--report", action="store_true", help="write the report only")
    options = parser.parse_args()
    if options.esc10 and not options.esc10.is_dir():
        parser.error(f"--esc10: expected a folder, found none at {options.esc10}")
    if options.esc10 is None and DEFAULT_ESC10.is_dir():
        options.esc10 = DEFAULT_ESC10
    if options.esc10 is None:
        print(f"ESC-10 is left out: it is not at {DEFAULT_ESC10}, and --esc10 does not say where")
    known = {"--data": {"scenes"} | ({"esc10"} if options.esc10 else set())}
    known["--variants"] = {*VARIANTS, *PEERS}
    for name, allowed in known.items():
        asked = {*(getattr(options, name[2:]) or "scenes").split(",")}
        if asked - allowed:
            parser.error(f"{name}: expected some of {', '.join(sorted(allowed))}")
    return options


def measure(cell: Cell, source: DataSource, options: Namespace, recordings: Path) -> None:
    """Run a cell and store what came of it; `recordings` is a cache that has no features."""
    if not recordings.exists():
        os.environ["NAS_ASC_CACHE"] = str(recordings)
        planned(source, cell)
    with tempfile.TemporaryDirectory() as folder:
        run, cache = Path(folder) / "run", Path(folder) / "cache"
        shutil.copytree(recordings, cache)
        os.environ["NAS_ASC_CACHE"] = str(cache)
        task = planned(source, cell)
        versions, busy = commit(ROOT), None
        epochs: int | None = task.config.epochs
        if cell.variant in PEERS:
            trainings = compete(PEERS[cell.variant](task), task, run)
            library = "syne-tune" if cell.variant.startswith("moasha") else "optuna"
            if cell.variant != "random":
                versions += f", {library} {version(library)}"
        elif cell.variant == "before":
            with checkout(options.before) as root:
                versions, epochs = commit(root), None  # by its own plan
                search(root, plan_options(source, cell), run)
            trainings = read_run(run)
        elif cell.variant == "ours":
            busy = search(ROOT, plan_options(source, cell), run)["utilisation"]
            trainings = read_run(run)
        else:
            study = with_options(task.config, PARTS[cell.variant](task.config))
            if study == task.config:
                print(f"{cell.file}: skipped, it is the search itself")
                return
            file = Path(folder) / "study.toml"
            file.write_text(study_toml(study), encoding="utf-8")
            busy = search(ROOT, ["--study", str(file)], run)["utilisation"]
            trainings = read_run(run)
        result = {
            **asdict(cell),
            "machine": machine(),
            "version": versions,
            "classes": len(task.dataset.classes),
            "limit_bytes": task.budget.size_bytes,
            "epochs_of_a_training": epochs,
            "utilisation": busy,
            **summed(trainings, run, task.dataset),
        }
    write_atomically(options.results / cell.file, json.dumps(result, indent=1) + "\n")
    print(f"{cell.file}: {result['completed']} trained, {result['stopped']} stopped")


def plan_options(source: DataSource, cell: Cell) -> list[str]:
    """Return the options of `nas-asc search` that have it plan the study of a cell."""
    words = ["--space", SPACE, "--budget", BUDGET, "--seed", str(cell.seed)]
    words += ["--time", f"{60 * cell.minutes:g}s"]
    return [*words, *(word for path in source.paths for word in ("--data", path))]


def planned(source: DataSource, cell: Cell) -> Task:
    """Read the data of a cell and plan its study, as `nas-asc search` does with these options."""
    given: dict[str, object] = {"space": SPACE, "budget": BUDGET, "seed": cell.seed}
    given |= {"time_s": 60 * cell.minutes, "data": source.to_dict()}
    config = with_options(load_study("planned"), given)

    def load() -> Dataset:
        return load_dataset(source, cell.seed) if source.paths else synthetic_dataset(source=source)

    return read_task(config, load, given={*given})


def search(root: Path, words: list[str], run: Path) -> dict[str, Any]:
    """Run `nas-asc search` of a checkout; return what it prints."""
    call = [sys.executable, "-c", "from nas_asc.cli import main; main()", "search", *words]
    done = subprocess.run(
        [*call, "--workers", str(WORKERS), "--out", str(run), "--json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        done.check_returncode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read_run(run: Path) -> list[Training]:
    """Read what a search has trained: all that this file knows of how a run is stored.

    When a job ended that its trial went on from is not stored. Its epochs count from just after it
    was issued at the earliest, so that there are never too few: all jobs before it but those that
    the other workers may have had by then had ended.
    """
    trials, _ = read_trials(run)
    ends = [(trial.jobs[-1].number, trial.elapsed_s) for trial in trials if trial.jobs]
    trainings = []
    for trial in trials:
        done = 0
        for job in trial.jobs[:-1]:
            before = sorted(end for number, end in ends if number < job.number)
            seconds = before[-WORKERS] if len(before) >= WORKERS else 0.0
            rested = (seconds, job.until - done, "rested", trial.size_bytes)
            trainings.append(Training(trial.number, *rested))
            done = job.until
        if trial.state not in ("completed", "stopped_early", "failed"):
            continue
        curve = trial.result.curve if trial.result else ()
        epochs = int(curve[-1]["epoch"]) - done if curve else 0
        metrics: tuple[float, ...] = ()
        if trial.result and trial.state == "completed":
            metrics = tuple(trial.result.metrics[name] for name in ("log_loss", "accuracy"))
        ended = (trial.number, trial.elapsed_s, epochs, trial.state, trial.size_bytes)
        trainings.append(Training(*ended, *metrics))
    return trainings


def summed(trainings: list[Training], run: Path, dataset: Dataset) -> dict[str, object]:
    """Return the completed trainings with the epochs of all that had ended by then, and counts.

    What was on the front when it had been trained has test figures, too.
    """
    events: list[dict[str, Any]] = []
    epochs = 0
    # what rested was issued when another ended, so after it
    for training in sorted(trainings, key=lambda each: (each.seconds, each.state == "rested")):
        epochs += training.epochs
        if training.state == "completed":
            event = {**asdict(training), "epochs": epochs, "seconds": round(training.seconds, 2)}
            del event["state"]
            events.append(event)
            point = as_point(event)
            if point in pareto_front([as_point(each) for each in events]):
                event |= judged(run / "models" / str(training.trial), dataset)
    states = [training.state for training in trainings]
    return {
        "completed": states.count("completed"),
        "stopped": states.count("stopped_early"),
        "failed": states.count("failed"),
        "epochs": epochs,
        "events": events,
    }


def judged(model: Path, dataset: Dataset) -> dict[str, float]:
    """Judge a saved model on the test clips."""
    from nas_asc import evaluate_model

    metrics = evaluate_model(model, dataset, "test")
    return {"test_log_loss": metrics.log_loss, "test_accuracy": metrics.accuracy}


def machine() -> str:
    """Name processor, cores, and whether it computes in bfloat16."""
    from nas_asc.training import bfloat16_in_words, processor

    return f"{processor()}, {os.cpu_count()} cores, {bfloat16_in_words()}"


def commit(root: Path) -> str:
    """Return the commit of a checkout, with a plus sign where its code was changed since."""
    code = ("nas_asc", "search_spaces", "studies", "benchmarks/*.py")
    changed = git(root, "status", "--porcelain", "--", *code)
    return git(root, "rev-parse", "--short", "HEAD") + ("+" if changed else "")


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Check a commit out into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "before"
        git(ROOT, "worktree", "add", "--detach", str(root), revision)
        try:
            yield root
        finally:
            git(ROOT, "worktree", "remove", "--force", str(root))


def git(root: Path, *words: str) -> str:
    """Run git in a checkout and return what it prints."""
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()

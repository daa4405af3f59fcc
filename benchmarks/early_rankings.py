"""How well a ranking after few epochs predicts the last one, by schedule; prints JSON lines.

    python benchmarks/early_rankings.py --data DIR [--minutes M] [--candidates N]

Trains the first N candidates that a search of so many minutes would (mutations of report models and
random ones below 128 KB, spread over sizes) in full, and judges them at a ninth and a third of the
epochs: with one cycle as it is, with the average of the weights, and with a constant rate that
falls to 0 over the last fifth, which is trained for each rung by itself. For each way: the rank
correlation (Spearman) of the log losses at each rung with those of the end, how much of the last
front is among the share that would go on, and the mean log loss at each rung and in the end.
"""

import json
import os
from argparse import ArgumentParser, Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import torch
from scipy.stats import spearmanr
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from nas_asc.architectures import Architecture
from nas_asc.complexity import count
from nas_asc.datasets import load_dataset
from nas_asc.features import load_inputs
from nas_asc.networks import build
from nas_asc.search import Task, read_task
from nas_asc.search.scheduler import Scheduler
from nas_asc.study import DataSource, Recipe, load_study, with_options
from nas_asc.training import Clips, EpochReport, Hooks, execution_for, train
from nas_asc.training.metrics import predict_proba, score
from nas_asc.training.parts import SCHEDULES, NoSettings, Part

SHARES = (1 / 9, 1 / 3, 1.0)
DECAY, AVERAGE = 0.2, 0.99


def falling(optimizer: Optimizer, epochs: int, epoch_steps: int, settings: NoSettings) -> LambdaLR:
    """Keep the rate, and let it fall to 0 over the last fifth."""
    steps = epochs * epoch_steps
    return LambdaLR(optimizer, lambda step: min(1.0, (steps - step) / (DECAY * steps)))


def main() -> None:
    """Train all candidates in all ways, and compare."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--candidates", type=int, default=24)
    options = parser.parse_args()
    task = task_for(options.data, options.minutes, options.candidates)
    scheduler = Scheduler(task)
    jobs = []
    for _ in range(options.candidates):
        trial = scheduler.ask()
        jobs.append((options, trial.number, trial.architecture.to_dict(), trial.seed))
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        rows = []
        for row in pool.map(losses, jobs):
            rows.append(row)
            print(json.dumps(row), flush=True)
    sizes, share = [row["size_bytes"] for row in rows], task.config.early_stopping.keep
    for way in ("one_cycle", "one_cycle, averaged", "constant, falling", "constant, averaged"):
        by_rung = [[row[way][at] for row in rows] for at in range(len(SHARES))]
        last = list(zip(sizes, by_rung[-1], strict=True))
        found = {
            "way": way,
            "rank_correlations": [
                round(spearmanr(each, by_rung[-1])[0], 2) for each in by_rung[:-1]
            ],
            "front_kept": [kept(sizes, each, last, share) for each in by_rung[:-1]],
            "mean_losses": [round(fmean(each), 3) for each in by_rung],
        }
        print(json.dumps(found), flush=True)


def task_for(data: Path, minutes: float, candidates: int) -> Task:
    """Return the task of a search whose first candidates need no results."""
    asked = {
        "space": "mbconv",
        "budget": "128KB",
        "data": DataSource.of(data).to_dict(),
        "time_s": 60 * minutes,
        "startup_trials": candidates,
        "lag": candidates,
    }
    study = with_options(load_study("planned"), asked)
    return read_task(study, lambda: load_dataset(study.data), given=set(asked))


def losses(job: tuple[Namespace, int, dict[str, object], int]) -> dict[str, object]:
    """Train one candidate in all ways; return its log losses at the rungs."""
    options, number, described, seed = job
    architecture = Architecture.from_dict(described)
    torch.set_num_threads(1)
    task = task_for(options.data, options.minutes, options.candidates)
    dataset, epochs, recipe = task.dataset, task.config.epochs, task.config.recipe
    frontend, classes = architecture.frontend, len(dataset.classes)
    inputs = [torch.from_numpy(each) for each in load_inputs(dataset, frontend, siblings=[])]
    labels = torch.tensor([clip.label for clip in dataset.clips])
    second_plane, has_level = frontend.second_window > 0, frontend.normalisation != "peak"
    clips = Clips(tuple(inputs), labels, classes, second_plane, None, has_level)
    complexity = count(architecture, classes, dataset.clip_s, task.rule)
    rungs = [max(3, round(share * epochs)) for share in SHARES]
    row: dict[str, object] = {"trial": number, "size_bytes": complexity.size_bytes}
    row["macs"] = complexity.macs

    def trained(recipe: Recipe, epochs: int, judged: list[int]) -> tuple[list[float], list[float]]:
        torch.manual_seed(seed)
        network = build(architecture, classes, dataset.clip_s)
        training, validation = (
            clips.subset(list(dataset.indices(split))) for split in ("train", "validation")
        )
        if network.standardisation is not None:
            network.standardisation.fit(training.inputs[0])
        plain: list[float] = []
        averaged: list[float] = []

        def note(report: EpochReport) -> bool:
            if report.epoch in judged:
                averaged.append(report.log_loss)
                probabilities = predict_proba(network, validation.inputs)
                plain.append(score(probabilities, validation.labels.numpy()).log_loss)
                network.train()
            return True

        hooks = Hooks(validation=validation, validation_epochs=judged, on_epoch=note)
        train(
            *(network, training, recipe, hooks),
            epochs=epochs,
            seed=seed,
            execution=execution_for(complexity),
        )
        return plain, averaged

    averaging = recipe.model_copy(update={"ema_decay": AVERAGE})
    row["one_cycle"], row["one_cycle, averaged"] = trained(averaging, epochs, rungs)
    SCHEDULES["falling"] = Part(NoSettings, falling)
    constant = averaging.model_copy(
        update={"schedule": {"name": "falling"}, "learning_rate": recipe.learning_rate / 3}
    )
    each = [trained(constant, rung, [rung]) for rung in rungs]
    row["constant, falling"] = [plain[0] for plain, _ in each]
    row["constant, averaged"] = [averaged[0] for _, averaged in each]
    return row


def kept(
    sizes: list[int], early: list[float], last: list[tuple[int, float]], share: float
) -> float:
    """Return which share of the last front is in the share of all that goes on by fronts."""
    front = {at for at, point in enumerate(last) if not dominated(point, last)}
    left, chosen = list(range(len(sizes))), list[int]()
    while len(chosen) < share * len(sizes):
        points = [(sizes[at], early[at]) for at in left]
        best = [at for at, point in zip(left, points, strict=True) if not dominated(point, points)]
        chosen += best
        left = [at for at in left if at not in best]
    return round(len(front & set(chosen)) / len(front), 2)


def dominated(point: tuple[int, float], others: list[tuple[int, float]]) -> bool:
    """Return whether another point is no worse in both, and not the same."""
    return any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in others)


if __name__ == "__main__":
    main()

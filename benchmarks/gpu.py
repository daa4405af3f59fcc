"""Trials an hour on one GPU, beside a plain PyTorch loop on it; prints one JSON object.

    python benchmarks/gpu.py [--candidates N] [--epochs N] [--workers N]

Both train the same candidates to the end, drawn from the space mbconv under 128 KB, on the built-in
scenes, with the same recipe, weights, epochs and clips; both judge the validation clips in the end.
Ours are the jobs of a search (which compress, count, store and check what they train), several side
by side in processes that share the GPU. The peer is the loop of `train.py` on the GPU, one
candidate after the other: DataLoader, float32, each batch moved to the GPU, torch's own AdamW,
OneCycleLR and moving average. Features are made before, and both have trained one candidate before
the clock starts. A second row shows ours with one process. Without a GPU it says so and ends.
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from train import CLASSES, RECIPE, plain_epochs

from nas_asc.architectures import Architecture
from nas_asc.complexity import count
from nas_asc.datasets import Dataset, synthetic_dataset
from nas_asc.features import load_inputs
from nas_asc.networks import build
from nas_asc.search import JOB_FUNCTION, RUNNERS, find_gpu, fitting_workers
from nas_asc.spaces import load_space
from nas_asc.study import DataSource, Job, JobFailed, JobFinished, Recipe
from nas_asc.training import predict_proba

SPACE, LIMIT_BYTES = "mbconv", 131_072
WANTED = 5.0  # times as many trials as the peer
_POLL_S = 1.0


@dataclass(frozen=True)
class Setting:
    """What both train: candidates, of which the first one is not counted, and how."""

    candidates: Sequence[Architecture]
    recipe: Recipe
    epochs: int
    device: str


def main() -> None:
    """Let both train, and print trials an hour."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--workers", type=int, help="default: as many as a search would have")
    options = parser.parse_args()
    gpu = find_gpu()
    if gpu is None:
        print("no GPU")
        return
    recipe = RECIPE.model_copy(update={"batch_size": 32})
    setting = Setting(drawn(options.candidates + 1), recipe, options.epochs, "cuda")
    warm_features(setting)
    workers = options.workers or fitting_workers("cuda")
    peer = trials_an_hour(setting, plain_seconds(setting))
    rows = []
    for number in dict.fromkeys((workers, 1)):
        ours = trials_an_hour(setting, seconds_of_jobs(setting, number))
        rows.append(
            {
                "case": f"{options.candidates} candidates of {SPACE}, {options.epochs} epochs, "
                f"{number} side by side",
                "ours": round(ours, 1),
                "peer": round(peer, 1),
                "peer_name": "plain PyTorch loop on the GPU, one after the other",
                "ratio": round(ours / peer, 2),
                "wanted": WANTED if number == workers else None,
                "unit": "trials an hour",
            }
        )
    result = {"benchmark": "gpu", "gpu": gpu.name, "torch": torch.__version__, "rows": rows}
    print(json.dumps(result, indent=1))


def trials_an_hour(setting: Setting, seconds: float) -> float:
    """Return how many of the candidates that are counted would be done in an hour."""
    return 3600 * (len(setting.candidates) - 1) / seconds


def scenes() -> Dataset:
    """Return the built-in scenes, as a search has them."""
    return synthetic_dataset(source=DataSource())


def drawn(number: int) -> list[Architecture]:
    """Draw candidates under the limit, always the same."""
    space, rng, clip_s = load_space(SPACE), random.Random(0), scenes().clip_s
    found: list[Architecture] = []
    while len(found) < number:
        architecture = space.random(rng)
        if count(architecture, CLASSES, clip_s).size_bytes <= LIMIT_BYTES:
            found.append(architecture)
    return found


def warm_features(setting: Setting) -> None:
    """Have the features of all candidates made and kept, for both."""
    dataset = scenes()
    for frontend in {each.frontend.feature_key for each in setting.candidates}:
        load_inputs(dataset, frontend)


def seconds_of_jobs(setting: Setting, workers: int) -> float:
    """Train the candidates as jobs of a search on so many processes; return the seconds."""
    dataset = scenes()
    runner = RUNNERS["local"](workers, JOB_FUNCTION)
    with tempfile.TemporaryDirectory() as run:
        context = {
            "data": dataset.source.to_dict(),
            "split_seed": dataset.split_seed,
            "validation_clips": None,
            "recipe": setting.recipe.to_dict(),
            "rule": "plain",
            "space": SPACE,
            "run": run,
            "device": setting.device,
        }

        def job(number: int, place: int) -> Job:
            epochs, architecture = setting.epochs, setting.candidates[place].to_dict()
            return Job(number, architecture, place, epochs, epochs, context=context)

        def do(jobs: list[Job]) -> None:
            left = len(jobs)
            by_number = {each.number: each for each in jobs}
            while left:
                while jobs and runner.free:
                    runner.submit(jobs.pop(0))
                for event in runner.poll(_POLL_S):
                    if isinstance(event, JobFailed) and event.lost and runner.capacity > 1:
                        jobs.append(by_number[event.number])
                    elif isinstance(event, JobFailed):
                        sys.exit(f"job {event.number} failed: {event.traceback or event.reason}")
                    left -= isinstance(event, JobFinished)

        try:
            # CUDA starts in each process, and libraries are loaded, before the clock does
            do([job(-1 - worker, 0) for worker in range(workers)])
            began = time.perf_counter()
            do([job(place, place) for place in range(1, len(setting.candidates))])
            return time.perf_counter() - began
        finally:
            runner.close()


def plain_seconds(setting: Setting) -> float:
    """Train the candidates by a plain loop in a process of its own; return the seconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_train_plainly, args=(setting, there))
    process.start()
    seconds = here.recv()
    process.join()
    return float(seconds)


def _train_plainly(setting: Setting, there: Connection) -> None:
    torch.set_num_threads(os.cpu_count() or 1)  # as it would be without a word about threads
    dataset, began = scenes(), 0.0
    labels = torch.tensor([clip.label for clip in dataset.clips])
    training, validation = (list(dataset.indices(s)) for s in ("train", "validation"))
    for number, architecture in enumerate(setting.candidates):
        if number == 1:
            began = time.perf_counter()
        torch.manual_seed(number)
        network = build(architecture, CLASSES, dataset.clip_s)
        (array,) = load_inputs(dataset, architecture.frontend.feature_key)
        features = torch.from_numpy(array[training])
        if network.standardisation is not None:
            network.standardisation.fit(features)
        how = (setting.recipe, setting.epochs, setting.device)
        for _ in plain_epochs(network, [features], labels[training], *how):
            pass
        predict_proba(network, torch.from_numpy(array[validation]))
    there.send(time.perf_counter() - began)


if __name__ == "__main__":
    main()

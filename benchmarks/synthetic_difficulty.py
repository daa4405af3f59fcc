"""How hard the synthetic scenes are; prints one JSON object.

    python benchmarks/synthetic_difficulty.py [--epochs N] [--seed N]

Both models learn from the training split and are judged, by macro accuracy in per cent, on the test
clips of the devices that training never heard. The linear one, logistic regression on standardised
log-mels (64 bins) averaged over the clip, sees which frequencies there are but not when: between 35
and 75 % means that spectra help and do not settle it. deepsound-64, trained for 30 epochs by the
recipe of the study "quick", should find most of the rest: between 80 and 97 %. About two minutes on
one core.
"""

import argparse
import json
import sys
import time

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nas_asc.complexity import count
from nas_asc.datasets import Dataset, synthetic_dataset
from nas_asc.features import load_inputs
from nas_asc.networks import build
from nas_asc.reports import report_model
from nas_asc.study import load_study
from nas_asc.training import Clips, EpochReport, Hooks, evaluate, execution_for, train

MODEL = "deepsound-64"
LINEAR_RANGE = (35.0, 75.0)
NETWORK_RANGE = (80.0, 97.0)


def main() -> None:
    """Measure both models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the training, not of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = synthetic_dataset()
    architecture = report_model(MODEL).architecture
    features = load_inputs(dataset, architecture.frontend)[0]
    unseen = [
        i for i in dataset.indices("test") if dataset.clips[i].device in dataset.unseen_devices
    ]
    linear = linear_accuracy(dataset, features, unseen)
    began = time.perf_counter()
    network = network_accuracy(dataset, features, unseen, options.epochs, options.seed)
    rows = [
        row("logistic regression on mean log-mels", linear, LINEAR_RANGE),
        row(f"{MODEL}, {options.epochs} epochs", network, NETWORK_RANGE),
    ]
    result = {
        "benchmark": "synthetic_difficulty",
        "data": dataset.describe(),
        "judged_clips": len(unseen),
        "unit": "% macro accuracy on devices unseen in training",
        "rows": rows,
        "train_seconds": round(time.perf_counter() - began, 1),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def row(case: str, accuracy: float, limits: tuple[float, float]) -> dict[str, object]:
    """Give one line of the result."""
    low, high = limits
    return {
        "case": case,
        "accuracy": round(accuracy, 1),
        "expected": list(limits),
        "within": low <= accuracy <= high,
    }


def linear_accuracy(dataset: Dataset, features: NDArray[np.float16], judged: list[int]) -> float:
    """Fit logistic regression on spectra without time and judge it."""
    spectra = features.astype(np.float32).mean(axis=(1, 3))
    labels = np.array([clip.label for clip in dataset.clips])
    training = list(dataset.indices("train"))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    model.fit(spectra[training], labels[training])
    predicted = model.predict(spectra[judged])
    return 100 * float(balanced_accuracy_score(labels[judged], predicted))


def network_accuracy(
    dataset: Dataset, features: NDArray[np.float16], judged: list[int], epochs: int, seed: int
) -> float:
    """Train the network as a search would and judge it."""
    architecture = report_model(MODEL).architecture
    classes = dataset.classes
    inputs = torch.from_numpy(np.array(features))
    labels = torch.tensor([clip.label for clip in dataset.clips])
    torch.manual_seed(seed)
    network = build(architecture, len(classes), dataset.clip_s)
    training = list(dataset.indices("train"))
    train(
        network,
        Clips((inputs[training],), labels[training], len(classes)),
        load_study("quick").recipe,
        Hooks(on_epoch=progress),
        epochs=epochs,
        seed=seed,
        execution=execution_for(count(architecture, len(classes), dataset.clip_s)),
    )
    return 100 * evaluate(network, inputs[judged], labels[judged], classes).accuracy


def progress(entry: EpochReport) -> bool:
    """Say on stderr how far the training is."""
    sys.stderr.write(f"epoch {entry.epoch}: loss {entry.train_loss:.3f}, {entry.seconds:.0f} s\n")
    return True


if __name__ == "__main__":
    main()

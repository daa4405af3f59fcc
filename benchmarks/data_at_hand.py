"""One command on recordings that nobody tuned for, beside a plain PyTorch loop; prints JSON lines.

    python benchmarks/data_at_hand.py [--fsdd DIR] [--esc10 DIR] [--minutes M] [--seeds N]

For FSDD (spoken digits; validation on one unseen speaker, test on another), ESC-10 and the built-in
scenes, each with N seeds: `nas-asc search` for so many minutes, then the saved model of lowest
validation log loss judged once on the test split, which the search never reads. The peer is the
loop that one writes in an hour: log-mels, three convolutions, Adam, one cycle, 6,330 parameters.
It takes the data, splits and clip length as they are read here; its time is that of training alone.
"""

import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import soundfile
import torch
from sklearn.metrics import log_loss, recall_score
from torch import nn

from nas_asc import evaluate_model
from nas_asc.datasets import Dataset, load_dataset, synthetic_dataset
from nas_asc.features import torchaudio
from nas_asc.study import DataSource

DIGITS = {
    "names": "{label}_{speaker}_{take}",
    "validation": "speaker:nicolas",
    "test": "speaker:theo",
}
SMALL_BYTES = 8 * 1024


def main() -> None:
    """Run everything, seed by seed."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fsdd", type=Path)
    parser.add_argument("--esc10", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    cases = []
    if options.fsdd:
        cases.append(("fsdd", "16KB,2MMAC", DataSource.of(options.fsdd, **DIGITS)))
    if options.esc10:
        cases.append(("esc10", "128KB", DataSource.of(options.esc10)))
    cases.append(("scenes", "128KB", None))
    for name, budget, source in cases:
        dataset = synthetic_dataset() if source is None else load_dataset(source)
        for seed in range(options.seeds):
            peer = plain_loop(dataset, seed)
            found = search(dataset, source, budget, options.minutes, seed)
            print(json.dumps({"data": name, "seed": seed, "plain_loop": peer, "search": found}))
            sys.stdout.flush()


def search(
    dataset: Dataset, source: DataSource | None, budget: str, minutes: float, seed: int
) -> dict[str, object]:
    """Run the command; judge its model of lowest log loss on the test split, and the front."""
    words = [] if source is None else ["--data", source.paths[0]]
    for name in ("names", "validation", "test"):
        if source is not None and (value := getattr(source, name)):
            words += [f"--{name}", value]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [Path(sys.executable).parent / "nas-asc", "search", "--space", "mbconv"]
        limits = ["--budget", budget, "--time", f"{60 * minutes:g}s", "--seed", str(seed)]
        began = time.monotonic()
        done = subprocess.run(
            [*command, *limits, *words, "--out", run, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr)
        seconds = time.monotonic() - began
        summary = json.loads(done.stdout)
        points = [p for p in summary["front"] if p["model"] is None] or summary["front"]
        best = min(points, key=lambda point: point["log_loss"])
        small = [point for point in points if point["size_bytes"] <= SMALL_BYTES]
        test = evaluate_model(run / "models" / str(best["trial"]), dataset, "test")
    own = summary["trials"]["completed"] - len(summary["reference"])
    return {
        "seconds": round(seconds),
        "candidates": own,
        "stopped": summary["trials"]["stopped_early"],
        "report_models": len(summary["reference"]),
        "hypervolume": summary["hypervolume"],
        "front": [figures(point) for point in summary["front"]],
        "lowest": figures(best),
        "lowest_on_test": {"accuracy": test.accuracy, "log_loss": test.log_loss},
        "small": figures(min(small, key=lambda point: point["log_loss"])) if small else None,
    }


def figures(point: dict[str, object]) -> dict[str, object]:
    """Keep what is compared of a point."""
    return {name: point[name] for name in ("size_bytes", "accuracy", "log_loss", "macs", "model")}


def plain_loop(dataset: Dataset, seed: int, epochs: int = 30, batch: int = 32) -> dict[str, object]:
    """Train a small network as one writes it, on one thread; judge it on both splits."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rate_hz = dataset.sample_rate_hz
    mel = torchaudio.transforms.MelSpectrogram(
        rate_hz, n_fft=round(0.032 * rate_hz), hop_length=round(0.016 * rate_hz), n_mels=40
    )
    waveforms = np.zeros((len(dataset.clips), round(dataset.clip_s * rate_hz)), np.float32)
    for row, clip in zip(waveforms, dataset.clips, strict=True):
        samples, own_hz = soundfile.read(clip.path, dtype="float32", always_2d=True)
        mono = torch.from_numpy(samples.mean(axis=1))
        heard = torchaudio.functional.resample(mono, own_hz, rate_hz)[: len(row)]
        row[: len(heard)] = heard
    features = torch.cat(
        [mel(part).clamp(min=1e-6).log() for part in torch.from_numpy(waveforms).split(100)]
    ).unsqueeze(1)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    train, validation, test = (list(dataset.indices(s)) for s in ("train", "validation", "test"))
    features = (features - features[train].mean()) / features[train].std()
    layers: list[nn.Module] = []
    for inside, out in ((1, 8), (8, 16), (16, 32)):
        layers += [nn.Conv2d(inside, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
        layers += [nn.MaxPool2d(2)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, len(dataset.classes))]
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    steps = epochs * -(-len(train) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    began = time.monotonic()
    for _ in range(epochs):
        for rows in torch.tensor(train)[torch.randperm(len(train))].split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(features[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    seconds = time.monotonic() - began
    network.eval()
    judged: dict[str, object] = {
        "seconds": round(seconds, 1),
        "clips_per_s": round(epochs * len(train) / seconds),
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    for name, rows in (("validation", validation), ("test", test)):
        with torch.inference_mode():
            probabilities = network(features[rows]).double().softmax(dim=1).numpy()
        truth = labels[rows].numpy()
        accuracy = recall_score(truth, probabilities.argmax(axis=1), average="macro")
        known = range(len(dataset.classes))
        loss = log_loss(truth, probabilities, labels=known)
        judged[name] = {"accuracy": accuracy, "log_loss": loss}
    return judged


if __name__ == "__main__":
    main()

"""How fast a candidate is trained, beside a plain PyTorch loop; prints one JSON object.

    python benchmarks/train.py [--repetitions N]

Clips of 5 s as 64 mel bins x 320 frames, in memory as float16, the same for both; they are random,
since speed does not depend on what they hold. Ours is `train`, in the execution that a search would
choose. The peer is the loop that one writes: DataLoader, float32, plain memory order, torch's own
AdamW, OneCycleLR and moving average, the same augmentations with one draw a batch. Each runs in a
process of its own with one thread; they take turns epoch by epoch, and each figure is the best
epoch of each, in CPU seconds, so that what else runs on the machine matters little.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from nas_asc.architectures import Architecture
from nas_asc.complexity import count
from nas_asc.features import torchaudio
from nas_asc.networks import build
from nas_asc.reports import report_model
from nas_asc.spaces import load_space
from nas_asc.study import Recipe
from nas_asc.training import Clips, Hooks, execution_for, train

CLIPS, CLASSES, CLIP_S = 96, 10, 5.0
WEIGHT_DECAY, MASK_WIDTH, MIXUP_ALPHA = 0.01, 0.15, 0.3

RECIPE = Recipe(
    optimizer={"name": "adamw", "weight_decay": WEIGHT_DECAY},
    learning_rate=0.005,
    schedule={"name": "one_cycle"},
    batch_size=16,
    loss={"name": "cross_entropy", "label_smoothing": 0.0},
    ema_decay=0.99,
    gradient_clip=1.0,
    augmentations={
        "time_shift": {"width": 0.5},
        "spec_augment": {
            "mel_masks": 1,
            "mel_mask_width": MASK_WIDTH,
            "frame_masks": 1,
            "frame_mask_width": MASK_WIDTH,
        },
        "mixup": {"alpha": MIXUP_ALPHA},
    },
)

# deepsound-64 cut down to 20,468 bytes
SMALL = {
    "stage1.depth": 1,
    "stage2.depth": 1,
    "stage3.depth": 1,
    "stage3.width": 18,
    "stage4.depth": 0,
    "head.conv": 32,
}
CASES = {
    "deepsound-64": {},
    "20 kB candidate": SMALL,
    "20 kB candidate, stem stride 2x2": SMALL | {"stem.stride": "2x2"},
}


def main() -> None:
    """Run all cases and print the result."""
    repetitions = int(sys.argv[sys.argv.index("--repetitions") + 1]) if len(sys.argv) > 1 else 6
    rows = [row(case, repetitions) for case in CASES]
    print(json.dumps({"benchmark": "train", "rows": rows}, indent=1))


def row(case: str, repetitions: int) -> dict[str, object]:
    """Let both train one candidate in turns."""
    context = multiprocessing.get_context("spawn")
    turns = []
    for contestant in (ours, plain_loop):
        here, there = context.Pipe()
        process = context.Process(target=contestant, args=(case, repetitions + 1, there))
        process.start()
        turns.append((here, process))
    seconds: list[list[float]] = [[], []]
    for _ in range(repetitions + 1):
        for times, (here, _) in zip(seconds, turns, strict=True):
            here.send(True)
            times.append(here.recv())
    for here, process in turns:
        here.send(False)
        process.join()
    best = [CLIPS / min(times[1:]) for times in seconds]  # the first epoch warms up
    complexity = count(candidate(case), CLASSES, CLIP_S)
    return {
        "case": f"{case}: {complexity.size_bytes} bytes, {complexity.macs / 1e6:.1f} MMAC",
        "ours": round(best[0], 1),
        "peer": round(best[1], 1),
        "peer_name": "plain PyTorch loop: DataLoader, float32, contiguous",
        "ratio": round(best[0] / best[1], 2),
        "unit": "clips/s",
        "execution": vars(execution_for(complexity)),
    }


def candidate(case: str) -> Architecture:
    """Give the architecture of a case."""
    deepsound = report_model("deepsound-64").architecture
    dropped = "stage4." if "stage4.depth" in CASES[case] else "none"
    choices = {path: v for path, v in deepsound.choices.items() if not path.startswith(dropped)}
    return load_space("mbconv").from_choices(choices | CASES[case])


def setting(case: str) -> tuple[Architecture, nn.Module, Tensor, Tensor]:
    """Give a case's architecture, network, features and labels."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    architecture = candidate(case)
    network = build(architecture, CLASSES, CLIP_S)
    features = torch.randn(CLIPS, *network.input_shapes[0]).half()
    return architecture, network, features, torch.arange(CLIPS) % CLASSES


def ours(case: str, epochs: int, turn: Connection) -> None:
    """Train as a search does."""
    architecture, network, features, labels = setting(case)
    train(
        network,
        Clips((features,), labels, CLASSES),
        RECIPE,
        Hooks(on_epoch=timed(turn)),
        epochs=epochs,
        seed=0,
        execution=execution_for(count(architecture, CLASSES, CLIP_S)),
    )


def timed(turn: Connection) -> Callable[[object], bool]:
    """Wait for a turn; at each call send the CPU seconds that it took and wait again."""
    go, began = turn.recv(), time.process_time()

    def done(_: object) -> bool:
        nonlocal go, began
        turn.send(time.process_time() - began)
        go, began = turn.recv(), time.process_time()
        return bool(go)

    return done


def plain_loop(case: str, epochs: int, turn: Connection) -> None:
    """Train as one does without thinking of speed."""
    _, network, features, labels = setting(case)
    data = TensorDataset(features, labels)
    loader = DataLoader(data, RECIPE.batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RECIPE.learning_rate, epochs=epochs, steps_per_epoch=len(loader)
    )
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(RECIPE.ema_decay))
    hide_mels = torchaudio.transforms.FrequencyMasking(round(64 * MASK_WIDTH))
    hide_frames = torchaudio.transforms.TimeMasking(round(320 * MASK_WIDTH))
    criterion = nn.CrossEntropyLoss()
    done = timed(turn)
    for _ in range(epochs):
        network.train()
        running = 0.0
        for batch, wanted in loader:
            batch = batch.float()
            batch = torch.roll(batch, int(torch.randint(-160, 161, ())), -1)
            batch = hide_frames(hide_mels(batch))
            share = float(torch.distributions.Beta(MIXUP_ALPHA, MIXUP_ALPHA).sample())
            partner = torch.randperm(len(batch))
            logits = network(share * batch + (1 - share) * batch[partner])
            loss = share * criterion(logits, wanted)
            loss = loss + (1 - share) * criterion(logits, wanted[partner])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), RECIPE.gradient_clip)
            optimizer.step()
            scheduler.step()
            average.update_parameters(network)
            running += loss.item()
        done(running)


if __name__ == "__main__":
    main()

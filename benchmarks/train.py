"""How fast a candidate is trained, beside a plain PyTorch loop; prints one JSON object.

    python benchmarks/train.py [--repetitions N] [--models | --augmentations]

Clips of 5 s as 64 mel bins x 320 frames, or of half a second at 8 kHz as 40 x 42, in memory as
float16, the same for both; they are random, since speed does not depend on what they hold. Ours is
`train`, in the execution that a search would choose. The peer is the loop that one writes:
DataLoader, float32, plain memory order, torch's own AdamW, OneCycleLR and moving average, the same
augmentations with one draw a batch. Each runs in a process of its own with one thread; they take
turns epoch by epoch, and each figure is the best epoch of each, in CPU seconds, so that what else
runs on the machine matters little.

Each network of the reports has a row, these alone with `--models`: on clips of its own length and
front end, with the recipe of the other rows, in batches of 16; the larger ones have few steps an
epoch.

Each augmentation has a row of its own, all that there are with `--augmentations`: the CPU time that
it takes of a step with it and no other, on batches of the 20 kB candidate and on waveforms of as
many clips, beside a step of that candidate without any. The best of some rounds counts.

Larger batches are another training, not a faster one. Their row says what becomes of the log loss:
that of the synthetic scenes, cut into windows of half a second at 8 kHz, after as many epochs of
ours with either size of batches, each the mean of three seeds; `cpu_s` is of one training.
"""

import json
import multiprocessing
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from nas_asc.architectures import Architecture, FrontEnd
from nas_asc.complexity import count
from nas_asc.datasets import synthetic_dataset
from nas_asc.features import load_inputs, torchaudio
from nas_asc.networks import build
from nas_asc.reports import report_model, report_models
from nas_asc.spaces import load_space
from nas_asc.study import DataSource, Recipe
from nas_asc.training import Clips, Hooks, execution_for, train
from nas_asc.training.parts import parts_of

CLASSES = 10
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

# Each as its report or paper has it, on all clips that it may leave as they are.
AUGMENTATIONS: dict[str, dict[str, object]] = {
    "time_crop": {"length_s": 4.0},
    "block_mixing": {"probability": 1.0, "pieces": 10},
    "temporal_mask": {"probability": 1.0, "mean_s": 4.0, "deviation_s": 1.0, "grid_s": 0.2},
    "device_impulse_response": {"probability": 1.0, "devices": 60},
    "fir_filter": {
        "probability": 1.0,
        "low_pass": {"edges_hz": [340.0, 1000.0, 2000.0], "taps": 200, "transition_hz": 300.0},
        "high_pass": {"edges_hz": [340.0, 1000.0, 2000.0], "taps": 125, "transition_hz": 250.0},
    },
    "noise": {"probability": 1.0, "lowest_db": 6.0, "highest_db": 31.0, "step_db": 1.0},
    "gain": {"range_db": 10.0},
    "level_mixup": {"alpha": 0.6},
    "warp": {"frequency_shift": 0.05, "time_stretch": 0.1},
    "time_warp": {"width": 0.1},
    **RECIPE.augmentations,
    "freq_mixstyle": {"probability": 1.0, "alpha": 0.3},
    "cutmix": {"probability": 1.0, "alpha": 1.0},
}

# deepsound-64 cut down to 20,468 bytes
SMALL = {
    "stage1.depth": 1,
    "stage2.depth": 1,
    "stage3.depth": 1,
    "stage3.width": 18,
    "stage4.depth": 0,
    "head.conv": 32,
}


def mbconv(stage: str, **choices: object) -> dict[str, object]:
    """Give the choices of a stage, by their paths."""
    fixed = {"block": "mbconv", "expand": 3, "kernel": "3x3"}
    fixed |= {"squeeze_excite": 0.25, "activation": "silu"}
    return {f"{stage}.{name}": value for name, value in (fixed | choices).items()}


# 8,898 bytes, as a plan for such clips would train
HALF_SECOND = {
    "frontend.sample_rate_hz": 8000,
    "frontend.window_ms": 32,
    "frontend.hop_ms": 12,
    "frontend.n_mels": 40,
    "frontend.f_max_share": 1.0,
    "frontend.normalisation": "standard",
    "stem.width": 8,
    "stem.kernel": "3x3",
    "stem.stride": "1x1",
    "stem.activation": "silu",
    **mbconv("stage1", depth=1, width=8, stride="2x2"),
    **mbconv("stage2", depth=2, width=12, stride="2x2"),
    "stage3.depth": 0,
    "stage4.depth": 0,
    "head.conv": 32,
    "head.activation": "silu",
    "head.pooling": "avg",
    "compression.precision": "float16",
    "compression.pruning": "none",
}


@dataclass(frozen=True)
class Case:
    """A candidate, by its choices, and what it is trained on; `compared` with smaller batches.

    One with the id of a `model` is that network of a report.
    """

    choices: dict[str, object]
    clip_s: float = 5.0
    clips: int = 96
    batch_size: int = 16
    compared: int | None = None
    model: str | None = None
    classes: int = CLASSES

    @property
    def recipe(self) -> Recipe:
        """How both train it."""
        return RECIPE.model_copy(update={"batch_size": self.batch_size})


CASES = {
    "deepsound-64": Case({}),
    "20 kB candidate": Case(SMALL),
    "20 kB candidate, stem stride 2x2": Case(SMALL | {"stem.stride": "2x2"}),
    "half-second clips at 8 kHz": Case(HALF_SECOND, 0.5, 1792, 32),  # as planned for so many
    "half-second clips at 8 kHz, larger batches": Case(HALF_SECOND, 0.5, 1792, 128, compared=32),
}
BATCH, LARGE_MACS, HUGE_MACS = 16, 200_000_000, 1_000_000_000


def of_report(name: str) -> Case:
    """Give the case of a report's network."""
    model = report_model(name)
    macs = count(model.architecture, model.classes, model.clip_s).macs
    steps = 1 if macs > HUGE_MACS else 2 if macs > LARGE_MACS else 4
    return Case({}, model.clip_s, steps * BATCH, BATCH, model=name, classes=model.classes)


MODELS = {f"report model {name}": of_report(name) for name in report_models()}
EPOCHS, SEEDS = 40, (0, 1, 2)  # of the trainings whose log loss is compared


def main() -> None:
    """Run all cases and print the result."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=6)
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--models", action="store_true", help="only the rows of report models")
    alone.add_argument("--augmentations", action="store_true", help="only their rows")
    options = parser.parse_args()
    repetitions = options.repetitions
    if options.augmentations:
        names: list[str] = []
    else:
        names = [*([] if options.models else CASES), *MODELS]
    rows = [row(name, repetitions) for name in names]
    rows += [] if options.models else augmentation_rows(repetitions)
    print(json.dumps({"benchmark": "train", "rows": rows}, indent=1))


def row(name: str, repetitions: int) -> dict[str, object]:
    """Let both train one candidate in turns."""
    case = case_of(name)
    context = multiprocessing.get_context("spawn")
    turns = []
    for contestant in (ours, plain_loop):
        here, there = context.Pipe()
        process = context.Process(target=contestant, args=(name, repetitions + 1, there))
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
    best = [case.clips / min(times[1:]) for times in seconds]  # the first epoch warms up
    complexity = count(candidate(case), case.classes, case.clip_s)
    result: dict[str, object] = {
        "case": f"{name}: {complexity.size_bytes} bytes, {complexity.macs / 1e6:.1f} MMAC",
        "ours": round(best[0], 1),
        "peer": round(best[1], 1),
        "peer_name": "plain PyTorch loop: DataLoader, float32, contiguous",
        "ratio": round(best[0] / best[1], 2),
        "unit": "clips/s",
        "step_ms": [round(1000 * case.batch_size / clips_per_s, 1) for clips_per_s in best],
        "execution": vars(execution_for(complexity)),
    }
    if case.compared:
        sizes = (case.compared, case.batch_size)
        result["trained"] = [trained(replace(case, batch_size=size)) for size in sizes]
    return result


def augmentation_rows(repetitions: int) -> list[dict[str, object]]:
    """Tell the share of a step that each augmentation takes, on log-mels and on waveforms."""
    case = CASES["20 kB candidate"]
    architecture, network, (features,), labels = setting(case)
    frontend = architecture.frontend
    plain = case.recipe.model_copy(update={"augmentations": {}})
    way = execution_for(count(architecture, CLASSES, case.clip_s))
    seconds: list[float] = []
    for _ in range(repetitions + 1):
        began = time.process_time()
        train(network, Clips((features,), labels, CLASSES), plain, epochs=1, seed=0, execution=way)
        seconds.append(time.process_time() - began)
    step_s = min(seconds[1:]) / plain.epoch_steps(case.clips)
    waveform = FrontEnd("waveform", 1, frontend.sample_rate_hz)
    waves = 0.1 * torch.randn(case.batch_size, *waveform.input_shapes(case.clip_s)[0])
    fed = {"log-mels": (features[: case.batch_size], frontend), "waveforms": (waves, waveform)}
    rows: list[dict[str, object]] = []
    for name, settings in AUGMENTATIONS.items():
        parts = parts_of(plain.model_copy(update={"augmentations": {name: settings}}))
        (augment,) = (*parts.before_standardisation, *parts.augmentations)
        result: dict[str, object] = {"case": f"augmentation {name}", "unit": "of a step"}
        for kind, (inputs, made_by) in fed.items():
            clips = Clips((inputs,), labels[: len(inputs)], CLASSES, frontend=made_by)
            batch, own = clips.batch(torch.arange(len(inputs))), []
            generator = torch.Generator().manual_seed(0)
            for _ in range(3 * repetitions + 1):
                began = time.process_time()
                augment(batch, generator)
                own.append(time.process_time() - began)
            mean_s = sum(sorted(own[1:])[: 2 * repetitions]) / (2 * repetitions)  # chance decides
            result[kind] = round(mean_s / (mean_s + step_s), 3)
            result[f"{kind}_ms"] = round(1000 * mean_s, 2)
        rows.append(result)
    return rows


def trained(case: Case) -> dict[str, object]:
    """Train on the synthetic scenes; tell the log loss reached on their validation files."""
    torch.set_num_threads(1)
    architecture = candidate(case)
    dataset = synthetic_dataset(source=DataSource(window_s=case.clip_s))
    arrays = load_inputs(dataset, architecture.frontend.feature_key)
    labels = torch.tensor([clip.label for clip in dataset.clips])
    files = torch.tensor(dataset.file_numbers)
    clips = Clips(tuple(map(torch.from_numpy, arrays)), labels, CLASSES, files=files)
    training, validation = (clips.subset(list(dataset.indices(s))) for s in ("train", "validation"))
    losses, began = [], time.process_time()
    for seed in SEEDS:
        torch.manual_seed(seed)
        network = build(architecture, CLASSES, case.clip_s)
        network.standardisation.fit(training.inputs[0])
        way = execution_for(count(architecture, CLASSES, case.clip_s))
        hooks = Hooks(validation=validation, validation_epochs=(EPOCHS,))
        history = train(
            network, training, case.recipe, hooks, epochs=EPOCHS, seed=seed, execution=way
        )
        losses.append(history[-1].log_loss)
    return {
        "batch_size": case.batch_size,
        "epochs": EPOCHS,
        "steps": EPOCHS * case.recipe.epoch_steps(len(training)),
        "log_loss": round(sum(losses) / len(SEEDS), 3),
        "cpu_s": round((time.process_time() - began) / len(SEEDS), 1),
    }


def candidate(case: Case) -> Architecture:
    """Give the architecture of a case."""
    if case.model is not None:
        return report_model(case.model).architecture
    deepsound = report_model("deepsound-64").architecture
    dropped = "stage4." if "stage4.depth" in case.choices else "none"
    choices = {path: v for path, v in deepsound.choices.items() if not path.startswith(dropped)}
    if "frontend.n_mels" in case.choices:  # complete by itself
        choices = {}
    return load_space("mbconv").from_choices(choices | case.choices)


def case_of(name: str) -> Case:
    """Give the case of a name."""
    return CASES[name] if name in CASES else MODELS[name]


def setting(case: Case) -> tuple[Architecture, nn.Module, list[Tensor], Tensor]:
    """Give a case's architecture, network, inputs and labels."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    architecture = candidate(case)
    network = build(architecture, case.classes, case.clip_s)
    inputs = [torch.randn(case.clips, *shape).half() for shape in network.input_shapes]
    return architecture, network, inputs, torch.arange(case.clips) % case.classes


def ours(name: str, epochs: int, turn: Connection) -> None:
    """Train as a search does."""
    case = case_of(name)
    architecture, network, inputs, labels = setting(case)
    second_plane = architecture.frontend.second_window > 0
    train(
        network,
        Clips(tuple(inputs), labels, case.classes, second_plane),
        case.recipe,
        Hooks(on_epoch=timed(turn)),
        epochs=epochs,
        seed=0,
        execution=execution_for(count(architecture, case.classes, case.clip_s)),
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


def plain_loop(name: str, epochs: int, turn: Connection) -> None:
    """Train as one does without thinking of speed."""
    case = case_of(name)
    _, network, inputs, labels = setting(case)
    done = timed(turn)
    for _ in plain_epochs(network, inputs, labels, case.recipe, epochs):
        done(None)


def plain_epochs(
    network: nn.Module,
    inputs: Sequence[Tensor],
    labels: Tensor,
    recipe: Recipe,
    epochs: int,
    device: str = "cpu",
) -> Iterator[float]:
    """Train a network on a device by the loop that one writes; yield the mean loss of each epoch.

    What a recipe has besides sizes and rates is that of `RECIPE`. The first input is shifted and
    masked, a waveform in time alone; all are mixed.
    """
    network.to(device)
    *_, mels, frames = inputs[0].shape
    data = TensorDataset(*inputs, labels)
    loader = DataLoader(data, recipe.batch_size, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, epochs=epochs, steps_per_epoch=len(loader)
    )
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay))
    hide_mels = torchaudio.transforms.FrequencyMasking(round(mels * MASK_WIDTH))
    hide_frames = torchaudio.transforms.TimeMasking(round(frames * MASK_WIDTH))
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        network.train()
        running = 0.0
        for *batches, wanted in loader:
            batch, *others = (each.to(device).float() for each in batches)
            wanted = wanted.to(device)
            batch = torch.roll(batch, int(torch.randint(-frames // 2, frames // 2 + 1, ())), -1)
            batch = hide_frames(hide_mels(batch) if batch.dim() == 4 else batch)
            share = float(torch.distributions.Beta(MIXUP_ALPHA, MIXUP_ALPHA).sample())
            partner = torch.randperm(len(batch))
            mixed = [share * each + (1 - share) * each[partner] for each in (batch, *others)]
            logits = network(*mixed)
            loss = share * criterion(logits, wanted)
            loss = loss + (1 - share) * criterion(logits, wanted[partner])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
            optimizer.step()
            scheduler.step()
            average.update_parameters(network)
            running += loss.item()
        yield running / len(loader)


if __name__ == "__main__":
    main()

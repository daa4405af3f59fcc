"""How good a network is, on clips that it has not seen.

Conventions, those of the official tools: accuracy is macro, the mean over classes of the share of a
class's clips that are right; log loss is the mean over clips (not over classes) of -ln of the true
class's probability, in float64, probabilities clipped at 1e-15 and renormalised. For a class or a
device both are the same figures of its clips alone. Of equal probabilities the first class wins.

Where clips are windows of files, all of these are figures of files, whose probabilities are the
means of those of their windows; what is known of the windows by themselves is named so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas_asc.training.batches import Clips

SMALLEST = 1e-15  # probability

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]
Inputs = Tensor | tuple[Tensor, ...]  # of a network with one input, or with several


@dataclass(frozen=True)
class Score:
    """Macro accuracy, 0 to 1, and log loss of some clips."""

    clips: int
    accuracy: float
    log_loss: float


@dataclass(frozen=True)
class Metrics:
    """What a network reached on all clips, and on parts of them.

    Attributes:
        per_class: a class without a clip is left out, here and in `accuracy`.
        per_device: by recording device; empty where devices are not known.
        unseen_devices: of all clips of devices that training had none of, if there are any.
        windows, window_accuracy, window_log_loss: of the windows of files, where clips are windows.
    """

    accuracy: float
    log_loss: float
    clips: int
    per_class: dict[str, Score]
    per_device: dict[str, Score]
    unseen_devices: Score | None = None
    windows: int | None = None
    window_accuracy: float | None = None
    window_log_loss: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the metrics as JSON; without windows there are no figures of them."""
        values = asdict(self)
        if self.windows is None:
            return {name: each for name, each in values.items() if not name.startswith("window")}
        return values


def evaluate(
    network: nn.Module,
    inputs: Inputs,
    labels: Tensor,
    classes: Sequence[str],
    devices: Sequence[str | None] | None = None,
    training_devices: Sequence[str | None] | None = None,
    files: Sequence[int] | None = None,
) -> Metrics:
    """Judge a network that gives logits, (batch, class), on labelled clips.

    Inputs are features, (clip, ...), of any floating type, a tuple of them where a network has
    several; labels (clip,), of `classes` in the order of the logits. `devices` are those of the
    clips, None where it is not known; one that is not among `training_devices` is unseen. Where
    clips are windows, `files` numbers the file of each.

    Raises:
        ValueError: there is no clip.
    """
    probabilities, truth = predict_proba(network, inputs), labels.cpu().numpy()
    return compute_metrics(probabilities, truth, classes, devices, training_devices, files)


def compute_metrics(
    probabilities: Probabilities,
    labels: Labels,
    classes: Sequence[str],
    devices: Sequence[str | None] | None = None,
    training_devices: Sequence[str | None] | None = None,
    files: Sequence[int] | None = None,
) -> Metrics:
    """Compute the metrics of class probabilities, (clip, class); arguments as of `evaluate`."""
    windows = None
    if files is not None:
        windows = score(probabilities, labels)
        probabilities, first = file_means(probabilities, files)
        labels, devices = labels[first], [devices[i] for i in first] if devices else None
    total = score(probabilities, labels)

    def part(chosen: NDArray[np.bool_]) -> Score:
        return score(probabilities[chosen], labels[chosen])

    per_class = {name: part(labels == c) for c, name in enumerate(classes) if (labels == c).any()}
    names = np.array([device or "" for device in devices or [None] * len(labels)])
    per_device = {str(name): part(names == name) for name in np.unique(names) if name}
    unseen = None
    if training_devices is not None:
        new = (names != "") & ~np.isin(names, [device or "" for device in training_devices])
        unseen = part(new) if new.any() else None
    found = Metrics(total.accuracy, total.log_loss, total.clips, per_class, per_device, unseen)
    if windows is None:
        return found
    return replace(
        found,
        windows=windows.clips,
        window_accuracy=windows.accuracy,
        window_log_loss=windows.log_loss,
    )


def file_means(
    probabilities: Probabilities, files: Sequence[int] | Labels
) -> tuple[Probabilities, Labels]:
    """Compute the mean probabilities, (file, class), of the windows of each file, by its number.

    Also returns where each file has its first window.
    """
    _, first, file_of = np.unique(files, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), probabilities.shape[1]))
    np.add.at(sums, file_of, probabilities)
    return sums / np.bincount(file_of)[:, None], first


def score(probabilities: Probabilities, labels: Labels) -> Score:
    """Compute macro accuracy and log loss of class probabilities, (clip, class).

    Raises:
        ValueError: there is no clip.
    """
    if len(labels) == 0:
        raise ValueError("expected at least one clip, found none")
    right = probabilities.argmax(axis=1) == labels
    accuracy = np.mean([right[labels == c].mean() for c in np.unique(labels)])
    return Score(len(labels), float(accuracy), float(clip_losses(probabilities, labels).mean()))


def clip_losses(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Compute -ln of the true class's probability of each clip, (clip,), as this page says."""
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    true = clipped[np.arange(len(labels)), labels] / clipped.sum(axis=1)
    return np.asarray(-np.log(true))


def predict_proba(
    network: nn.Module, inputs: Inputs | Clips, batch_size: int = 64
) -> Probabilities:
    """Compute the class probabilities of each clip, (clip, class), in float32.

    On the device of the network. Inputs are as of `evaluate`, or clips, of which a batch at a time
    is in memory; they may lie on that device too, or in the CPU's memory.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    batches: Iterable[tuple[Tensor, ...]]
    if isinstance(inputs, Clips):
        batches = inputs.parts(batch_size)
    else:
        each = (inputs,) if isinstance(inputs, Tensor) else inputs
        batches = zip(*[torch.split(x, batch_size) for x in each], strict=True)
    with torch.inference_mode():
        logits = [
            network(*[part.to(device, torch.float32) for part in parts]).double()
            for parts in batches
        ]
    network.train(was_training)
    return np.asarray(torch.cat(logits).cpu().softmax(dim=1).numpy(), dtype=np.float64)

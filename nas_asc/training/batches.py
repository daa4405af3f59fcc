"""What a training is fed: clips in memory, and batches of them."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot


@dataclass(frozen=True)
class Batch:
    """Clips on their way into a network, changed by one augmentation after the other.

    Attributes:
        inputs: of the network, float32, (batch, ...) each: log-mels (batch, channels, mel, frame)
            or waveforms (batch, channels, sample). What stands beside the first is a summary of the
            clip, which only its gain or a blend of clips may change.
        targets: probabilities, (batch, class).
        class_weights: of the training, (class,); see `Clips`.
        second_plane: whether the first input's second channel is a transposed spectrogram,
            (frame, mel) by itself.
        has_level: whether louder clips have larger values, by their logarithm if log-mels.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor
    second_plane: bool = False
    class_weights: Tensor | None = None
    has_level: bool = True


@dataclass(frozen=True)
class Clips:
    """Labelled clips in memory, one tensor for each input of a network, as of `Batch`.

    Attributes:
        inputs: features, (clip, ...) of any floating type.
        labels: class, one of `n_classes`, of each clip, int64, (clip,).
        files: number of the file that each is a window of, (clip,); None where each is a file.
    """

    inputs: tuple[Tensor, ...]
    labels: Tensor
    n_classes: int
    second_plane: bool = False
    files: Tensor | None = None
    has_level: bool = True

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def class_weights(self) -> Tensor:
        """Weights that make the classes count alike: clips / (classes x clips of the class)."""
        counts = self.labels.bincount(minlength=self.n_classes)
        weights = len(self.labels) / (self.n_classes * counts)
        return torch.where(counts > 0, weights, 0.0)

    @cached_property
    def targets(self) -> Tensor:
        """Probability of each class, 1 or 0, (clip, class)."""
        return one_hot(self.labels, self.n_classes).float()

    def subset(self, indices: list[int]) -> "Clips":
        """Return some of the clips."""
        inputs = tuple(each[indices] for each in self.inputs)
        files = None if self.files is None else self.files[indices]
        return replace(self, inputs=inputs, labels=self.labels[indices], files=files)

    def to(self, device: torch.device) -> "Clips":
        """Return the clips in a device's memory, all of them."""
        inputs = tuple(each.to(device) for each in self.inputs)
        there = replace(self, inputs=inputs, labels=self.labels.to(device))
        # counted before they are moved: a GPU would be waited for, in the midst of a step
        values = {"targets": self.targets, "class_weights": self.class_weights}
        vars(there).update({name: each.to(device) for name, each in values.items()})
        return there

    def batch(self, chosen: Tensor) -> Batch:
        """Return the batch of the chosen clips."""
        inputs = tuple(each.index_select(0, chosen).float() for each in self.inputs)
        targets = self.targets.index_select(0, chosen)
        return Batch(inputs, targets, self.second_plane, self.class_weights, self.has_level)

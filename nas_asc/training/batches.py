"""What a training is fed: clips whose features lie in memory or in the cache, and batches of them.

Conventions: some of the clips are the same features with other row numbers. Nothing is copied but
the rows of a batch, so that features may be larger than memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from nas_asc.architectures import FrontEnd
from nas_asc.features import MappedPages

_MOVED = 1024  # clips that are on their way to another device at a time


@dataclass(frozen=True)
class Batch:
    """Clips on their way into a network, changed by one augmentation after the other.

    Attributes:
        inputs: of the network, float32, (batch, ...) each: log-mels (batch, channels, mel, frame)
            or waveforms (batch, channels, sample). What stands beside the first is a summary of the
            clip, which follows it until it is standardised, and blends of clips thereafter.
        targets: probabilities, (batch, class).
        teacher: what teachers give the clips, likewise; None where there are none. Before
            `time_crop` it is (batch, place, class) where they have heard crops.
        class_weights: of the training, (class,); see `Clips`.
        second_plane: whether the first input's second channel is a transposed spectrogram,
            (frame, mel) by itself.
        has_level: whether louder clips have larger values, by their logarithm if log-mels.
        frontend: what made the features; None where it is not known.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor
    second_plane: bool = False
    class_weights: Tensor | None = None
    has_level: bool = True
    teacher: Tensor | None = None
    frontend: FrontEnd | None = None

    def with_blended_targets(self, partner: Tensor, share: Tensor) -> "Batch":
        """Blend what each clip is to give with that of another, the targets and the teacher's.

        Whoever blends clips calls it. What teachers would say of a blend is taken to be the blend
        of what they say, since they hear no blends.

        Args:
            partner: index of the other clip, (batch,).
            share: of the clip itself, 0 to 1, (batch,).
        """
        teacher = self.teacher if self.teacher is None else blend(self.teacher, partner, share)
        return replace(self, targets=blend(self.targets, partner, share), teacher=teacher)


def blend(values: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Blend the values of each clip, (batch, ...), with those of its partner, by its own share."""
    column = share.to(values).view(-1, *[1] * (values.dim() - 1))
    return torch.lerp(values.index_select(0, partner), values, column)


@dataclass(frozen=True)
class Clips:
    """Labelled clips, with one tensor for each input of a network, as of `Batch`.

    Attributes:
        inputs: features, (row, ...) of any floating type, in memory or mapped from the cache.
        labels: class, one of `n_classes`, of each clip, int64, (clip,).
        files: number of the file that each is a window of, (clip,); None where each is a file.
        rows: where each clip stands in the inputs, int64, (clip,); None where they are all of them,
            in order.
        pages: of inputs that are mapped, what this process holds of them.
        teacher: class probabilities that teachers give each clip, float32, (clip, class); where
            they have heard the crops of it, one at each of some places, (clip, place, class).
        named_weights: of the classes, float32, (class,), that a recipe gives by name; None where
            they are to count alike.
    """

    inputs: tuple[Tensor, ...]
    labels: Tensor
    n_classes: int
    second_plane: bool = False
    files: Tensor | None = None
    has_level: bool = True
    rows: Tensor | None = None
    pages: MappedPages | None = None
    teacher: Tensor | None = None
    named_weights: Tensor | None = None
    frontend: FrontEnd | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def input_lengths(self) -> list[int]:
        """How many clips there are by each input."""
        return [len(each if self.rows is None else self.rows) for each in self.inputs]

    @cached_property
    def class_weights(self) -> Tensor:
        """Weights by name, or those that make classes alike: clips / (classes x its clips)."""
        if self.named_weights is not None:
            return self.named_weights.to(self.labels.device)
        counts = self.labels.bincount(minlength=self.n_classes)
        weights = len(self.labels) / (self.n_classes * counts)
        return torch.where(counts > 0, weights, 0.0)

    @cached_property
    def _class_targets(self) -> Tensor:
        """What a clip of each class is to give: 1 for the class, 0 for others, (class, class)."""
        return torch.eye(self.n_classes, device=self.labels.device)

    def subset(self, indices: Sequence[int]) -> "Clips":
        """Return some of the clips; they share the features of these."""
        chosen = torch.tensor(indices, dtype=torch.int64, device=self.labels.device)
        rows = chosen if self.rows is None else self.rows[chosen]
        files = None if self.files is None else self.files[chosen]
        teacher = None if self.teacher is None else self.teacher[chosen]
        labels = self.labels[chosen]
        return replace(self, labels=labels, files=files, rows=rows, teacher=teacher)

    def to(self, device: torch.device) -> "Clips":
        """Return the clips in a device's memory; the same where they are there."""
        if device == self.labels.device:
            return self
        inputs = tuple(
            torch.empty((len(self), *each.shape[1:]), dtype=each.dtype, device=device)
            for each in self.inputs
        )
        places = zip(*[torch.split(each, _MOVED) for each in inputs], strict=True)
        for there, here in zip(places, self.parts(_MOVED), strict=True):
            for one, other in zip(there, here, strict=True):
                one.copy_(other)
        teacher = None if self.teacher is None else self.teacher.to(device)
        moved = replace(
            self,
            inputs=inputs,
            labels=self.labels.to(device),
            rows=None,
            pages=None,
            teacher=teacher,
        )
        # counted before they are moved: a GPU would be waited for, in the midst of a step
        values = {"_class_targets": self._class_targets, "class_weights": self.class_weights}
        vars(moved).update({name: each.to(device) for name, each in values.items()})
        return moved

    def batch(self, chosen: Tensor) -> Batch:
        """Return the batch of the chosen clips."""
        inputs = tuple(each.float() for each in self._features(chosen))
        targets = self._class_targets.index_select(0, self.labels.index_select(0, chosen))
        teacher = None if self.teacher is None else self.teacher.index_select(0, chosen)
        facts = (self.second_plane, self.class_weights, self.has_level, teacher, self.frontend)
        return Batch(inputs, targets, *facts)

    def parts(self, size: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield the features of all clips in order, so many clips at a time, for each input."""
        for chosen in torch.split(torch.arange(len(self), device=self.labels.device), size):
            yield self._features(chosen)

    def _features(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """Copy the features of the chosen clips, for each input."""
        rows = chosen if self.rows is None else self.rows.index_select(0, chosen)
        features = tuple(each.index_select(0, rows) for each in self.inputs)
        if self.pages is not None:
            self.pages.limit()
        return features

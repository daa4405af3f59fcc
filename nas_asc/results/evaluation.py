"""What a judged network reached, part by part, as a value.

Conventions: accuracies are shares, 0 to 1, and percent in tables; losses are in nats. A part is
`all`, a `class`, a `device`, a group of `devices` ("seen" or "unseen" in training) or a `city`. The
rows of a confusion matrix are true classes, its columns predicted ones. Figures are defined in
`Part`.
"""

from dataclasses import asdict, dataclass

CALIBRATION_BINS = 15
RESAMPLES, FEWEST_GROUPS = 1000, 5


@dataclass(frozen=True)
class Interval:
    """What a figure lies in with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """The figures of some clips.

    Attributes:
        kind, name: what they have in common, such as "device" and "s4".
        seen: of a device, or a group of them, whether training had clips of it; else None.
        groups: recordings (or their places) that they come from.
        accuracy: macro: the mean over classes of the share of a class's clips that are right.
        log_loss: the mean over clips of -ln of the true class's probability, as scikit-learn's.
        log_loss_macro: the mean over classes of a class's `log_loss`.
        calibration_error: expected calibration error (Guo et al. 2017, arXiv 1706.04599): the mean
            over clips of |share that is right - mean confidence| of a clip's bin, of 15 of equal
            width, by the probability of the predicted class. None of a class, whose clips are
            chosen by the truth.
        accuracy_interval, log_loss_interval: from 1000 resamples of the groups with replacement,
            2.5th to 97.5th percentile (Efron 1979); None with fewer than five groups.
    """

    kind: str
    name: str
    clips: int
    groups: int
    accuracy: float
    log_loss: float
    log_loss_macro: float
    calibration_error: float | None = None
    accuracy_interval: Interval | None = None
    log_loss_interval: Interval | None = None
    seen: bool | None = None

    def to_row(self) -> dict[str, object]:
        """Return the figures by column of the CSV; what is None is not known."""
        row: dict[str, object] = {"part": self.kind, "name": self.name}
        for figure, value in asdict(self).items():
            if figure.endswith("_interval"):
                name = figure.removesuffix("_interval")
                row |= {f"{name}_{end}": (value or {}).get(end) for end in ("low", "high")}
            elif figure not in ("kind", "name"):
                row[figure] = value
        return row


@dataclass(frozen=True)
class Evaluation:
    """What a network reached on clips, and on parts of them; all of them are the first part.

    Attributes:
        model: whose network it is.
        data: the name of the recordings; that of synthetic ones begins so.
        split: "test", "validation", or "all" for every clip of a data set.
        confusion: clips by true class, then by predicted class.
        notes: what else is to be known of the figures, a sentence each.
        windows, window_accuracy, window_log_loss: of single windows of files, where files are cut
            into them; all else is of files then.
    """

    model: str
    data: str
    split: str
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    confusion: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...] = ()
    windows: int | None = None
    window_accuracy: float | None = None
    window_log_loss: float | None = None

    @property
    def overall(self) -> Part:
        """The figures of all clips."""
        return self.parts[0]

    def of(self, kind: str) -> dict[str, Part]:
        """Return the parts of a kind by name: "class", "device", "devices" or "city"."""
        return {part.name: part for part in self.parts if part.kind == kind}

    def to_dict(self) -> dict[str, object]:
        """Return the evaluation as JSON: a list of `parts`, and what the figures are."""
        values = asdict(self)
        if self.windows is None:
            values = {name: each for name, each in values.items() if not name.startswith("window")}
        interval = {"level": 0.95, "method": "percentile bootstrap over groups"}
        interval |= {"resamples": RESAMPLES, "fewest_groups": FEWEST_GROUPS}
        values["parts"] = [part.to_row() for part in self.parts]
        return values | {"intervals": interval, "calibration_bins": CALIBRATION_BINS}

"""Counting rules: which parameters count, what a byte and a KB are, and what is allowed.

Conventions: a rule is a value. `batch_norm` is the number of values counted per channel of a batch
normalisation: 0, 1 (scale), 2 (scale and shift) or 4 (and the two running statistics). A size in
KB is bytes / `kb`. Limits are hard and inclusive; None means no such limit.

Sources: the organisers' calculators and baselines of each edition, and the five technical reports
whose ways of counting differ (docs/rules.md names them one by one).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nas_asc.errors import ConfigError, nearest

# With activations in int8 too, which is as much as integer arithmetic needs.
FULL_INT8 = "full_int8"
INT8 = ("int8", FULL_INT8)  # kernels are
BYTES_PER_VALUE: Mapping[str, int] = {
    **{"float32": 4, "float16": 2, "bfloat16": 2},
    **dict.fromkeys(INT8, 1),
}
BYTES_PER_RANGE = 3  # of int8 activations: a float16 scale and an int8 zero point


@dataclass(frozen=True)
class CountingRule:
    """One way to count a network and the limits that go with it.

    Attributes:
        zeros_counted: whether values that pruning removed still count.
        compact: sizes are what a compact file holds (bit masks, int8 scales), not count x bytes.
        nonzero_sized: whether the size is that of the non-zero values although the count of
            parameters has the zeros too: the reports that print both do so.
        nonzero_main_norms: whether the non-zero count has the batch norms outside shortcuts.
        judged_macs: "macs" (convolution and linear multiply-accumulates) or "macs_torchinfo".
        precisions: the stored precisions that the rule admits.
        clip_s: the clip length that the limits are meant for, in seconds; None for any.
    """

    id: str
    title: str
    batch_norm: int
    kb: int = 1024
    source: str = ""
    biases: bool = True
    zeros_counted: bool = True
    compact: bool = False
    nonzero_sized: bool = False
    nonzero_main_norms: bool = True
    max_bytes: int | None = None
    max_params: int | None = None
    max_macs: int | None = None
    judged_macs: str = "macs"
    precisions: tuple[str, ...] = tuple(BYTES_PER_VALUE)
    clip_s: float | None = None
    metric: str = "log_loss"
    notes: tuple[str, ...] = ()

    def clip_remark(self, clip_s: float) -> str | None:
        """Return a remark if its limits are meant for clips of another length, else None."""
        if self.clip_s in (None, clip_s):
            return None
        return f"the limits are meant for clips of {self.clip_s:g} s, here they are {clip_s:g} s"


# What the editions have in common whose networks NeSsi counts: those since 2022.
_NESSI = CountingRule(
    id="",
    title="",
    batch_norm=2,
    kb=1000,
    max_bytes=128_000,
    max_macs=30_000_000,
    judged_macs="macs_torchinfo",
    clip_s=1.0,
    metric="accuracy",
)

RULES: dict[str, CountingRule] = {
    rule.id: rule
    for rule in (
        CountingRule(
            id="plain",
            title="what a compact file holds: weights, biases, batch norm scale and shift",
            batch_norm=2,
            compact=True,
            source="this project",
            notes=(
                "a tensor pruned without structure costs min(dense, ceil(n / 8) + kept x bytes), "
                "one pruned by channels min(dense, ceil(channels / 8) + kept x bytes)",
                "int8: 1 byte per convolution or linear weight, one float16 scale per output "
                "channel, everything else float16",
                "full_int8: as int8, and a float16 scale and an int8 zero point, 3 bytes, for each "
                "tensor that is kept between layers",
            ),
        ),
        CountingRule(
            id="dcase2020-1b",
            title="DCASE 2020 task 1B: 500 KB of non-zero parameters, batch norm free",
            batch_norm=0,
            zeros_counted=False,
            max_bytes=512_000,
            clip_s=10.0,
            metric="accuracy",
            source="toni-heittola/dcase2020_task1_baseline, model_size_calculation.py",
        ),
        CountingRule(
            id="dcase2021-1a",
            title="DCASE 2021 task 1A: 128 KB of non-zero parameters",
            batch_norm=4,
            zeros_counted=False,
            max_bytes=131_072,
            clip_s=10.0,
            source="marmoi/dcase2021_task1a_baseline, model_size_calculation.py (Keras path)",
            notes=(
                "the calculator sees all four batch norm vectors of a Keras model",
                "the baseline's README writes 128,000 bytes; its calculator prints KB of 1024",
            ),
        ),
        replace(
            _NESSI,
            id="dcase2022-1",
            title="DCASE 2022 task 1: 128 K parameters in int8, 30 M multiply-accumulates",
            max_params=128_000,
            precisions=INT8,
            metric="log_loss",
            source="marmoi/dcase2022_task1_baseline; AlbertoAncilotto/NeSsi (PyTorch path)",
        ),
        replace(
            _NESSI,
            id="dcase2023-1",
            title="DCASE 2023 task 1: 128 K bytes, 30 M multiply-accumulates",
            source="DCASE 2023 task page; AlbertoAncilotto/NeSsi (PyTorch path)",
            notes=("the base of the KB could not be read in the rule text; 1000 is the safe one",),
        ),
        replace(
            _NESSI,
            id="dcase2024-1",
            title="DCASE 2024 task 1: 128 kB, 30 M multiply-accumulates",
            source="CPJKU/dcase2024_task1_baseline, helpers/nessi.py",
        ),
        replace(
            _NESSI,
            id="dcase2025-1",
            title="DCASE 2025 task 1: 128 kB, 30 M multiply-accumulates, per device model",
            source="CPJKU/dcase2025_task1_baseline, helpers/complexity.py",
            notes=("the limits hold for each device's model on its own",),
        ),
        CountingRule(
            id="srpol",
            title="as the SRPOL report counts: weights and biases, no batch norm",
            batch_norm=0,
            source="SRPOL, DCASE 2020 task 1B, tables 2, 3 and 5",
        ),
        CountingRule(
            id="srpol-3",
            title="as the SRPOL report counts model 3: four values per batch norm channel",
            batch_norm=4,
            source="SRPOL, DCASE 2020 task 1B, table 4",
        ),
        CountingRule(
            id="ntu",
            title="as the NTU report counts: non-zeros, four values per batch norm channel",
            batch_norm=4,
            nonzero_sized=True,
            source="NTU, DCASE 2020 task 1B, table 1",
        ),
        CountingRule(
            id="imt",
            title="as the IMT report counts: weights and batch norm scales, no biases",
            batch_norm=1,
            biases=False,
            nonzero_sized=True,
            nonzero_main_norms=False,
            source="IMT Atlantique, DCASE 2020 task 1B, per-layer tables",
            notes=(
                "the non-zero count, which gives the size, leaves out the layers called bn; the "
                "batch norms of shortcuts have another name and stay",
            ),
        ),
    )
}


def counting_rule(rule_id: str, *others: str) -> CountingRule:
    """Look up a counting rule; a refusal also names the `others` that may stand for one here.

    Raises:
        ConfigError: there is no such rule.
    """
    try:
        return RULES[rule_id]
    except KeyError:
        known = [*RULES, *others]
        raise ConfigError(
            f"rule: expected one of {', '.join(known)}; got {rule_id!r}{nearest(rule_id, known)}"
        ) from None

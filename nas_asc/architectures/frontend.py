"""The front end: what the network is fed, as numbers that decide shapes.

Conventions: shapes are (channels, mel, frame) or (channels, samples), for one clip, without the
batch axis. Lengths are in samples at `sample_rate_hz`, unless a name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

Shape = tuple[int, ...]

FEATURES_VERSION = 3  # raised when the same clips and front end begin to give other numbers

# How clips come to the front end's rate: by a long windowed sinc, or by cutting their spectrum off.
RESAMPLINGS = ("sinc", "fourier")


@dataclass(frozen=True)
class FrontEnd:
    """One front end.

    `normalisation`: "none"; "batch_norm" (a layer of the network, per mel bin, counted); "standard"
    (per mel bin, mean and deviation over the training clips, not counted); "peak" (per clip).

    Attributes:
        mean_spectrum: whether the mean over time of every mel bin, before any normalisation, is a
            second input of the network.
        second_window: window of a second log-mel spectrogram, transposed to the shape of the first
            and a second channel beside it; 0 for none.
        resampling: one of `RESAMPLINGS`.
    """

    kind: str
    channels: int
    sample_rate_hz: int
    window: int = 0
    hop: int = 0
    n_fft: int = 0
    center: bool = True
    window_function: str = "hann"
    n_mels: int = 0
    f_min_hz: float = 0.0
    f_max_hz: float = 0.0
    normalisation: str = "none"
    mean_spectrum: bool = False
    second_window: int = 0
    resampling: str = RESAMPLINGS[0]

    @property
    def feature_key(self) -> "FrontEnd":
        """The one that stands for all with its features, of which only a "peak" is a part."""
        return self if self.normalisation == "peak" else replace(self, normalisation="none")

    def samples(self, clip_s: float) -> int:
        """Count the samples of a clip of `clip_s` seconds."""
        return round(clip_s * self.sample_rate_hz)

    def frames(self, clip_s: float) -> int:
        """Count the frames of a clip of `clip_s` seconds, at least one."""
        return self.frames_of(self.samples(clip_s))

    def frames_of(self, samples: int) -> int:
        """Count the frames of so many samples, as torch.stft does, at least one.

        Centred, a clip is mirrored by n_fft // 2 at both ends: an odd n_fft lacks a sample.
        """
        padding = 2 * (self.n_fft // 2) if self.center else 0
        return max(1, 1 + (samples + padding - self.n_fft) // self.hop)

    def spectrograms(self, clip_s: float) -> "tuple[FrontEnd, ...]":
        """Return the front end of each spectrogram, the second as it is before it is transposed.

        Lengths of the second depend on the clip's: as many mel bins as the first has frames, and
        the hop that makes as many centred frames as the first has mel bins.
        """
        first = replace(self, mean_spectrum=False, second_window=0)
        if not self.second_window:
            return (first,)
        second = replace(
            first,
            window=self.second_window,
            n_fft=self.second_window,
            hop=self.samples(clip_s) // self.n_mels + 1,
            n_mels=self.frames(clip_s),
            center=True,
        )
        return first, second

    def input_shapes(self, clip_s: float) -> tuple[Shape, ...]:
        """Compute the shape of each input of the network for one clip."""
        if self.kind == "waveform":
            return ((self.channels, self.samples(clip_s)),)
        channels = 2 if self.second_window else self.channels
        spectrogram = (channels, self.n_mels, self.frames(clip_s))
        return (spectrogram, (self.n_mels,)) if self.mean_spectrum else (spectrogram,)


# The key of a front end that states in samples, or in Hz, what another states relative to the rate:
# in milliseconds, or as a share of half the rate.
LENGTHS: Mapping[str, str] = {
    "window": "window_ms",
    "hop": "hop_ms",
    "second_window": "second_window_ms",
}
ABSOLUTE: Mapping[str, str] = {**LENGTHS, "f_max_hz": "f_max_share"}

_SHORTEST_WINDOW = 16


def front_end(section: Mapping[str, object]) -> FrontEnd:
    """Build the front end from an architecture's `frontend` section.

    `n_fft` = 0 means as long as the window, or the next length that is fast where that is stated in
    milliseconds; `f_max_hz` = 0 means half the sample rate.
    """
    return _front_end(tuple(section.items()))


def input_shapes(section: Mapping[str, object], clip_s: float) -> tuple[Shape, ...]:
    """Compute the shapes of a network's inputs from its `frontend` section, as `FrontEnd` does."""
    # A search counts thousands a second: what decides no shape makes no front end of its own.
    return _input_shapes(tuple(map(section.get, _DECIDE_SHAPES)), clip_s)


_DECIDE_SHAPES = (
    *("kind", "channels", "sample_rate_hz", "window", "window_ms", "hop", "hop_ms", "n_fft"),
    *("center", "n_mels", "mean_spectrum", "second_window", "second_window_ms"),
)


@lru_cache(maxsize=1 << 14)
def _input_shapes(values: tuple[object, ...], clip_s: float) -> tuple[Shape, ...]:
    stated = zip(_DECIDE_SHAPES, values, strict=True)
    return front_end({k: v for k, v in stated if v is not None}).input_shapes(clip_s)


def samples_of(sample_rate_hz: float, length_ms: float) -> int:
    """Count the samples of a length in milliseconds."""
    return round(sample_rate_hz * length_ms / 1000)


@cache
def fast_length(least: int) -> int:
    """Return the next even length without prime factors above 5: a fast Fourier transform.

    A window of 12.5 ms at 44.1 kHz has 551 samples, 19 x 29.
    """
    length = least + least % 2
    while not _is_fast(length):
        length += 2
    return length


def _is_fast(length: int) -> bool:
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    return length == 1


@lru_cache(maxsize=1 << 12)  # a search meets the same ones again and again
def _front_end(items: tuple[tuple[str, object], ...]) -> FrontEnd:
    values: dict[str, Any] = dict(items)
    if values["kind"] == "logmel":
        _in_samples(values)
        values["n_fft"] = values.get("n_fft") or values["window"]
        half_hz = values["sample_rate_hz"] / 2
        values["f_max_hz"] = min(values.get("f_max_hz") or half_hz, half_hz)
    return FrontEnd(**values)


def _in_samples(values: dict[str, Any]) -> None:
    """Replace what is relative to the rate by samples and Hz."""
    rate_hz = values["sample_rate_hz"]
    if "f_max_share" in values:
        values["f_max_hz"] = values.pop("f_max_share") * rate_hz / 2
    if "window_ms" not in values:
        return
    values["window"] = max(_SHORTEST_WINDOW, samples_of(rate_hz, values.pop("window_ms")))
    values["hop"] = max(1, samples_of(rate_hz, values.pop("hop_ms")))
    values["n_fft"] = max(values.get("n_fft", 0), fast_length(values["window"]))
    if second_ms := values.pop("second_window_ms", 0):
        second = max(_SHORTEST_WINDOW, samples_of(rate_hz, second_ms))
        values["second_window"] = fast_length(second)  # its n_fft is as long

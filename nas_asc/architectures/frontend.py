"""The front end: what the network is fed, as numbers that decide shapes.

Conventions: shapes are (channels, mel, frame) or (channels, samples), for one clip, without the
batch axis. Lengths are in samples at `sample_rate_hz`, unless a name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

Shape = tuple[int, ...]

FEATURES_VERSION = 2  # raised when the same clips and front end begin to give other numbers


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

    @property
    def feature_key(self) -> "FrontEnd":
        """The one that stands for all with its features, of which only a "peak" is a part."""
        return self if self.normalisation == "peak" else replace(self, normalisation="none")

    def samples(self, clip_s: float) -> int:
        """Count the samples of a clip of `clip_s` seconds."""
        return round(clip_s * self.sample_rate_hz)

    def frames(self, clip_s: float) -> int:
        """Count the frames of a clip of `clip_s` seconds, at least one."""
        samples = self.samples(clip_s)
        if self.center:
            return 1 + samples // self.hop
        return max(1, 1 + (samples - self.n_fft) // self.hop)

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


def front_end(section: Mapping[str, object]) -> FrontEnd:
    """Build the front end from an architecture's `frontend` section.

    `n_fft` = 0 means as long as the window; `f_max_hz` = 0 means half the sample rate.
    """
    return _front_end(tuple(section.items()))


@cache  # a search meets the same few again and again
def _front_end(items: tuple[tuple[str, object], ...]) -> FrontEnd:
    values = dict(items)
    if values["kind"] == "logmel":
        values["n_fft"] = values.get("n_fft") or values["window"]
        values["f_max_hz"] = values.get("f_max_hz") or values["sample_rate_hz"] / 2  # type: ignore[operator]  # ints, checked by the space
    return FrontEnd(**values)  # type: ignore[arg-type]  # types are checked by the space

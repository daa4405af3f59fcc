"""Up to which frequency recordings hold sound, and what that means where they differ.

Conventions: Hz. The spectrum of a file is the mean over its frames, in bands of some 100 Hz. A band
holds nothing where it is within 6 dB (of few frames, more) of the noise of the file's own word
length, or 100 dB below the loudest band: good resampling leaves that. Other resampling and codecs
are known by a cliff: where the bands from 1.25 to 1.5 times a frequency are 35 dB below those of
the octave beneath it, and what is above is no louder or 60 dB below the loudest band (images of a
soft resampler), sound ends there. Cliffs are looked for from 2 kHz on, since rumble has its own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FRAME = 1 << 12  # samples
_BAND_HZ = 100.0
_HANN = 0.375  # mean square of the window
_EMPTY_DB, _CLIFF_DB, _EDGE_DB, _IMAGE_DB = 100.0, 35.0, 20.0, 60.0
_LOWEST_CLIFF_HZ, _FOOT = 2000.0, (1.25, 1.5)  # where its foot lies, in parts of its frequency

# Bits of a sample by libsndfile's name, where rounding leaves noise worth speaking of.
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "ALAC_16": 16, "PCM_24": 24, "ALAC_24": 24}

# Half of the usual rates: how far a recording of such a rate can reach.
_REACHES_HZ = (4000, 5500, 8000, 11000, 16000)
_SOFT = 1.2  # of a reach: not every resampler cuts sharply
_SHORT_OF = 0.8  # of half the rate; codecs stop at some 16 kHz, which nobody need be told
_NOTEWORTHY, _UNLIKE = 0.05, 0.2  # shares of the clips

Band = tuple[int, float]  # the sample rate of a clip, and the highest frequency that holds sound


class Spectrum:
    """The mean power spectrum of a file, added up block by block."""

    def __init__(self, sample_rate_hz: int, subtype: str) -> None:
        """`subtype` is libsndfile's name of the sample format."""
        self._rate_hz = sample_rate_hz
        bits = _BITS.get(subtype)
        # Rounding after triangular dither: a quarter of the step squared.
        self._noise = 0.0 if bits is None else (2.0 ** (1 - bits)) ** 2 / 4
        self._power = np.zeros(FRAME // 2 + 1)
        self._weight = 0.0  # sum of squares of all windows

    @np.errstate(all="ignore")  # samples without bounds
    def add(self, samples: NDArray[np.float32], alone: bool) -> None:
        """Add the frames that samples fill; what fills none only if nothing else stands there."""
        length = min(len(samples), FRAME) if alone else FRAME
        frames = samples[: len(samples) // length * length].reshape(-1, length)
        window = np.hanning(length).astype(np.float32)
        spectra = np.abs(np.fft.rfft(frames * window, FRAME)) ** 2
        self._power += spectra.sum(axis=0, dtype=np.float64)
        self._weight += float(len(frames) * (window.astype(np.float64) ** 2).sum())

    @property
    def highest_hz(self) -> float:
        """The highest frequency that holds sound; 0 where none does."""
        bin_hz = self._rate_hz / FRAME
        bins = max(1, round(_BAND_HZ / bin_hz))
        edges = np.arange(0, len(self._power), bins)
        counts = np.diff([*edges, len(self._power)])
        power = np.add.reduceat(self._power, edges) / counts
        ends_hz = np.minimum((edges + counts - 1) * bin_hz, self._rate_hz / 2)
        frames = self._weight / (_HANN * FRAME)
        noise = self._noise * self._weight * (4 + 12 / max(bins * frames / 1.5, 1e-9))
        least = max(noise, power.max() * 10 ** (-_EMPTY_DB / 10))
        holds = np.flatnonzero(power > least)
        if not holds.size:
            return 0.0
        level_db = 10 * np.log10(np.maximum(power, max(least, np.finfo(float).tiny)))
        cliff_hz = _cliff_hz(level_db, ends_hz)
        return min(float(ends_hz[holds[-1]]), cliff_hz or np.inf)


def _cliff_hz(level_db: NDArray[np.float64], ends_hz: NDArray[np.float64]) -> float | None:
    """Return where a spectrum falls off a cliff that it does not climb again; None for nowhere."""
    highest_above_db = np.maximum.accumulate(level_db[::-1])[::-1]
    image_db = float(level_db.max()) - _IMAGE_DB
    for band in np.flatnonzero(ends_hz >= _LOWEST_CLIFF_HZ):
        foot, plain = np.searchsorted(ends_hz, [w * ends_hz[band] for w in _FOOT])
        if foot >= len(ends_hz):
            return None
        octave = level_db[np.searchsorted(ends_hz, ends_hz[band] / 2) : band + 1]
        level = float(np.median(octave))
        low = level - _CLIFF_DB
        after = highest_above_db[min(plain, len(ends_hz) - 1)]
        if level_db[foot : plain + 1].max() <= low and after <= max(low, image_db):
            edge = np.flatnonzero(level_db[: foot + 1] >= level - _EDGE_DB)
            return float(ends_hz[edge[-1]])
    return None


def reach_hz(sample_rate_hz: int, highest_hz: float) -> int:
    """Return about how far a recording reaches: half a usual rate, or half its own."""
    half_hz = sample_rate_hz // 2
    reaches = (reach for reach in _REACHES_HZ if highest_hz <= _SOFT * reach)
    return min(next(reaches, half_hz), half_hz)


def unreached_rates(files: Sequence[Band]) -> list[str]:
    """Say which sample rates recordings do not fill."""
    totals = Counter(rate_hz for rate_hz, _ in files)
    short: Counter[tuple[int, int]] = Counter()
    for rate_hz, highest_hz in files:
        reach = reach_hz(rate_hz, highest_hz)
        if highest_hz > 0 and reach < min(_SHORT_OF * rate_hz / 2, _REACHES_HZ[-1]):
            short[rate_hz, reach] += 1
    return [
        f"{rate_hz:,} Hz, but hardly anything above {reach:,} Hz in {count:,} of "
        f"{totals[rate_hz]:,} clips: they may have been recorded at a lower rate"
        for (rate_hz, reach), count in sorted(short.items())
        if count > _NOTEWORTHY * totals[rate_hz]
    ]


def mixed_bands(parts: Mapping[str, Sequence[Band]]) -> list[str]:
    """Say how far the parts of a data set reach, where that differs.

    `parts` are splits and devices, by name; "train" is among them, and others are named where they
    are unlike it. A network that standardises by its training clips is far off on clips of another
    bandwidth.
    """
    reaches = {name: _reaches(files) for name, files in parts.items() if files}
    known = reaches.get("train", {})
    everywhere = sorted({reach for found in reaches.values() for reach in found})
    if len(everywhere) < 2:
        return []
    lines = []
    for name, found in reaches.items():
        far = max(abs(found.get(reach, 0.0) - known.get(reach, 0.0)) for reach in everywhere)
        if name == "train" or far > _UNLIKE:
            shares = (f"{share:.0%} to {reach:,} Hz" for reach, share in sorted(found.items()))
            lines.append(f"{name} {', '.join(shares)}")
    return [
        f"bandwidths differ: {'; '.join(lines)} - normalisation `standard` suffers from that, "
        f"`batch_norm` less, and a front end that ends at {everywhere[0]:,} Hz least"
    ]


def _reaches(files: Sequence[Band]) -> dict[int, float]:
    """Return the share of clips by how far they reach, where it is worth a word."""
    counts = Counter(reach_hz(*file) for file in files if file[1] > 0)
    shares = {reach: count / len(files) for reach, count in counts.items()}
    return {reach: share for reach, share in shares.items() if share > _NOTEWORTHY}

"""The parts that synthetic sounds are made of: shaped noise, tones, grains in time.

Conventions: signals are float64 arrays of one clip, 1 s at 44.1 kHz; frequencies in Hz, times in
seconds, slopes in dB per octave; a sound is scaled to a root mean square of 1 where it is made, so
that levels are set in one place, when scenes are mixed.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

SAMPLE_RATE_HZ = 44100
CLIP_S = 1.0
SAMPLES = 44100
TIME_S: Signal = np.arange(SAMPLES) / SAMPLE_RATE_HZ
_PERIOD = 4096


def unit(signal: Signal) -> Signal:
    """Scale to a root mean square of 1; silence stays silence."""
    power = float(np.mean(signal**2))
    return signal / np.sqrt(power) if power > 0 else signal


def noise(
    rng: np.random.Generator,
    low_hz: float,
    high_hz: float,
    slope_db: float = -12.0,
    samples: int = SAMPLES,
) -> Signal:
    """Make noise that is flat from `low_hz` to `high_hz` and falls by `slope_db` outside."""
    octaves = _octaves(samples)
    outside = np.maximum(octaves - np.log2(high_hz), 0) + np.maximum(np.log2(low_hz) - octaves, 0)
    bins = rng.standard_normal((2, outside.size))
    return unit(np.fft.irfft((bins[0] + 1j * bins[1]) * 10 ** (slope_db * outside / 20), samples))


def glide(start_hz: float, end_hz: float, partials: Iterable[float], duration_s: float) -> Signal:
    """Make a tone that glides from one pitch to another, with partials of the given strengths."""
    pitch_hz = np.linspace(start_hz, end_hz, max(1, round(duration_s * SAMPLE_RATE_HZ)))
    strengths = [
        strength if number * max(start_hz, end_hz) < SAMPLE_RATE_HZ / 2 else 0.0
        for number, strength in enumerate(partials, start=1)
    ]
    # One period by its partials, then looked up by phase: many partials cost no more than one.
    period = np.fft.irfft(np.array([0.0, *strengths]) * -0.5j * _PERIOD, _PERIOD)
    cycles = np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    tone: Signal = period[(cycles * _PERIOD).astype(np.int64) % _PERIOD]
    return tone


def ringing(
    pitches_hz: Iterable[float], decay_s: float, duration_s: float, attack_s: float = 0.003
) -> Signal:
    """Make a struck sound: tones that decay, the higher the sooner."""
    time_s = TIME_S[: max(1, round(duration_s * SAMPLE_RATE_HZ))]
    tone = np.zeros(time_s.size)
    for number, pitch_hz in enumerate(pitches_hz):
        decay = np.exp(-time_s * (1 + 0.5 * number) / decay_s)
        tone += np.sin(2 * np.pi * pitch_hz * time_s) * decay / (1 + number)
    return tone * np.minimum(1.0, time_s / attack_s)


def burst(rng: np.random.Generator, low_hz: float, high_hz: float, decay_s: float) -> Signal:
    """Make a short decaying noise, such as a click, a knock or a hiss."""
    length = min(SAMPLES, round(8 * decay_s * SAMPLE_RATE_HZ))
    samples = min(SAMPLES, 1 << (length - 1).bit_length())
    sound = noise(rng, low_hz, high_hz, samples=samples)[:length]
    return sound * np.exp(-TIME_S[:length] / decay_s)


def overlay(grains: Iterable[tuple[float, Signal]]) -> Signal:
    """Add grains at their start times; what lies outside the clip is cut off."""
    clip = np.zeros(SAMPLES)
    for start_s, grain in grains:
        start = round(start_s * SAMPLE_RATE_HZ)
        skipped = max(0, -start)
        length = min(grain.size - skipped, SAMPLES - max(0, start))
        if length > 0:
            clip[max(0, start) : max(0, start) + length] += grain[skipped : skipped + length]
    return clip


def regular(rng: np.random.Generator, period_s: float, jitter: float = 0.04) -> list[float]:
    """Draw the times of a steady rhythm: a random first beat, then a period with some jitter."""
    times, time_s = [], float(rng.uniform(0, period_s)) - period_s
    while time_s < CLIP_S:
        times.append(time_s)
        time_s += period_s * (1 + jitter * float(rng.standard_normal()))
    return times


def scattered(rng: np.random.Generator, count: int) -> list[float]:
    """Draw times without a rhythm."""
    return sorted(float(time_s) for time_s in rng.uniform(-0.05, CLIP_S - 0.05, count))


def fade(duration_s: float, edge_s: float) -> Signal:
    """Make an envelope of 1 that rises and falls over `edge_s` at its ends."""
    time_s = TIME_S[: max(1, round(duration_s * SAMPLE_RATE_HZ))]
    return np.clip(np.minimum(time_s, duration_s - time_s) / edge_s, 0.0, 1.0)


@cache
def _octaves(samples: int) -> Signal:
    """Give the frequency of each bin of a real transform as its binary logarithm."""
    octaves: Signal = np.log2(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 1.0))
    return octaves

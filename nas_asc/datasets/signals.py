"""The parts of synthetic sounds, and the places and devices through which they are heard.

Conventions: signals are float64 arrays of one clip, 1 s at 44.1 kHz; slopes are in dB per octave; a
sound has a root mean square of 1, levels are set when scenes are mixed. A place colours and
reverberates, a device filters, reflects and hisses: but for the noise one product in frequency.
"""

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Signal = NDArray[np.float64]
Response = NDArray[np.complex128]

SAMPLE_RATE_HZ = 44100
CLIP_S = 1.0
SAMPLES = 44100
TIME_S: Signal = np.arange(SAMPLES) / SAMPLE_RATE_HZ
_PERIOD = 4096

SEEN_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
UNSEEN_DEVICES = ("s4", "s5", "s6")
DEVICES = SEEN_DEVICES + UNSEEN_DEVICES
CITIES = ("alder", "birch", "cedar", "elm", "hazel", "linden", "maple", "rowan")

# Long enough for a clip and a tail of 0.48 s, so that nothing wraps around.
_LENGTH = 65536
_BINS_HZ = np.maximum(np.fft.rfftfreq(_LENGTH, 1 / SAMPLE_RATE_HZ), 1.0)


def unit(signal: Signal) -> Signal:
    """Scale to a root mean square of 1; silence stays silence."""
    power = float(np.mean(signal**2))
    return signal / np.sqrt(power) if power > 0 else signal


def noise(
    rng: Rng, low_hz: float, high_hz: float, slope_db: float = -12.0, samples: int = SAMPLES
) -> Signal:
    """Build noise that is flat from `low_hz` to `high_hz` and falls by `slope_db` outside."""
    octaves = _octaves(samples)
    outside = np.maximum(octaves - np.log2(high_hz), 0) + np.maximum(np.log2(low_hz) - octaves, 0)
    bins = rng.standard_normal((2, outside.size))
    return unit(np.fft.irfft((bins[0] + 1j * bins[1]) * 10 ** (slope_db * outside / 20), samples))


def glide(start_hz: float, end_hz: float, partials: Iterable[float], duration_s: float) -> Signal:
    """Build a tone that glides from one pitch to another, with partials of the given strengths."""
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
    """Build a struck sound: tones that decay, the higher the sooner."""
    time_s = TIME_S[: max(1, round(duration_s * SAMPLE_RATE_HZ))]
    tone = np.zeros(time_s.size)
    for number, pitch_hz in enumerate(pitches_hz):
        decay = np.exp(-time_s * (1 + 0.5 * number) / decay_s)
        tone += np.sin(2 * np.pi * pitch_hz * time_s) * decay / (1 + number)
    return tone * np.minimum(1.0, time_s / attack_s)


def burst(rng: Rng, low_hz: float, high_hz: float, decay_s: float) -> Signal:
    """Build a short decaying noise, such as a click, a knock or a hiss."""
    length = min(SAMPLES, round(8 * decay_s * SAMPLE_RATE_HZ))
    samples = min(SAMPLES, 1 << (length - 1).bit_length())
    sound = noise(rng, low_hz, high_hz, samples=samples)[:length]
    return sound * np.exp(-TIME_S[:length] / decay_s)


def overlay(grains: Iterable[tuple[float, Signal]]) -> Signal:
    """Add grains at their start times, and scale; what lies outside the clip is cut off."""
    clip = np.zeros(SAMPLES)
    for start_s, grain in grains:
        start = round(start_s * SAMPLE_RATE_HZ)
        skipped = max(0, -start)
        length = min(grain.size - skipped, SAMPLES - max(0, start))
        if length > 0:
            clip[max(0, start) : max(0, start) + length] += grain[skipped : skipped + length]
    return unit(clip)


def regular(rng: Rng, period_s: float, jitter: float = 0.04) -> list[float]:
    """Draw the times of a steady rhythm: a random first beat, then a period with some jitter."""
    times, time_s = [], float(rng.uniform(0, period_s)) - period_s
    while time_s < CLIP_S:
        times.append(time_s)
        time_s += period_s * (1 + jitter * float(rng.standard_normal()))
    return times


def scattered(rng: Rng, count: int) -> list[float]:
    """Draw times without a rhythm."""
    return sorted(float(time_s) for time_s in rng.uniform(-0.05, CLIP_S - 0.05, count))


def fade(duration_s: float, edge_s: float) -> Signal:
    """Build an envelope of 1 that rises and falls over `edge_s` at its ends."""
    time_s = TIME_S[: max(1, round(duration_s * SAMPLE_RATE_HZ))]
    return np.clip(np.minimum(time_s, duration_s - time_s) / edge_s, 0.0, 1.0)


@lru_cache(maxsize=8)  # the clips of a place follow one another
def draw_place(seed: int, number: int, city: int, indoor: bool) -> tuple[float, Response]:
    """Draw a place by its number: the factor on the pitches of its sources, and how it responds.

    Most of its pitch is its city's.
    """
    rng = np.random.default_rng([seed, 1, number])
    pitch = float(np.random.default_rng([seed, 2, city]).uniform(0.85, 1.2))
    tilt_db = rng.uniform(-0.7, 0.7) * np.log2(_BINS_HZ / 1000).clip(-4, 4)
    tail_s, share = (rng.uniform(0.05, 0.15), 0.3) if indoor else (rng.uniform(0.01, 0.03), 0.15)
    walls = np.zeros(_LENGTH)
    length = min(round(5 * tail_s * SAMPLE_RATE_HZ), _LENGTH - SAMPLES)
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    walls[:length] = rng.standard_normal(length) * np.exp(-time_s / tail_s)
    walls *= share / np.sqrt(np.sum(walls**2))
    walls[0] += 1.0
    response: Response = np.fft.rfft(walls) * 10 ** (tilt_db / 20)
    return pitch * float(rng.uniform(0.93, 1.08)), response


@lru_cache(maxsize=2 * len(DEVICES))
def draw_recorder(seed: int, device: str) -> tuple[Response, float]:
    """Draw a device by its name: how it responds, and its noise in dB of full scale.

    The first is nearly flat and quiet, as a good recorder is.
    """
    rng = np.random.default_rng([seed, 3, DEVICES.index(device)])
    good = device == DEVICES[0]
    strength = 0.3 if good else 1.0
    low_hz = 40.0 if good else rng.uniform(60, 120)
    high_hz = 18000.0 if good else rng.uniform(10000, 16000)
    octaves = np.log2(_BINS_HZ / 1000)
    gain_db = -12 * np.maximum(np.log2(low_hz / _BINS_HZ), 0)
    gain_db -= 24 * np.maximum(np.log2(_BINS_HZ / high_hz), 0)
    for centre in rng.uniform(-3.5, 3.5, 6):
        bump_db = strength * rng.uniform(-2.2, 2.2)
        gain_db += bump_db * np.exp(-(((octaves - centre) / rng.uniform(0.5, 1.2)) ** 2))
    response: Response = (10 ** (gain_db / 20)).astype(np.complex128)
    for delay_s in rng.uniform(0.0002, 0.0015, 3):
        phase = np.exp(-2j * np.pi * _BINS_HZ * delay_s)
        response *= 1 + strength * rng.uniform(-0.1, 0.1) * phase
    return response, -72.0 if good else float(rng.uniform(-66.0, -54.0))


def record(
    rng: Rng, sound: Signal, place: Response, recorder: tuple[Response, float], level_db: float
) -> NDArray[np.int16]:
    """Record a sound of root mean square 1, as 16-bit samples; `rng` draws the device's noise.

    `level_db` is how loud the recording is, in dB of full scale; what exceeds that is clipped.
    """
    response, noise_db = recorder
    spectrum = np.fft.rfft(sound, _LENGTH) * place * response
    heard = np.fft.irfft(spectrum, _LENGTH)[:SAMPLES]
    heard *= 10 ** (level_db / 20) / np.sqrt(np.mean(heard**2))
    heard += 10 ** (noise_db / 20) * noise(rng, 20, 12000, -6.0)
    return np.round(32767 * np.clip(heard, -1.0, 1.0)).astype(np.int16)


@cache
def _octaves(samples: int) -> Signal:
    """Return the frequency of each bin of a real transform as its binary logarithm."""
    octaves: Signal = np.log2(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 1.0))
    return octaves

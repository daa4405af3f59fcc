"""The places where synthetic scenes are heard and the devices that record them.

A place colours and reverberates, a device filters, reflects, hisses and cuts off; both are linear
but for the device's noise, so they are one product in frequency.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_asc.datasets.synthetic.signals import SAMPLE_RATE_HZ, SAMPLES, Signal, noise

SEEN_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
UNSEEN_DEVICES = ("s4", "s5", "s6")
DEVICES = SEEN_DEVICES + UNSEEN_DEVICES
CITIES = ("alder", "birch", "cedar", "elm", "hazel", "linden", "maple", "rowan")

# Long enough for a clip and a tail of 0.48 s, so that nothing wraps around.
_LENGTH = 65536
_BINS_HZ = np.maximum(np.fft.rfftfreq(_LENGTH, 1 / SAMPLE_RATE_HZ), 1.0)

Response = NDArray[np.complex128]


@dataclass(frozen=True)
class Place:
    """A location in a city: how it sounds before anybody records it.

    Attributes:
        pitch: the factor on the pitches of its sources; mostly the city's.
        response: the frequency response of its walls.
    """

    city: str
    pitch: float
    response: Response


@dataclass(frozen=True)
class Recorder:
    """A recording device: its frequency response and its noise in dB of full scale."""

    response: Response
    noise_db: float


def draw_place(seed: int, number: int, city: int, indoor: bool) -> Place:
    """Draw a place by its number; most of its pitch is its city's."""
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
    response = np.fft.rfft(walls) * 10 ** (tilt_db / 20)
    return Place(CITIES[city], pitch * float(rng.uniform(0.93, 1.08)), response)


def draw_recorder(seed: int, device: str) -> Recorder:
    """Draw a device by its name; the first is nearly flat and quiet, as a good recorder is."""
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
    return Recorder(response, -72.0 if good else float(rng.uniform(-66.0, -54.0)))


def record(
    rng: np.random.Generator, sound: Signal, place: Place, recorder: Recorder, level_db: float
) -> NDArray[np.int16]:
    """Record a sound of root mean square 1 in a place with a device.

    Args:
        rng: draws the device's noise.
        sound: what happens in the place.
        place: colours it.
        recorder: colours it again, and hisses.
        level_db: how loud the recording is, in dB of full scale; what exceeds it is clipped.

    Returns:
        The samples of the clip, 16 bit.
    """
    spectrum = np.fft.rfft(sound, _LENGTH) * place.response * recorder.response
    heard = np.fft.irfft(spectrum, _LENGTH)[:SAMPLES]
    heard *= 10 ** (level_db / 20) / np.sqrt(np.mean(heard**2))
    heard += 10 ** (recorder.noise_db / 20) * noise(rng, 20, 12000, -6.0)
    return np.round(32767 * np.clip(heard, -1.0, 1.0)).astype(np.int16)

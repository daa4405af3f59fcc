"""The ten synthetic scenes: which sources they layer, how often and how loud.

Conventions: levels are in dB against the bed, the steady layers of a scene, which together have a
root mean square of 1. Several scenes share their bed, and most sources sound in more than one: a
scene is told by what happens in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas_asc.datasets.synthetic.signals import Signal, noise, unit
from nas_asc.datasets.synthetic.sound_sources import SOURCES

# Sources that any scene may hold, faintly: what wanders in from next door.
_STRAYS = ("voice", "steps", "clatter", "birds", "passing", "announcement", "hum", "chime", "rain")
_STRAY_PROBABILITY = 0.5
_STRAY_DB = (-12.0, -3.0)


@dataclass(frozen=True)
class Scene:
    """One acoustic scene.

    Attributes:
        indoor: whether it reverberates.
        colour_hz: around where its steady noise lies, an octave or so to either side.
        bed: the steady sources, mixed at random levels.
        events: the sources that tell the scene and how often each sounds; one always does.
    """

    indoor: bool
    colour_hz: float
    bed: tuple[str, ...]
    events: dict[str, float]


SCENES = {
    "airport": Scene(True, 700, ("hum", "babble"), {"trolley": 0.75, "announcement": 0.5}),
    "bus": Scene(True, 110, ("rumble",), {"engine": 0.9, "hiss": 0.35}),
    "metro": Scene(True, 220, ("rumble", "hum"), {"inverter": 0.6, "rails": 0.7}),
    "metro_station": Scene(True, 450, ("hum", "babble"), {"brakes": 0.6, "chime": 0.65}),
    "park": Scene(False, 2600, ("wind",), {"birds": 0.95, "steps": 0.1}),
    "public_square": Scene(False, 1500, ("babble", "wind"), {"fountain": 0.85, "bell": 0.15}),
    "shopping_mall": Scene(True, 1000, ("hum", "babble"), {"music": 0.85, "clatter": 0.5}),
    "street_pedestrian": Scene(False, 1900, ("babble", "wind"), {"steps": 0.95, "voice": 0.5}),
    "street_traffic": Scene(False, 330, ("rumble", "wind"), {"passing": 0.95, "horn": 0.3}),
    "tram": Scene(True, 160, ("rumble", "hum"), {"motor": 0.8, "bell": 0.4}),
}
_EVENT_DB = (-11.0, 1.0)
_COLOUR_OCTAVES = 0.3


def perform(rng: np.random.Generator, scene: Scene, pitch: float) -> Signal:
    """Make one second of a scene, with a root mean square of 1.

    Args:
        rng: the clip's.
        scene: what to perform.
        pitch: the factor on the pitches of all sources; the place's.
    """
    bed = _gain(rng, (2.0, 6.0)) * _colour(rng, scene.colour_hz)
    for name in scene.bed:
        bed = bed + _gain(rng, (-8.0, -2.0)) * SOURCES[name](rng, pitch)
    sound = unit(bed)
    for name in _happening(rng, scene):
        sound = sound + _gain(rng, _EVENT_DB) * SOURCES[name](rng, pitch)
    if rng.random() < _STRAY_PROBABILITY:
        name = _STRAYS[rng.integers(len(_STRAYS))]
        sound = sound + _gain(rng, _STRAY_DB) * SOURCES[name](rng, pitch)
    return unit(sound)


def _happening(rng: np.random.Generator, scene: Scene) -> Sequence[str]:
    """Draw the events that sound in this second; the first named one if none would."""
    drawn = [name for name, share in scene.events.items() if rng.random() < share]
    return drawn or [next(iter(scene.events))]


def _colour(rng: np.random.Generator, centre_hz: float) -> Signal:
    """Make the noise of the day: steady, two octaves wide or more, around a pitch of the scene."""
    middle_hz = centre_hz * 2 ** rng.normal(0.0, _COLOUR_OCTAVES)
    half = rng.uniform(0.8, 1.2)
    return noise(rng, middle_hz / 2**half, middle_hz * 2**half, -6.0)


def _gain(rng: np.random.Generator, range_db: tuple[float, float]) -> float:
    return float(10 ** (rng.uniform(*range_db) / 20))

"""The ten synthetic scenes, and the sources that they layer: one short function each.

Conventions: a source takes the clip's generator and the pitch of the place (1 is the middle, cities
lie between about 0.8 and 1.25) and gives one second of sound with a root mean square of 1. What
tells sources apart is how they move in time; their spectra overlap on purpose. Levels are in dB
against the bed, the steady layers of a scene, together of a root mean square of 1. Scenes share
beds and sources: a scene is told by what happens.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nas_asc.datasets.signals import (
    CLIP_S,
    SAMPLE_RATE_HZ,
    SAMPLES,
    TIME_S,
    Rng,
    Signal,
    burst,
    fade,
    glide,
    noise,
    overlay,
    regular,
    ringing,
    scattered,
    unit,
)

Source = Callable[[Rng, float], Signal]

_THREE = np.arange(1, 4)  # the first partials of a note


def hum(rng: Rng, pitch: float) -> Signal:
    """Mains and ventilation: steady low harmonics over steady noise."""
    mains_hz = 50.0 if pitch < 1.1 else 60.0
    tones = glide(mains_hz, mains_hz, rng.uniform(0.1, 1.0, 6), CLIP_S)
    return unit(unit(tones) + noise(rng, 80, 400 * pitch))


def rumble(rng: Rng, pitch: float) -> Signal:
    """A vehicle's body: low noise that swells slowly."""
    swell = 1 + 0.4 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * TIME_S + rng.uniform()))
    return unit(noise(rng, 40, rng.uniform(120, 260) * pitch) * swell)


def wind(rng: Rng, pitch: float) -> Signal:
    """Wind and leaves: noise in gusts."""
    gust = 1 + 0.7 * np.sin(2 * np.pi * (rng.uniform(0.7, 1.6) * TIME_S + rng.uniform()))
    return unit(noise(rng, 60, rng.uniform(300, 3000) * pitch, -6.0) * gust)


def rain(rng: Rng, pitch: float) -> Signal:
    """Rain: many drops, none of them alone."""
    drops = np.zeros(SAMPLES)
    hits = rng.integers(0, SAMPLES, 1500)
    drops[hits] = rng.exponential(1.0, hits.size)
    return unit(unit(drops) + noise(rng, 1500 * pitch, 9000, -6.0))


def engine(rng: Rng, pitch: float) -> Signal:
    """A diesel at idle: strokes, every few of them stronger, and the rattle of valves."""
    strokes_s = 1 / (rng.uniform(11, 16) * pitch)
    knock = ringing(np.array([70, 130, 210]) * rng.uniform(0.8, 1.3), 0.03, 0.12, 0.001)
    rattle = burst(rng, 700, 3500, 0.012)
    knock[: rattle.size] += rng.uniform(0.4, 1.2) * rattle[: knock.size]
    return overlay((time_s, knock) for time_s in regular(rng, strokes_s, 0.01))


def passing(rng: Rng, pitch: float) -> Signal:
    """A car drives by: noise that swells, brighter before than after, over a falling drone."""
    closest_s, width_s = rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.22)
    envelope = 1 / (1 + ((TIME_S - closest_s) / width_s) ** 2)
    after = 1 / (1 + np.exp(-(TIME_S - closest_s) / (0.4 * width_s)))
    drone_hz = rng.uniform(150, 400) * pitch
    bright, dark = noise(rng, 500, 4500 * pitch), noise(rng, 200, 1300 * pitch)
    drone = unit(np.sin(2 * np.pi * np.cumsum(drone_hz * (1.15 - 0.3 * after)) / SAMPLE_RATE_HZ))
    return unit(envelope * (bright * (1 - after) + dark * after + 0.5 * drone))


def horn(rng: Rng, pitch: float) -> Signal:
    """A car's horn: two steady notes at once."""
    duration_s, low_hz = rng.uniform(0.15, 0.5), rng.uniform(330, 480) * pitch
    note = glide(low_hz, low_hz, (1, 0.7, 0.6, 0.5, 0.4), duration_s)
    note += glide(1.26 * low_hz, 1.26 * low_hz, (1, 0.7, 0.6, 0.5, 0.4), duration_s)
    return overlay([(rng.uniform(0, 0.6), note * fade(duration_s, 0.02))])


def babble(rng: Rng, pitch: float) -> Signal:
    """Many voices: harmonics under syllables that come at no common beat."""
    return unit(sum((_voice(rng, pitch) for _ in range(3)), np.zeros(SAMPLES)))


def voice(rng: Rng, pitch: float) -> Signal:
    """One voice close by."""
    return unit(_voice(rng, pitch))


def _voice(rng: Rng, pitch: float) -> Signal:
    base_hz = rng.uniform(95, 230) * pitch
    grains, time_s = [], float(rng.uniform(-0.2, 0.1))
    while time_s < CLIP_S:
        length_s = rng.uniform(0.09, 0.26)
        start_hz, formant_hz = base_hz * rng.uniform(0.9, 1.2), rng.uniform(350, 1100)
        numbers = np.arange(1, 25)
        strengths = 1 / (1 + ((numbers * start_hz - formant_hz) / 250) ** 2)
        strengths += 0.3 / (1 + ((numbers * start_hz - 2.6 * formant_hz) / 350) ** 2)
        syllable = glide(start_hz, start_hz * rng.uniform(0.8, 1.15), strengths, length_s)
        grains.append((time_s, syllable * fade(length_s, 0.03) * rng.uniform(0.5, 1.0)))
        if rng.random() < 0.3:
            grains.append((time_s + length_s, 0.4 * burst(rng, 3500, 7500, 0.02)))
        time_s += length_s + rng.exponential(0.05)
    return overlay(grains)


def steps(rng: Rng, pitch: float) -> Signal:
    """Somebody walks past: one knock after another at an even pace."""
    low_hz = rng.uniform(500, 1500) * pitch
    step = burst(rng, low_hz, 4 * low_hz, 0.014)
    thud = ringing([rng.uniform(90, 180)], 0.03, 0.112)
    step = step + thud[: step.size]
    return overlay((time_s, step) for time_s in regular(rng, rng.uniform(0.24, 0.32), 0.02))


def clatter(rng: Rng, pitch: float) -> Signal:
    """Dishes, tills and trays: knocks at no pace at all."""
    low_hz = rng.uniform(500, 1500) * pitch
    times = scattered(rng, int(rng.integers(3, 7)))
    knocks = (burst(rng, low_hz, 4 * low_hz, 0.014) * rng.uniform(0.4, 1.0) for _ in times)
    return overlay(zip(times, knocks, strict=True))


def rails(rng: Rng, pitch: float) -> Signal:
    """Wheels over a joint: two knocks close together, then a gap."""
    low_hz = rng.uniform(300, 1200) * pitch
    knock, gap_s = burst(rng, low_hz, 4 * low_hz, 0.014), rng.uniform(0.07, 0.11)
    times = regular(rng, rng.uniform(0.38, 0.55), 0.02)
    return overlay((time_s + late, knock) for time_s in times for late in (0.0, gap_s))


def trolley(rng: Rng, pitch: float) -> Signal:
    """A suitcase on wheels: a fast, regular rattle."""
    low_hz = rng.uniform(500, 1500) * pitch
    knock = burst(rng, low_hz, 4 * low_hz, 0.008)
    times = regular(rng, rng.uniform(0.085, 0.11), 0.05)
    return overlay((time_s, knock * rng.uniform(0.7, 1.0)) for time_s in times)


def announcement(rng: Rng, pitch: float) -> Signal:
    """The gong before a loudspeaker speaks: two or three falling notes that ring on."""
    top_hz, spacing_s = rng.uniform(520, 1100) * pitch, rng.uniform(0.2, 0.3)
    notes = [top_hz, top_hz * 0.8, top_hz * 0.63][: int(rng.integers(2, 4))]
    start_s = rng.uniform(0.0, 0.3)
    times = (start_s + spacing_s * index for index in range(len(notes)))
    return overlay(zip(times, (ringing(note * _THREE, 0.2, 0.7) for note in notes), strict=True))


def chime(rng: Rng, pitch: float) -> Signal:
    """Doors about to close: the same short beep again and again."""
    beep_hz, period_s = rng.uniform(600, 1800) * pitch, rng.uniform(0.13, 0.2)
    beep = glide(beep_hz, beep_hz, (1, 0, 0.4, 0, 0.2), 0.5 * period_s)
    beep = beep * fade(0.5 * period_s, 0.005)
    return overlay((time_s, beep) for time_s in regular(rng, period_s, 0.0))


def music(rng: Rng, pitch: float) -> Signal:
    """Background music: notes of a scale, one every beat."""
    scale = 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    root_hz, beat_s = rng.uniform(260, 520) * pitch, rng.uniform(0.15, 0.24)
    times = regular(rng, beat_s, 0.0)
    return overlay((t, ringing(root_hz * rng.choice(scale) * _THREE, 0.12, 0.4)) for t in times)


def birds(rng: Rng, pitch: float) -> Signal:
    """A bird repeats its phrase: quick glides, up or down."""
    low_hz, length_s = rng.uniform(1800, 4000) * pitch, rng.uniform(0.04, 0.08)
    start_hz, end_hz = low_hz, low_hz * rng.uniform(1.25, 1.7)
    if rng.random() < 0.5:
        start_hz, end_hz = end_hz, start_hz
    phrase = glide(start_hz, end_hz, (1, 0.15), length_s) * fade(length_s, 0.01)
    times = regular(rng, rng.uniform(0.1, 0.17), 0.08)
    return overlay((time_s, phrase) for time_s in times if rng.random() < 0.85)


def brakes(rng: Rng, pitch: float) -> Signal:
    """Brakes of a train: a long squeal that sinks, unsteadily."""
    length_s, start_hz = rng.uniform(0.5, 0.9), rng.uniform(2000, 4500) * pitch
    squeal = glide(start_hz, start_hz * rng.uniform(0.72, 0.88), (1, 0.4, 0.2), length_s)
    shake = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(20, 35) * TIME_S[: squeal.size])
    return overlay([(rng.uniform(-0.1, 0.3), squeal * shake * fade(length_s, 0.08))])


def motor(rng: Rng, pitch: float) -> Signal:
    """An electric drive speeds up or slows down: a chord that glides far."""
    low_hz, ratio = rng.uniform(250, 600) * pitch, rng.uniform(1.5, 2.2)
    ends_hz = (low_hz, ratio * low_hz) if rng.random() < 0.5 else (ratio * low_hz, low_hz)
    return unit(glide(*ends_hz, (1, 0.6, 0.5, 0.3, 0.25, 0.2), CLIP_S))


def inverter(rng: Rng, pitch: float) -> Signal:
    """An underground train starts: its whine climbs in steps."""
    base_hz, step_s = rng.uniform(250, 600) * pitch, rng.uniform(0.16, 0.24)
    notes_hz = ((time_s, base_hz * 1.12**i) for i, time_s in enumerate(regular(rng, step_s, 0.0)))
    partials = (1, 0.6, 0.5, 0.3, 0.25)
    return overlay((time_s, glide(hz, hz, partials, step_s)) for time_s, hz in notes_hz)


def bell(rng: Rng, pitch: float) -> Signal:
    """A tram's bell: two strokes close together, partials off the harmonics."""
    base_hz, gap_s = rng.uniform(900, 1800) * pitch, rng.uniform(0.14, 0.2)
    stroke = ringing(base_hz * np.array([1, 1.52, 2.43, 3.17]), 0.16, 0.6, 0.001)
    start_s = rng.uniform(0.0, 0.5)
    return overlay([(start_s, stroke), (start_s + gap_s, 0.9 * stroke)])


def hiss(rng: Rng, pitch: float) -> Signal:
    """Air brakes and doors of a bus: a hard start that sighs out."""
    start_s = rng.uniform(0.05, 0.6)
    return overlay([(start_s, burst(rng, 1500 * pitch, 8000, rng.uniform(0.08, 0.16)))])


def fountain(rng: Rng, pitch: float) -> Signal:
    """Water falls into water: bubbles, each a short rising note."""
    grains = []
    for time_s in scattered(rng, 45):
        start_hz, length_s = rng.uniform(500, 2500) * pitch, rng.uniform(0.015, 0.04)
        bubble = glide(start_hz, 1.3 * start_hz, (1,), length_s) * fade(length_s, 0.006)
        grains.append((time_s, bubble * rng.uniform(0.3, 1.0)))
    return unit(overlay(grains) + 0.5 * noise(rng, 500, 4000 * pitch))


# What any scene may hold, faintly: what wanders in from next door.
_STRAYS = (voice, steps, clatter, birds, passing, announcement, hum, chime, rain)
_STRAY_PROBABILITY = 0.5
_STRAY_DB = (-12.0, -3.0)
_EVENT_DB = (-11.0, 1.0)
_COLOUR_OCTAVES = 0.3


@dataclass(frozen=True)
class Scene:
    """One acoustic scene."""

    indoor: bool  # whether it reverberates
    colour_hz: float  # around where its steady noise lies, an octave or so to either side
    bed: tuple[Source, ...]  # steady, mixed at random levels
    events: dict[Source, float]  # what tells the scene and how often it sounds; one always does


SCENES = {
    "airport": Scene(True, 700, (hum, babble), {trolley: 0.75, announcement: 0.5}),
    "bus": Scene(True, 110, (rumble,), {engine: 0.9, hiss: 0.35}),
    "metro": Scene(True, 220, (rumble, hum), {inverter: 0.6, rails: 0.7}),
    "metro_station": Scene(True, 450, (hum, babble), {brakes: 0.6, chime: 0.65}),
    "park": Scene(False, 2600, (wind,), {birds: 0.95, steps: 0.1}),
    "public_square": Scene(False, 1500, (babble, wind), {fountain: 0.85, bell: 0.15}),
    "shopping_mall": Scene(True, 1000, (hum, babble), {music: 0.85, clatter: 0.5}),
    "street_pedestrian": Scene(False, 1900, (babble, wind), {steps: 0.95, voice: 0.5}),
    "street_traffic": Scene(False, 330, (rumble, wind), {passing: 0.95, horn: 0.3}),
    "tram": Scene(True, 160, (rumble, hum), {motor: 0.8, bell: 0.4}),
}


def perform(rng: Rng, scene: Scene, pitch: float) -> Signal:
    """Compute one second of a scene at a root mean square of 1, in a place of the given pitch."""
    gain = _gain(rng, (2.0, 6.0))
    middle_hz = scene.colour_hz * 2 ** rng.normal(0.0, _COLOUR_OCTAVES)
    half = rng.uniform(0.8, 1.2)
    bed = gain * noise(rng, middle_hz / 2**half, middle_hz * 2**half, -6.0)
    for source in scene.bed:
        bed = bed + _gain(rng, (-8.0, -2.0)) * source(rng, pitch)
    sound = unit(bed)
    drawn = [source for source, share in scene.events.items() if rng.random() < share]
    for source in drawn or [next(iter(scene.events))]:
        sound = sound + _gain(rng, _EVENT_DB) * source(rng, pitch)
    if rng.random() < _STRAY_PROBABILITY:
        source = _STRAYS[rng.integers(len(_STRAYS))]
        sound = sound + _gain(rng, _STRAY_DB) * source(rng, pitch)
    return unit(sound)


def _gain(rng: Rng, range_db: tuple[float, float]) -> float:
    return float(10 ** (rng.uniform(*range_db) / 20))

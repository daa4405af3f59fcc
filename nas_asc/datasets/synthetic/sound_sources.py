"""What sounds in the synthetic scenes: one short function per source.

Conventions: a source takes the clip's generator and the pitch of the place (1 is the middle, cities
lie between about 0.8 and 1.25) and gives one second of sound with a root mean square of 1. What
tells sources apart is how they move in time; their spectra overlap on purpose.
"""

from collections.abc import Callable

import numpy as np

from nas_asc.datasets.synthetic.signals import (
    CLIP_S,
    SAMPLE_RATE_HZ,
    SAMPLES,
    TIME_S,
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

Source = Callable[[np.random.Generator, float], Signal]


def hum(rng: np.random.Generator, pitch: float) -> Signal:
    """Mains and ventilation: steady low harmonics over steady noise."""
    mains_hz = 50.0 if pitch < 1.1 else 60.0
    tones = glide(mains_hz, mains_hz, rng.uniform(0.1, 1.0, 6), CLIP_S)
    return unit(unit(tones) + noise(rng, 80, 400 * pitch))


def rumble(rng: np.random.Generator, pitch: float) -> Signal:
    """A vehicle's body: low noise that swells slowly."""
    swell = 1 + 0.4 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * TIME_S + rng.uniform()))
    return unit(noise(rng, 40, rng.uniform(120, 260) * pitch) * swell)


def wind(rng: np.random.Generator, pitch: float) -> Signal:
    """Wind and leaves: noise in gusts."""
    gust = 1 + 0.7 * np.sin(2 * np.pi * (rng.uniform(0.7, 1.6) * TIME_S + rng.uniform()))
    return unit(noise(rng, 60, rng.uniform(300, 3000) * pitch, -6.0) * gust)


def rain(rng: np.random.Generator, pitch: float) -> Signal:
    """Rain: many drops, none of them alone."""
    drops = np.zeros(SAMPLES)
    hits = rng.integers(0, SAMPLES, 1500)
    drops[hits] = rng.exponential(1.0, hits.size)
    return unit(unit(drops) + noise(rng, 1500 * pitch, 9000, -6.0))


def engine(rng: np.random.Generator, pitch: float) -> Signal:
    """A diesel at idle: strokes, every few of them stronger, and the rattle of valves."""
    strokes_s = 1 / (rng.uniform(11, 16) * pitch)
    knock = ringing(np.array([70, 130, 210]) * rng.uniform(0.8, 1.3), 0.03, 0.12, 0.001)
    rattle = burst(rng, 700, 3500, 0.012)
    knock[: rattle.size] += rng.uniform(0.4, 1.2) * rattle[: knock.size]
    return unit(overlay((time_s, knock) for time_s in regular(rng, strokes_s, 0.01)))


def passing(rng: np.random.Generator, pitch: float) -> Signal:
    """A car drives by: noise that swells, brighter before than after, over a falling drone."""
    closest_s, width_s = rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.22)
    envelope = 1 / (1 + ((TIME_S - closest_s) / width_s) ** 2)
    after = 1 / (1 + np.exp(-(TIME_S - closest_s) / (0.4 * width_s)))
    drone_hz = rng.uniform(150, 400) * pitch
    bright, dark = noise(rng, 500, 4500 * pitch), noise(rng, 200, 1300 * pitch)
    drone = unit(np.sin(2 * np.pi * np.cumsum(drone_hz * (1.15 - 0.3 * after)) / SAMPLE_RATE_HZ))
    return unit(envelope * (bright * (1 - after) + dark * after + 0.5 * drone))


def horn(rng: np.random.Generator, pitch: float) -> Signal:
    """A car's horn: two steady notes at once."""
    duration_s, low_hz = rng.uniform(0.15, 0.5), rng.uniform(330, 480) * pitch
    note = glide(low_hz, low_hz, (1, 0.7, 0.6, 0.5, 0.4), duration_s)
    note += glide(1.26 * low_hz, 1.26 * low_hz, (1, 0.7, 0.6, 0.5, 0.4), duration_s)
    return unit(overlay([(rng.uniform(0, 0.6), note * fade(duration_s, 0.02))]))


def babble(rng: np.random.Generator, pitch: float) -> Signal:
    """Many voices: harmonics under syllables that come at no common beat."""
    return unit(sum((_voice(rng, pitch) for _ in range(3)), np.zeros(SAMPLES)))


def voice(rng: np.random.Generator, pitch: float) -> Signal:
    """One voice close by."""
    return unit(_voice(rng, pitch))


def _voice(rng: np.random.Generator, pitch: float) -> Signal:
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
    return unit(overlay(grains))


def steps(rng: np.random.Generator, pitch: float) -> Signal:
    """Somebody walks past: one knock after another at an even pace."""
    low_hz = rng.uniform(500, 1500) * pitch
    step = burst(rng, low_hz, 4 * low_hz, 0.014)
    thud = ringing([rng.uniform(90, 180)], 0.03, 0.112)
    step = step + thud[: step.size]
    return unit(overlay((time_s, step) for time_s in regular(rng, rng.uniform(0.24, 0.32), 0.02)))


def clatter(rng: np.random.Generator, pitch: float) -> Signal:
    """Dishes, tills and trays: knocks at no pace at all."""
    low_hz = rng.uniform(500, 1500) * pitch
    return unit(
        overlay(
            (time_s, burst(rng, low_hz, 4 * low_hz, 0.014) * rng.uniform(0.4, 1.0))
            for time_s in scattered(rng, int(rng.integers(3, 7)))
        )
    )


def rails(rng: np.random.Generator, pitch: float) -> Signal:
    """Wheels over a joint: two knocks close together, then a gap."""
    low_hz = rng.uniform(300, 1200) * pitch
    knock, gap_s = burst(rng, low_hz, 4 * low_hz, 0.014), rng.uniform(0.07, 0.11)
    times = regular(rng, rng.uniform(0.38, 0.55), 0.02)
    return unit(overlay((time_s + late, knock) for time_s in times for late in (0.0, gap_s)))


def trolley(rng: np.random.Generator, pitch: float) -> Signal:
    """A suitcase on wheels: a fast, regular rattle."""
    low_hz = rng.uniform(500, 1500) * pitch
    knock = burst(rng, low_hz, 4 * low_hz, 0.008)
    return unit(
        overlay(
            (time_s, knock * rng.uniform(0.7, 1.0))
            for time_s in regular(rng, rng.uniform(0.085, 0.11), 0.05)
        )
    )


def announcement(rng: np.random.Generator, pitch: float) -> Signal:
    """The gong before a loudspeaker speaks: two or three falling notes that ring on."""
    top_hz, spacing_s = rng.uniform(520, 1100) * pitch, rng.uniform(0.2, 0.3)
    notes = [top_hz, top_hz * 0.8, top_hz * 0.63][: int(rng.integers(2, 4))]
    start_s = rng.uniform(0.0, 0.3)
    return unit(
        overlay(
            (start_s + spacing_s * index, ringing([note, 2 * note, 3 * note], 0.2, 0.7))
            for index, note in enumerate(notes)
        )
    )


def chime(rng: np.random.Generator, pitch: float) -> Signal:
    """Doors about to close: the same short beep again and again."""
    beep_hz, period_s = rng.uniform(600, 1800) * pitch, rng.uniform(0.13, 0.2)
    beep = glide(beep_hz, beep_hz, (1, 0, 0.4, 0, 0.2), 0.5 * period_s)
    beep = beep * fade(0.5 * period_s, 0.005)
    return unit(overlay((time_s, beep) for time_s in regular(rng, period_s, 0.0)))


def music(rng: np.random.Generator, pitch: float) -> Signal:
    """Background music: notes of a scale, one every beat."""
    scale = 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    root_hz, beat_s = rng.uniform(260, 520) * pitch, rng.uniform(0.15, 0.24)
    grains = []
    for time_s in regular(rng, beat_s, 0.0):
        note_hz = root_hz * rng.choice(scale)
        grains.append((time_s, ringing([note_hz, 2 * note_hz, 3 * note_hz], 0.12, 0.4)))
    return unit(overlay(grains))


def birds(rng: np.random.Generator, pitch: float) -> Signal:
    """A bird repeats its phrase: quick glides, up or down."""
    low_hz, length_s = rng.uniform(1800, 4000) * pitch, rng.uniform(0.04, 0.08)
    start_hz, end_hz = low_hz, low_hz * rng.uniform(1.25, 1.7)
    if rng.random() < 0.5:
        start_hz, end_hz = end_hz, start_hz
    phrase = glide(start_hz, end_hz, (1, 0.15), length_s) * fade(length_s, 0.01)
    times = regular(rng, rng.uniform(0.1, 0.17), 0.08)
    return unit(overlay((time_s, phrase) for time_s in times if rng.random() < 0.85))


def brakes(rng: np.random.Generator, pitch: float) -> Signal:
    """Brakes of a train: a long squeal that sinks, unsteadily."""
    length_s, start_hz = rng.uniform(0.5, 0.9), rng.uniform(2000, 4500) * pitch
    squeal = glide(start_hz, start_hz * rng.uniform(0.72, 0.88), (1, 0.4, 0.2), length_s)
    shake = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(20, 35) * TIME_S[: squeal.size])
    return unit(overlay([(rng.uniform(-0.1, 0.3), squeal * shake * fade(length_s, 0.08))]))


def motor(rng: np.random.Generator, pitch: float) -> Signal:
    """An electric drive speeds up or slows down: a chord that glides far."""
    low_hz, ratio = rng.uniform(250, 600) * pitch, rng.uniform(1.5, 2.2)
    ends_hz = (low_hz, ratio * low_hz) if rng.random() < 0.5 else (ratio * low_hz, low_hz)
    return unit(glide(*ends_hz, (1, 0.6, 0.5, 0.3, 0.25, 0.2), CLIP_S))


def inverter(rng: np.random.Generator, pitch: float) -> Signal:
    """An underground train starts: its whine climbs in steps."""
    base_hz, step_s = rng.uniform(250, 600) * pitch, rng.uniform(0.16, 0.24)
    grains = []
    for index, time_s in enumerate(regular(rng, step_s, 0.0)):
        note_hz = base_hz * 1.12**index
        grains.append((time_s, glide(note_hz, note_hz, (1, 0.6, 0.5, 0.3, 0.25), step_s)))
    return unit(overlay(grains))


def bell(rng: np.random.Generator, pitch: float) -> Signal:
    """A tram's bell: two strokes close together, partials off the harmonics."""
    base_hz, gap_s = rng.uniform(900, 1800) * pitch, rng.uniform(0.14, 0.2)
    stroke = ringing(base_hz * np.array([1, 1.52, 2.43, 3.17]), 0.16, 0.6, 0.001)
    start_s = rng.uniform(0.0, 0.5)
    return unit(overlay([(start_s, stroke), (start_s + gap_s, 0.9 * stroke)]))


def hiss(rng: np.random.Generator, pitch: float) -> Signal:
    """Air brakes and doors of a bus: a hard start that sighs out."""
    start_s = rng.uniform(0.05, 0.6)
    return unit(overlay([(start_s, burst(rng, 1500 * pitch, 8000, rng.uniform(0.08, 0.16)))]))


def fountain(rng: np.random.Generator, pitch: float) -> Signal:
    """Water falls into water: bubbles, each a short rising note."""
    grains = []
    for time_s in scattered(rng, 45):
        start_hz, length_s = rng.uniform(500, 2500) * pitch, rng.uniform(0.015, 0.04)
        bubble = glide(start_hz, 1.3 * start_hz, (1,), length_s) * fade(length_s, 0.006)
        grains.append((time_s, bubble * rng.uniform(0.3, 1.0)))
    return unit(unit(overlay(grains)) + 0.5 * noise(rng, 500, 4000 * pitch))


SOURCES: dict[str, Source] = {
    source.__name__: source
    for source in (
        hum,
        rumble,
        wind,
        rain,
        engine,
        passing,
        horn,
        babble,
        voice,
        steps,
        clatter,
        rails,
        trolley,
        announcement,
        chime,
        music,
        birds,
        brakes,
        motor,
        inverter,
        bell,
        hiss,
        fountain,
    )
}

"""Three kinds of recordings as people have them, made here: drums, languages, machines."""

from pathlib import Path

import numpy as np
import soundfile

DRUMS = {"kick": 60.0, "snare": 200.0, "hat": 3000.0, "ride": 1800.0}
LANGUAGES = {"danish": 180.0, "finnish": 320.0, "greek": 520.0, "welsh": 840.0}
MACHINES = {"fan": (90.0, 0.3), "pump": (300.0, 0.8), "valve": (700.0, 1.6)}


def _write(path: Path, samples: np.ndarray, rate_hz: int, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.repeat(samples[:, None], channels, axis=1)
    soundfile.write(path, columns.astype(np.float32), rate_hz)


def write_drums(root: Path) -> Path:
    """Write hits of 50 to 200 ms from nine kits: KIT/CLASS_N.wav, a few kits without a ride.

    Kits differ in rate and channels, and reach across the classes.
    """
    rng = np.random.default_rng(1)
    for kit in range(9):
        rate_hz, channels = (44100, 22050, 48000)[kit % 3], 1 + kit % 2
        for name, pitch_hz in DRUMS.items():
            if name == "ride" and kit % 3:
                continue
            for take in range(4):
                time_s = np.arange(int(rate_hz * rng.uniform(0.05, 0.2))) / rate_hz
                tone = np.sin(2 * np.pi * pitch_hz * rng.uniform(0.9, 1.1) * time_s)
                hit = (tone + 0.3 * rng.standard_normal(time_s.size)) * np.exp(-30 * time_s)
                _write(root / name / f"kit{kit}" / f"{take}.wav", 0.3 * hit, rate_hz, channels)
    return root


def write_languages(root: Path) -> Path:
    """Write utterances of 0.2 to 3 s, one folder a class, one class five times as often."""
    rng = np.random.default_rng(2)
    for number, (name, pitch_hz) in enumerate(LANGUAGES.items()):
        for take in range(60 if number == 0 else 12):
            time_s = np.arange(int(16000 * rng.uniform(0.2, 3.0))) / 16000
            voice = np.sin(2 * np.pi * pitch_hz * time_s + np.sin(7 * time_s))
            noise = 0.1 * rng.standard_normal(time_s.size)
            _write(root / name / f"{take}.wav", 0.3 * voice + noise, 16000, 1 + take % 2)
    return root


def write_machines(root: Path, files: int = 10, minutes: float = 10.0) -> Path:
    """Write long recordings at 16 kHz, a folder a class: a hum that swells at its own pace."""
    rng = np.random.default_rng(3)
    time_s = np.arange(int(16000 * 60 * minutes)) / 16000
    for name, (pitch_hz, pace_hz) in MACHINES.items():
        for take in range(files):
            swell = 1 + np.sin(2 * np.pi * pace_hz * time_s)
            hum = np.sin(2 * np.pi * pitch_hz * rng.uniform(0.95, 1.05) * time_s)
            noise = rng.standard_normal(time_s.size)
            _write(root / name / f"{take}.wav", 0.1 * swell * hum + 0.05 * noise, 16000)
    return root

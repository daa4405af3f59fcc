"""How fast clips are decoded and become log-mels, beside a plain loop; prints one JSON object.

    NAS_ASC_DATA=ESC-10 python benchmarks/features.py [--repetitions N] [--clips N]

Without $NAS_ASC_DATA it writes 200 noise clips of 5 s (FLAC, 44.1 kHz) and uses those. Ours is
`load_inputs` with an empty cache: hashes, decoding, log-mel and the writing of both to the cache.
The peer is what one writes without a cache: soundfile and torchaudio.MelSpectrogram clip by clip,
features kept in memory. Both have two threads, give the same features (checked), and take turns.
Each figure is the best of the repetitions; the seconds of processor time stand beside it, since a
busy machine harms them less. The files are in the system's cache for both.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch

from nas_asc.architectures import FrontEnd
from nas_asc.datasets import Clip, Dataset, load_dataset
from nas_asc.features import POWER_FLOOR, load_inputs, torchaudio

THREADS = 2

# deepsound-64, and the mel settings of its siblings
DEEPSOUND = FrontEnd(
    kind="logmel",
    channels=1,
    sample_rate_hz=44100,
    window=2760,
    hop=690,
    n_fft=2760,
    n_mels=64,
    f_min_hz=10.0,
    f_max_hz=16000.0,
)
SIBLINGS = [replace(DEEPSOUND, n_mels=n_mels) for n_mels in (32, 64, 128, 160)]
OTHER_WINDOW = replace(DEEPSOUND, window=2048, n_fft=2048, hop=1024)


def main() -> None:
    """Run all cases and print the result."""
    parser = argparse.ArgumentParser(description="Measure how fast features are made.")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--clips", type=int, help="use about so many of the clips")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        dataset, data = given_or_made(Path(folder))
        step = max(1, len(dataset.clips) // (options.clips or len(dataset.clips)))
        dataset = replace(dataset, clips=dataset.clips[::step])
        audio_s = len(dataset.clips) * dataset.clip_s
        check_agreement(dataset, Path(folder) / "check")
        rows = [
            row(case, best(Path(folder), options.repetitions, *contest), audio_s)
            for case, *contest in cases(dataset)
        ]
    result = {
        "benchmark": "features",
        "data": data,
        "clips": len(dataset.clips),
        "audio_s": audio_s,
        "threads": THREADS,
        "statistic": f"best of {options.repetitions}, ours and peer in turns",
        "rows": rows,
    }
    print(json.dumps(result, indent=2))


def cases(dataset: Dataset) -> list[tuple[str, Callable[[Path], object], ...]]:
    """List (case, prepare, ours, peer); each is given a fresh cache folder."""

    def nothing(cache: Path) -> None:
        pass

    def load(frontend: FrontEnd, cache: Path, *siblings: FrontEnd) -> np.ndarray:
        return load_inputs(dataset, frontend, cache=cache, siblings=siblings)[0].copy()

    return [
        (
            "decode + log-mel, 64 bands",
            nothing,
            lambda cache: load(DEEPSOUND, cache),
            lambda cache: plain_loop(dataset, [DEEPSOUND]),
        ),
        (
            "decode + log-mel, 32, 64, 128 and 160 bands of one window",
            nothing,
            lambda cache: [load(s, cache, *SIBLINGS) for s in SIBLINGS],
            lambda cache: plain_loop(dataset, SIBLINGS),
        ),
        (
            "another window, after a first one",
            lambda cache: load(DEEPSOUND, cache),
            lambda cache: load(OTHER_WINDOW, cache),
            lambda cache: plain_loop(dataset, [OTHER_WINDOW]),
        ),
        (
            "second run, from the cache",
            lambda cache: load(DEEPSOUND, cache),
            lambda cache: load(DEEPSOUND, cache),
            lambda cache: plain_loop(dataset, [DEEPSOUND]),
        ),
    ]


def plain_loop(dataset: Dataset, frontends: list[FrontEnd]) -> list[np.ndarray]:
    """Decode and transform clip by clip, as one writes it without this project."""
    samples = frontends[0].samples(dataset.clip_s)
    transforms = [
        torchaudio.transforms.MelSpectrogram(
            sample_rate=frontend.sample_rate_hz,
            n_fft=frontend.n_fft,
            hop_length=frontend.hop,
            f_min=frontend.f_min_hz,
            f_max=frontend.f_max_hz,
            n_mels=frontend.n_mels,
            norm="slaney",
            mel_scale="slaney",
        )
        for frontend in frontends
    ]
    features: list[list[torch.Tensor]] = [[] for _ in frontends]
    for clip in dataset.clips:
        data, rate_hz = soundfile.read(clip.path, dtype="float32", always_2d=True)
        waveform = torch.from_numpy(data.T).mean(dim=0, keepdim=True)
        if rate_hz != frontends[0].sample_rate_hz:
            waveform = torchaudio.functional.resample(
                waveform, rate_hz, frontends[0].sample_rate_hz
            )
        waveform = waveform[:, :samples]
        waveform = torch.nn.functional.pad(waveform, (0, samples - waveform.shape[1]))
        for rows, transform in zip(features, transforms, strict=True):
            rows.append(transform(waveform).clamp(min=POWER_FLOOR).log().half())
    return [torch.stack(rows).numpy() for rows in features]


def best(
    folder: Path,
    repetitions: int,
    prepare: Callable[[Path], object],
    ours: Callable[[Path], object],
    peer: Callable[[Path], object],
) -> list[tuple[float, float]]:
    """Give the least (wall, processor) seconds of each, taking turns."""
    taken: list[list[tuple[float, float]]] = [[], []]
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            prepare(Path(cache))
            for contestant, times in zip((ours, peer), taken, strict=True):
                wall, processor = time.perf_counter(), time.process_time()
                contestant(Path(cache))
                times.append((time.perf_counter() - wall, time.process_time() - processor))
    return [(min(wall for wall, _ in times), min(cpu for _, cpu in times)) for times in taken]


def row(case: str, seconds: list[tuple[float, float]], audio_s: float) -> dict[str, object]:
    """Give a row of the result; its ratio is how many times as fast ours is."""
    (ours_s, ours_cpu_s), (peer_s, peer_cpu_s) = seconds
    return {
        "case": case,
        "ours": round(audio_s / ours_s, 1),
        "peer": round(audio_s / peer_s, 1),
        "peer_name": "soundfile + torchaudio.MelSpectrogram, clip by clip, two threads",
        "ratio": round(peer_s / ours_s, 2),
        "unit": "seconds of audio per second",
        "ours_cpu_s": round(ours_cpu_s, 3),
        "peer_cpu_s": round(peer_cpu_s, 3),
    }


def check_agreement(dataset: Dataset, cache: Path) -> None:
    """Compare the features of both on some clips, and read all files once."""
    few = replace(dataset, clips=dataset.clips[::10])
    ours = load_inputs(few, DEEPSOUND, cache=cache)[0].astype(np.float32)
    theirs = plain_loop(few, [DEEPSOUND])[0].astype(np.float32)
    difference = float(np.abs(ours - theirs).mean())
    if difference > 0.05:  # ours are made from audio in float16
        raise SystemExit(f"features differ by {difference:.3f} on average")
    for clip in dataset.clips:
        clip.path.read_bytes()


def given_or_made(folder: Path) -> tuple[Dataset, str]:
    """Load the recordings, or write noise clips; also says which."""
    if root := os.environ.get("NAS_ASC_DATA"):
        dataset = load_dataset(Path(root))
        return dataset, f"{dataset.name}: real recordings"
    generator = np.random.default_rng(1)
    clips = []
    for number in range(200):
        path = folder / f"{number}.flac"
        noise = np.cumsum(generator.normal(size=5 * 44100)) % 1 - 0.5
        soundfile.write(path, noise, 44100)
        clips.append(Clip(path, number % 2, "train", str(number), None, None))
    made = Dataset("noise", folder, ("a", "b"), tuple(clips), 5.0, True, 44100, 1, (), ())
    return made, "synthetic noise, 16-bit FLAC"


if __name__ == "__main__":
    main()

"""How fast clips are decoded and become log-mels, beside a plain loop; prints one JSON object.

    NAS_ASC_DATA=ESC-10 python benchmarks/features.py [--repetitions N] [--clips N]

Without $NAS_ASC_DATA it writes 200 noise clips of 5 s (FLAC, 44.1 kHz) and uses those. Ours is
`load_inputs` with an empty cache: hashes, decoding, log-mel and the writing of both to the cache.
The peer is what one writes without a cache: soundfile and torchaudio.MelSpectrogram clip by clip,
features kept in memory. Both have two threads, give the same features (checked), and take turns.
Clips as those of the TAU data sets, ten seconds of noise in 24 bit at 48 kHz of two channels, have
rows of their own: log-mels of their mean, and both channels at 18 kHz, by the Fourier method as by
the peer, scipy.signal.resample in one thread, and by the default.
Each figure is the best of the repetitions; the seconds of processor time stand beside it, since a
busy machine harms them less. The files are in the system's cache for both.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample

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
TAU = replace(DEEPSOUND, sample_rate_hz=48000)
EARS = FrontEnd(kind="waveform", channels=2, sample_rate_hz=18000, resampling="fourier")
STEREO_CLIPS = 24
MEL_PEER = "soundfile + torchaudio.MelSpectrogram, clip by clip, two threads"
WAVEFORM_PEER = "soundfile + scipy.signal.resample, clip by clip, one thread"


@dataclass(frozen=True)
class Case:
    """What ours and the peer do; each is given a fresh cache folder, after `prepare`."""

    name: str
    ours: Callable[[Path], object]
    peer: Callable[[Path], object]
    prepare: Callable[[Path], object] = lambda cache: None
    peer_name: str = MEL_PEER


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
        stereo = stereo_clips(Path(folder), min(options.clips or STEREO_CLIPS, STEREO_CLIPS))
        check_agreement(dataset, DEEPSOUND, plain_loop, Path(folder) / "check")
        check_agreement(stereo, TAU, plain_loop, Path(folder) / "check")
        check_agreement(stereo, EARS, plain_waveforms, Path(folder) / "check")
        contests = [(dataset, case) for case in cases(dataset)]
        contests += [(stereo, case) for case in stereo_cases(stereo)]
        rows = [
            row(case, best(Path(folder), options.repetitions, case), seconds_of(each))
            for each, case in contests
        ]
    result = {
        "benchmark": "features",
        "data": data,
        "clips": len(dataset.clips),
        "audio_s": seconds_of(dataset),
        "threads": THREADS,
        "statistic": f"best of {options.repetitions}, ours and peer in turns",
        "rows": rows,
    }
    print(json.dumps(result, indent=2))


def seconds_of(dataset: Dataset) -> float:
    """Give the seconds of audio of a data set."""
    return len(dataset.clips) * dataset.clip_s


def load(dataset: Dataset, frontend: FrontEnd, cache: Path, *siblings: FrontEnd) -> np.ndarray:
    """Load features as a search does, and read them."""
    return load_inputs(dataset, frontend, cache=cache, siblings=siblings)[0].copy()


def cases(dataset: Dataset) -> list[Case]:
    """List what is done with the recordings."""
    return [
        Case(
            "decode + log-mel, 64 bands",
            lambda cache: load(dataset, DEEPSOUND, cache),
            lambda cache: plain_loop(dataset, [DEEPSOUND]),
        ),
        Case(
            "decode + log-mel, 32, 64, 128 and 160 bands of one window",
            lambda cache: [load(dataset, s, cache, *SIBLINGS) for s in SIBLINGS],
            lambda cache: plain_loop(dataset, SIBLINGS),
        ),
        Case(
            "another window, after a first one",
            lambda cache: load(dataset, OTHER_WINDOW, cache),
            lambda cache: plain_loop(dataset, [OTHER_WINDOW]),
            prepare=lambda cache: load(dataset, DEEPSOUND, cache),
        ),
        Case(
            "second run, from the cache",
            lambda cache: load(dataset, DEEPSOUND, cache),
            lambda cache: plain_loop(dataset, [DEEPSOUND]),
            prepare=lambda cache: load(dataset, DEEPSOUND, cache),
        ),
    ]


def stereo_cases(dataset: Dataset) -> list[Case]:
    """List what is done with clips as those of the TAU data sets."""
    by_default = replace(EARS, resampling="sinc")
    clips = "24-bit stereo at 48 kHz"
    return [
        Case(
            f"{clips}: decode + log-mel of the mean, 64 bands",
            lambda cache: load(dataset, TAU, cache),
            lambda cache: plain_loop(dataset, [TAU]),
        ),
        *(
            Case(
                f"{clips}: decode + both channels at 18 kHz, {way}",
                lambda cache, frontend=frontend: load(dataset, frontend, cache),
                lambda cache: plain_waveforms(dataset, [EARS]),
                peer_name=WAVEFORM_PEER,
            )
            for way, frontend in (("by the Fourier method", EARS), ("by default", by_default))
        ),
    ]


def plain_waveforms(dataset: Dataset, frontends: list[FrontEnd]) -> list[np.ndarray]:
    """Decode and resample clip by clip, all channels, as one writes it without this project."""
    found = []
    for frontend in frontends:
        samples = frontend.samples(dataset.clip_s)
        waveforms = (soundfile.read(clip.path, dtype="float32")[0] for clip in dataset.clips)
        found.append(np.stack([resample(w, samples).T.astype(np.float16) for w in waveforms]))
    return found


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


def best(folder: Path, repetitions: int, case: Case) -> list[tuple[float, float]]:
    """Give the least (wall, processor) seconds of each, taking turns."""
    taken: list[list[tuple[float, float]]] = [[], []]
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            case.prepare(Path(cache))
            for contestant, times in zip((case.ours, case.peer), taken, strict=True):
                wall, processor = time.perf_counter(), time.process_time()
                contestant(Path(cache))
                times.append((time.perf_counter() - wall, time.process_time() - processor))
    return [(min(wall for wall, _ in times), min(cpu for _, cpu in times)) for times in taken]


def row(case: Case, seconds: list[tuple[float, float]], audio_s: float) -> dict[str, object]:
    """Give a row of the result; its ratio is how many times as fast ours is."""
    (ours_s, ours_cpu_s), (peer_s, peer_cpu_s) = seconds
    return {
        "case": case.name,
        "ours": round(audio_s / ours_s, 1),
        "peer": round(audio_s / peer_s, 1),
        "peer_name": case.peer_name,
        "ratio": round(peer_s / ours_s, 2),
        "unit": "seconds of audio per second",
        "ours_cpu_s": round(ours_cpu_s, 3),
        "peer_cpu_s": round(peer_cpu_s, 3),
    }


def check_agreement(
    dataset: Dataset,
    frontend: FrontEnd,
    plainly: Callable[[Dataset, list[FrontEnd]], list[np.ndarray]],
    cache: Path,
) -> None:
    """Compare the features of both on some clips, and read all files once."""
    few = replace(dataset, clips=dataset.clips[::10])
    ours = load_inputs(few, frontend, cache=cache)[0].astype(np.float32)
    theirs = plainly(few, [frontend])[0].astype(np.float32)
    difference = float(np.abs(ours - theirs).mean())
    most = 0.05 if frontend.kind == "logmel" else 1e-4  # ours are made from audio in float16
    if difference > most:
        raise SystemExit(f"features differ by {difference:.5f} on average")
    for clip in dataset.clips:
        clip.path.read_bytes()


def given_or_made(folder: Path) -> tuple[Dataset, str]:
    """Load the recordings, or write noise clips; also says which."""
    if root := os.environ.get("NAS_ASC_DATA"):
        dataset = load_dataset(Path(root))
        return dataset, f"{dataset.name}: real recordings"
    return noise(folder / "mono", 200, 5, 44100, 1, ".flac"), "synthetic noise, 16-bit FLAC"


def stereo_clips(folder: Path, number: int) -> Dataset:
    """Write noise clips as those of the TAU data sets."""
    return noise(folder / "stereo", number, 10, 48000, 2, ".wav", "PCM_24")


def noise(
    folder: Path,
    number: int,
    clip_s: int,
    rate_hz: int,
    channels: int,
    ending: str,
    subtype: str | None = None,
) -> Dataset:
    """Write so many noise clips into a folder of their own."""
    folder.mkdir()
    generator = np.random.default_rng(1)
    clips = []
    for place in range(number):
        path = folder / f"{place}{ending}"
        steps = generator.normal(size=(clip_s * rate_hz, channels))
        soundfile.write(path, np.cumsum(steps, axis=0) % 1 - 0.5, rate_hz, subtype)
        clips.append(Clip(path, place % 2, "train", str(place), None, None))
    about = (float(clip_s), True, rate_hz, channels, (), ())
    return Dataset("noise", folder, ("a", "b"), tuple(clips), *about)


if __name__ == "__main__":
    main()

"""How much memory a search of more clips than memory holds takes; prints one JSON object.

    python benchmarks/large_data.py [--clips N] [--folder DIR] [--trials N] [--epochs N]

Writes N clips of 1 s (200,000: 3.2 GB), 8 kHz, 16 bits, tones in noise, a folder a class, and runs
`nas-asc search` on them with two workers, as a user would. Clips, cache (8 GiB, and more while it
is in use) and run lie in a folder that is removed in the end; in DIR the clips are kept, and taken
if they are there.

Meanwhile the memory of the driver and of each worker is looked at five times a second: the unique
set size (USS) is what a process has for itself, pages of files that no other process has mapped
included; `dirty` is the part of it that it has written to, and that the system cannot take back.
Exit code 1 if any was above 2 GB, or the search failed. Linux only.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLIPS, CLASSES, RATE_HZ = 200_000, 10, 8000
LIMIT_BYTES = 2_000_000_000
SEARCH = ("--space", "mbconv", "--budget", "64KB,2MMAC", "--no-report-models", "--workers", "2")
EVERY_S = 0.2

_AT_A_TIME = 500
_COMMAND = (sys.executable, "-c", "from nas_asc.cli import main; main()", "search")


@dataclass(frozen=True)
class Memory:
    """The most that a process was seen to have for itself, in bytes."""

    uss: int = 0
    dirty: int = 0

    def most(self, other: "Memory") -> "Memory":
        """Return the larger of both, each."""
        return Memory(max(self.uss, other.uss), max(self.dirty, other.dirty))


@dataclass(frozen=True)
class Search:
    """A search that has ended.

    Attributes:
        seconds: of its parts, as far as it came: until the clips are checked, until the search
            begins (a plan is made), and until it has ended.
        memory: of the driver and of each process that it started, by name: workers are numbered,
            and "tracker" is a small one of Python's own.
        features: the size of each array in the cache that it left, in bytes.
    """

    exit_code: int
    said: str
    seconds: dict[str, float]
    memory: dict[str, Memory]
    features: tuple[int, ...]


def main() -> int:
    """Write the clips, search, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--folder", type=Path, help="where to work, and where clips may be")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        clips = folder / f"clips-{options.clips}"
        began = time.monotonic()
        if not clips.is_dir():
            write_clips(work / "clips", options.clips)
            (work / "clips").rename(clips)
        written_s = time.monotonic() - began
        extent = ("--trials", str(options.trials), "--epochs", str(options.epochs))
        done = search(clips, work, [*SEARCH, *extent])
    too_much = [name for name, each in done.memory.items() if each.uss > LIMIT_BYTES]
    result = {
        "benchmark": "large_data",
        "clips": options.clips,
        "trials": options.trials,
        "epochs": options.epochs,
        "sound_bytes": 2 * RATE_HZ * options.clips,
        "features_bytes": sorted(done.features),
        "seconds": {"written": round(written_s, 1), **done.seconds},
        "limit_bytes": LIMIT_BYTES,
        "peak_uss_bytes": {name: each.uss for name, each in done.memory.items()},
        "peak_dirty_bytes": {name: each.dirty for name, each in done.memory.items()},
        "above_limit": too_much,
        "exit_code": done.exit_code,
    }
    print(json.dumps(result, indent=2))
    if done.exit_code:
        print(done.said, file=sys.stderr)
    return int(bool(too_much or done.exit_code))


def write_clips(root: Path, clips: int) -> None:
    """Write clips of 1 s, the same number in a folder for each class: a tone in noise, loud or not.

    Each is of its own, and every class has a pitch.
    """
    rng = np.random.default_rng(0)
    header = _wav_header(2 * RATE_HZ)
    time_s = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    for number in range(CLASSES):
        folder = root / f"pitch{number}"
        folder.mkdir(parents=True)
        of_class = len(range(number, clips, CLASSES))
        for first in range(0, of_class, _AT_A_TIME):
            count = min(_AT_A_TIME, of_class - first)
            pitch_hz = 150.0 * 1.35**number * rng.uniform(0.95, 1.05, (count, 1))
            tones = np.sin((2 * np.pi * pitch_hz).astype(np.float32) * time_s)
            sounds = tones + rng.standard_normal((count, RATE_HZ), dtype=np.float32)
            sounds *= rng.uniform(500, 5000, (count, 1)).astype(np.float32)
            for place, samples in enumerate(sounds.clip(-32768, 32767).astype("<i2"), first):
                (folder / f"{place:06}.wav").write_bytes(header + samples.tobytes())


def _wav_header(sample_bytes: int) -> bytes:
    """Return the first 44 bytes of a WAV file of 16 bits, one channel."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    data = struct.pack("<4sI", b"data", sample_bytes)
    return struct.pack("<4sI4s", b"RIFF", 36 + sample_bytes, b"WAVE") + form + data


def search(clips: Path, work: Path, options: Sequence[object]) -> Search:
    """Run `nas-asc search` with cache and run in a folder, and look at its memory meanwhile."""
    cache = work / "cache"
    command = [*_COMMAND, "--data", clips, "--out", work / "run", *options]
    environment = {**os.environ, "NAS_ASC_CACHE": str(cache)}
    began, seconds, lines = time.monotonic(), dict[str, float](), list[str]()
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as driver:
        watch = _Watch(driver.pid)
        watch.start()
        assert driver.stderr is not None
        for line in driver.stderr:
            lines.append(line)
            for start, part in (("data:", "checked"), ("search:", "planned"), ("wrote", "ended")):
                if line.startswith(start):
                    seconds.setdefault(part, round(time.monotonic() - began, 1))
        exit_code = driver.wait()
        watch.stop()
    features = tuple(path.stat().st_size for path in (cache / "features").glob("*.npy"))
    return Search(exit_code, "".join(lines), seconds, watch.memory, features)


class _Watch(threading.Thread):
    """Looks at the memory of a process and of those that it started, again and again."""

    def __init__(self, driver: int) -> None:
        super().__init__(daemon=True)
        self._driver = driver
        self._ended = threading.Event()
        self._names = {driver: "driver"}
        self.memory: dict[str, Memory] = {}

    def run(self) -> None:
        while not self._ended.wait(EVERY_S):
            for process in [self._driver, *_children(self._driver)]:
                with suppress(OSError):  # it has ended
                    found, name = memory_of(process), self._name_of(process)
                    self.memory[name] = found.most(self.memory.get(name, Memory()))

    def _name_of(self, process: int) -> str:
        if process not in self._names:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            tracks = b"resource_tracker" in command
            workers = sum(name.startswith("worker") for name in self._names.values())
            self._names[process] = "tracker" if tracks else f"worker {workers + 1}"
        return self._names[process]

    def stop(self) -> None:
        self._ended.set()
        self.join()


def memory_of(process: int) -> Memory:
    """Return what a process has for itself; OSError where it has ended."""
    kilobytes = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, value, _ = line.split()
        kilobytes[name] = int(value)
    dirty = 1024 * kilobytes["Private_Dirty:"]
    return Memory(dirty + 1024 * kilobytes["Private_Clean:"], dirty)


def _children(process: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text(encoding="ascii").split())
    return found


if __name__ == "__main__":
    sys.exit(main())

"""Folders in the layout of TAU Urban Acoustic Scenes, of tiny clips of noise."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

CLASSES = {
    "airport": "indoor",
    "bus": "transportation",
    "metro": "transportation",
    "metro_station": "indoor",
    "park": "outdoor",
    "public_square": "outdoor",
    "shopping_mall": "indoor",
    "street_pedestrian": "outdoor",
    "street_traffic": "outdoor",
    "tram": "transportation",
}
CITIES = ("helsinki", "lyon", "milan")
META = "filename\tscene_label\tidentifier\tsource_label"
LIST = "filename\tscene_label"
# Of each edition: the devices of a place, and the seconds in names.
DEVICES = {"3class": "a", "mobile_v1": "a b s1 s4", "mobile_v2": "a b s1 s4", "2022": "a s1 s4"}
VERSION_1 = "audio/airport-barcelona-1-87-c.wav"  # a clip that version 2 no longer has


@dataclass
class Rows:
    """The rows of the tables of a folder, by the part of the official split that clips are in."""

    meta: list[str] = field(default_factory=list)
    parts: Mapping[str, list[str]] = field(
        default_factory=lambda: {"train": [], "test": [], "neither": []}
    )

    def add(self, part: str, name: str, label: str, place: str, device: str) -> None:
        self.meta.append(f"{name}\t{label}\t{place}\t{device}")
        self.parts[part].append(f"{name}\t{label}")

    def names(self, part: str) -> list[str]:
        return [row.partition("\t")[0] for row in self.parts[part]]


def tau_rows(kind: str, places: int = 5, scenes: Sequence[str] = tuple(CLASSES)) -> Rows:
    """Plan a data set: the first place of each scene tests, the last is in neither list.

    Devices s4 are only in the test part, as those that are unseen in training.
    """
    rows = Rows()
    for number, scene in enumerate(scenes):
        label = CLASSES[scene] if kind == "3class" else scene
        for place in range(places):
            where = f"{CITIES[place % 3]}-{100 * number + place}"
            part = "test" if place == 0 else "neither" if place == places - 1 else "train"
            for device in DEVICES[kind].split():
                unseen = part == "train" and device == "s4"
                for second in ("-0", "-1") if kind == "2022" else ("",):
                    name = f"audio/{scene}-{where}-{10 * place}{second}-{device}.wav"
                    rows.add("neither" if unseen else part, name, label, where, device)
    if kind == "mobile_v1":
        rows.add("train", VERSION_1, "airport", "barcelona-1", "c")
    return rows


def write_lists(root: Path, rows: Rows, end: str = "\n") -> None:
    """Write `meta.csv` and the lists of a data set, with some line end."""
    write_rows(root / "meta.csv", META, rows.meta, end)
    setup = root / "evaluation_setup"
    write_rows(setup / "fold1_train.csv", LIST, rows.parts["train"], end)
    write_rows(setup / "fold1_evaluate.csv", LIST, rows.parts["test"], end)
    write_rows(setup / "fold1_test.csv", "filename", rows.names("test"), end)


def write_rows(path: Path, header: str, rows: Sequence[str], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(end.join([header, *rows, ""]).encode())


def write_tau(
    root: Path, kind: str, end: str = "\n", seconds: float = 0.05, rate_hz: int = 8000, **plan: int
) -> Rows:
    """Write a whole data set; what is in it is returned."""
    rows = tau_rows(kind, **plan)
    write_lists(root, rows, end)
    (root / "audio").mkdir()
    for row in rows.meta:
        write_noise(root / row.partition("\t")[0], seconds, rate_hz)
    return rows


def write_noise(path: Path, seconds: float = 0.05, rate_hz: int = 8000) -> None:
    """Write noise that differs from name to name."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    soundfile.write(path, rng.uniform(-0.5, 0.5, round(seconds * rate_hz)), rate_hz)

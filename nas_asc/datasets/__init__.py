"""Labelled recordings: found in folders of several layouts, split without leaks, or made here."""

from nas_asc.datasets.check import Finding, check
from nas_asc.datasets.dataset import SPLITS, Clip, Dataset
from nas_asc.datasets.decoding import AudioFile, Waveform, decode, stamp_of, unreadable
from nas_asc.datasets.fingerprints import check_files, hash_files
from nas_asc.datasets.layouts import LAYOUTS
from nas_asc.datasets.loading import load_dataset, outline
from nas_asc.datasets.synthetic import synthetic_dataset, write_synthetic

__all__ = [
    "LAYOUTS",
    "SPLITS",
    "AudioFile",
    "Clip",
    "Dataset",
    "Finding",
    "Waveform",
    "check",
    "check_files",
    "decode",
    "hash_files",
    "load_dataset",
    "outline",
    "stamp_of",
    "synthetic_dataset",
    "unreadable",
    "write_synthetic",
]

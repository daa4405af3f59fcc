"""Labelled recordings: found in folders of several layouts, split without leaks, or made here."""

from nas_asc.datasets.checking import check
from nas_asc.datasets.dataset import Clip, Dataset
from nas_asc.datasets.decoding import AudioFile, Waveform, decode, hash_files, is_unchanged
from nas_asc.datasets.folds import cross_validation
from nas_asc.datasets.joining import JoinedClips, join_training_clips
from nas_asc.datasets.lengths import windows_of_file
from nas_asc.datasets.loading import clip_table, load_as_split, load_dataset, outline
from nas_asc.datasets.official import official_test_clips
from nas_asc.datasets.splits import SPLITS
from nas_asc.datasets.synthetic import dataset_of, synthetic_dataset, write_synthetic

__all__ = [
    "SPLITS", "AudioFile", "Clip", "Dataset", "JoinedClips", "Waveform", "check", "clip_table",
    "cross_validation", "dataset_of", "decode", "hash_files", "is_unchanged", "join_training_clips",
    "load_as_split", "load_dataset", "official_test_clips", "outline", "synthetic_dataset",
    "windows_of_file", "write_synthetic",
]  # fmt: skip

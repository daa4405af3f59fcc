"""The data set folders that are found by themselves, one file per layout."""

from nas_asc.datasets.layouts import class_folders, esc, speech_commands, table, tau
from nas_asc.datasets.layouts.listing import Entry, Layout, Listing

# The first that matches a folder reads it: the most particular stand first.
LAYOUTS = {
    "tau": Layout("meta.csv, evaluation_setup/fold1_train.csv", tau.matches, tau.read),
    "esc50": Layout("audio/, meta/esc50.csv", esc.is_esc50, esc.read_esc50),
    "speech_commands": Layout(
        "WORD/SPEAKER_nohash_0.wav, validation_list.txt, testing_list.txt",
        speech_commands.matches,
        speech_commands.read,
    ),
    "table": Layout("a CSV or TSV table with filename and label", table.matches, table.read),
    "split_folders": Layout(
        "train/CLASS/CLIP", class_folders.matches_splits, class_folders.read_splits
    ),
    "esc10": Layout("001 - CLASS/1-100032-A.ogg", esc.is_esc10, esc.read_esc10),
    "class_folders": Layout("CLASS/CLIP", class_folders.matches, class_folders.read),
}

__all__ = ["LAYOUTS", "Entry", "Layout", "Listing"]

"""The data set folders that are found by themselves, one file per layout."""

from nas_asc.datasets.layouts import (
    class_folders,
    esc10,
    esc50,
    speech_commands,
    split_folders,
    table,
    tau,
)
from nas_asc.datasets.layouts.listing import Entry, Layout, Listing

# The first that matches a folder reads it: the most particular stand first.
LAYOUTS = {
    "tau": Layout("meta.csv, evaluation_setup/fold1_train.csv", tau.matches, tau.read),
    "esc50": Layout("audio/, meta/esc50.csv", esc50.matches, esc50.read),
    "speech_commands": Layout(
        "WORD/SPEAKER_nohash_0.wav, validation_list.txt, testing_list.txt",
        speech_commands.matches,
        speech_commands.read,
    ),
    "table": Layout("a CSV or TSV table with filename and label", table.matches, table.read),
    "split_folders": Layout("train/CLASS/CLIP", split_folders.matches, split_folders.read),
    "esc10": Layout("001 - CLASS/1-100032-A.ogg", esc10.matches, esc10.read),
    "class_folders": Layout("CLASS/CLIP", class_folders.matches, class_folders.read),
}

__all__ = ["LAYOUTS", "Entry", "Layout", "Listing"]

"""One folder per split, and in it one folder per class, such as `train/dog/1.wav`."""

from nas_asc.datasets.folder import Folder
from nas_asc.datasets.layouts.class_folders import class_names
from nas_asc.datasets.layouts.listing import Entry, Listing
from nas_asc.datasets.layouts.recording import groups_of
from nas_asc.datasets.layouts.table import SPLIT_WORDS


def matches(folder: Folder) -> bool:
    """Tell whether the top folders are splits, a training one among them."""
    splits = {SPLIT_WORDS.get(name.lower()) for name in folder.top_folders}
    nested = all(len(path.parts) > 2 for path in folder.audio)
    return nested and None not in splits and "train" in splits and len(splits) > 1


def read(folder: Folder) -> Listing:
    """List the clips; the split is the first folder, the class the second."""
    labels = class_names(sorted({path.parts[1] for path in folder.audio}))
    groups, grouping = groups_of(folder.audio, depth=2)
    entries = tuple(
        Entry(
            folder.root / path,
            labels[path.parts[1]],
            group,
            split=SPLIT_WORDS[path.parts[0].lower()],
        )
        for path, group in zip(folder.audio, groups, strict=True)
    )
    return Listing(entries, grouping)

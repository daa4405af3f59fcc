"""Whether an OGG file is whole: libsndfile takes one that was cut off for a shorter clip.

A file is a row of pages (RFC 3533, section 6): "OggS", 22 bytes of header, the number of segments,
a length for each segment, and the segments.
"""

from pathlib import Path

_MARK = b"OggS"
_HEADER = 27


def is_cut_off(path: Path) -> bool:
    """Say whether the last page of an OGG file ends behind the end of the file.

    A file that is none, or was cut exactly between two pages, is not said to be; what stands behind
    the last page, such as a tag, is passed over.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        place = 0
        while place < size:
            file.seek(place)
            header = file.read(_HEADER)
            if header[: len(_MARK)] != _MARK[: len(header)]:
                return False
            if len(header) < _HEADER:
                return True
            lengths = file.read(header[-1])
            if len(lengths) < header[-1]:
                return True
            place += _HEADER + len(lengths) + sum(lengths)
    return place > size

"""Whether an OGG file is whole: libsndfile takes one that was cut off for a shorter clip.

A file is a row of pages (RFC 3533, section 6): "OggS", 22 bytes of header, the number of segments,
a length for each segment, and the segments.
"""

from pathlib import Path

_MARK = b"OggS"
_HEADER = 27
_LONGEST_PAGE = _HEADER + 255 + 255 * 255


def is_cut_off(path: Path) -> bool:
    """Say whether the last page of an OGG file ends behind the end of the file.

    A file that is none, or was cut exactly between two pages, is not said to be.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_MARK)) != _MARK:
            return False
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_PAGE))
        tail = file.read()
    # The mark can also stand inside a segment by chance, so every place is tried.
    place = tail.rfind(_MARK)
    while place >= 0:
        if _ends_at(tail, place) == len(tail):
            return False
        place = tail.rfind(_MARK, 0, place)
    return True


def _ends_at(tail: bytes, place: int) -> int | None:
    """Give where the page at a place ends; None where its header is not complete."""
    lengths = place + _HEADER
    if lengths > len(tail):
        return None
    segments = tail[lengths - 1]
    if lengths + segments > len(tail):
        return None
    return lengths + segments + sum(tail[lengths : lengths + segments])

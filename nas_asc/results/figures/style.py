"""The colours of all pictures and pages, and the settings that all pictures are drawn with."""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# These remain apart in common colour blindness (Okabe and Ito 2008).
BLUE, ORANGE = "#0072B2", "#D55E00"
DEEP_ORANGE = "#B34E00"  # the orange of words, dark enough to be read on white
GREY = "#9AA0A6"
RED, PALE_RED = "#B3261E", "#FBE9E7"  # the budget, and what lies beyond it
DARK, SOFT = "#202124", "#5F6368"  # words and axes
LINE, EDGE = "#E8EAED", "#CBD0D6"
STRIP, BLOCK = "#F8F9FA", "#F7F8FA"  # behind the models that were not trained, and behind blocks

_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": DARK,
    "text.color": DARK,
    "text.parse_math": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "grid.color": LINE,
    "svg.hashsalt": "nas-asc",  # the same figure gives the same bytes
}


@contextmanager
def own_settings(**others: object) -> Iterator[None]:
    """Draw with this project's settings and some others, whatever those of the caller are."""
    # Where no settings folder can be written it makes a temporary one, and says so at its import.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Names of data sets may hold signs that the font does not have.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, **others})  # type: ignore[dict-item]  # stubs want literals
        yield


def saved(figure: "Figure", kinds: Sequence[str], dpi: int) -> list[bytes]:
    """Return a figure in several formats, "svg" or "png"; the date is left out."""
    contents = []
    for kind in kinds:
        file = io.BytesIO()
        figure.savefig(file, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else {})
        contents.append(file.getvalue())
    return contents

"""The live progress line on stderr."""

import sys
from time import monotonic

from nas_asc.commands.terminal import columns_of, styled
from nas_asc.progress import Progress, progress_line

_EVERY_S_IN_A_LOG = 30.0


class Live:
    """Rewrites one line of a terminal; into a log it writes a line now and then."""

    def __init__(self, kb: int) -> None:
        self._kb = kb
        self._terminal = styled(sys.stderr)
        self._last = 0.0
        self._finished = -1
        self._open = False

    def show(self, progress: Progress) -> None:
        """Show how far the search is."""
        if self._terminal:
            width = columns_of(sys.stderr) - 1
            sys.stderr.write("\r\x1b[2K" + progress_line(progress, self._kb, width))
            sys.stderr.flush()
            self._open = True
        elif progress.finished != self._finished and monotonic() - self._last > _EVERY_S_IN_A_LOG:
            sys.stderr.write(progress_line(progress, self._kb) + "\n")
            sys.stderr.flush()
            self._last, self._finished = monotonic(), progress.finished

    def end(self) -> None:
        """Leave the line as it is."""
        if self._open:
            sys.stderr.write("\n")
            self._open = False

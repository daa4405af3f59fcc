"""What happens where stdout or stderr cannot be written: a full disk, a reader that has gone.

Results that cannot be written end the command; remarks and progress that cannot be written are
let go. A stdout that was closed from the start ends it likewise at the first result, so that files
which a command writes besides are written. Nothing is left that would fail again when Python
flushes its streams at its end.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputLost(Exception):
    """Stdout cannot be written any more; no OSError, since it is not about any file of ours.

    Attributes:
        reason: what the system says; None where the reader of a pipe has seen enough.
    """

    def __init__(self, error: OSError) -> None:
        self.reason = None if error.errno == errno.EPIPE else (error.strerror or str(error)).lower()
        super().__init__(
            f"cannot write the output to stdout: {self.reason} - make room or send it elsewhere"
        )


class _Results(io.FileIO):
    """Stdout: the first write that fails ends the command, what is left goes nowhere.

    Attributes:
        closed_before: Stdout was closed from the start; what is written to now is the null device.
    """

    closed_before = False
    _lost = False

    def write(self, data: "ReadableBuffer") -> int | None:  # type: ignore[override]  # None: try again
        """Write some of the bytes, or say that none can be written."""
        if self._lost:
            return memoryview(data).nbytes
        try:
            if self.closed_before:
                raise OSError(errno.EBADF, "it is closed")
            return super().write(data)
        except OSError as error:
            self._lost = True
            raise OutputLost(error) from None


class _Remarks(io.FileIO):
    """Stderr: what cannot be written goes nowhere."""

    def write(self, data: "ReadableBuffer") -> int | None:  # type: ignore[override]  # None: try again
        """Write some of the bytes, or let them go."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def guard_streams() -> None:
    """Put guards before this process's own stdout and stderr; streams of others are left alone."""
    for descriptor in (0, 1, 2):
        _occupy(descriptor)
    if sys.stderr is None:
        sys.stderr = _text(_Remarks(2, "w", closefd=False), None)
    elif _is(sys.stderr, sys.__stderr__):
        sys.stderr = _text(_Remarks(sys.stderr.fileno(), "w", closefd=False), sys.stderr)
    if sys.stdout is None:
        results = _Results(1, "w", closefd=False)
        results.closed_before = True
        sys.stdout = _text(results, None)
    elif _is(sys.stdout, sys.__stdout__):
        sys.stdout = _text(_Results(sys.stdout.fileno(), "w", closefd=False), sys.stdout)


def _occupy(descriptor: int) -> None:
    """Put the null device where a stream is closed, or the next file opened would become it."""
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)


def _is(stream: object, own: object) -> bool:
    return stream is own


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding if like else "utf-8",
        errors=like.errors if like else None,
        line_buffering=True,
    )

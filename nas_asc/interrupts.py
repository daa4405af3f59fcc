"""Ctrl-C in a search: the first ends it between two steps, the second at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Whether somebody has pressed Ctrl-C."""

    def __init__(self) -> None:
        self.pressed = False

    def check(self) -> None:
        """Raise what Ctrl-C raises, if it was pressed since the search began."""
        if self.pressed:
            raise KeyboardInterrupt

    def _press(self, *_: object) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def held_interrupts() -> Iterator[Interrupts]:
    """Hold a first Ctrl-C until `check`, so that what has just come in is stored before the end."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, interrupts._press)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)

"""SIGTERM and SIGHUP end a command as Ctrl-C does: what is finished is kept, and no worker is left.

Left out: a signal that was ignored when the program began, as under `nohup`, stays ignored. Windows has no SIGHUP.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_WORDS = {"SIGTERM": "terminated", "SIGHUP": "hung up"}
_ENDING = {getattr(signal, name): words for name, words in _WORDS.items() if hasattr(signal, name)}


class Ended(KeyboardInterrupt):
    """Raised when a signal other than Ctrl-C's tells the program to end."""

    def __init__(self, number: int) -> None:
        super().__init__(_ENDING[number])
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Ended` in the block when one of the signals comes, and only once, so that nothing disturbs the ending."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _: FrameType | None) -> NoReturn:
        for one in heard:
            signal.signal(one, signal.SIG_IGN)
        raise Ended(number)

    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)

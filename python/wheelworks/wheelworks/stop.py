"""How the command line is stopped: every signal that asks for it unwinds, so that all that was started ends as well."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGHUP)
"""The signals that end a process, and leave its children; SIGINT is an exception by itself."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent dies."""


_held_back = False
_came: list[int] = []
"""The signals that came while they were held back."""


class Stopped(SystemExit):
    """Raised in the main thread by a signal; the exit status is 128 and the signal's number, as in a shell."""


def unwind_on_signals() -> None:
    """Have a signal raise `Stopped`; one that the caller has chosen to ignore, as nohup does, stays ignored."""
    for number in (*ASKING, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def end_with_nox(environment: Mapping[str, str]) -> None:
    """Have the death of nox end this process: nox passes on no signal but SIGINT, and would leave it running."""
    if "NOX_CURRENT_SESSION" not in environment:
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died meanwhile
        raise Stopped(128 + signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back in the main thread, where they are handled; `heed` then raises for one that has come."""
    global _held_back
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _held_back = True
    try:
        yield
    finally:
        _held_back = False


def heed() -> None:
    """Raise for a signal that came while signals were held back."""
    if _came and threading.current_thread() is threading.main_thread():
        number = _came.pop()
        _came.clear()
        _raise(number, None)


def _raise(number: int, _: FrameType | None) -> None:
    if _held_back:
        _came.append(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        raise Stopped(128 + number)

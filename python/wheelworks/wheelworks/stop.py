"""How the command line is stopped: every signal that asks for it unwinds, so that all that was started ends as well."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGHUP)
"""The signals that end a process, and leave its children; SIGINT is an exception by itself."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent dies."""


class Stopped(SystemExit):
    """Raised in the main thread by a signal; the exit status is 128 and the signal's number, as in a shell."""


def unwind_on_signals() -> None:
    """Have a signal raise `Stopped`; one that the caller has chosen to ignore, as nohup does, stays ignored."""
    for number in ASKING:
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


def _raise(number: int, _: FrameType | None) -> None:
    raise Stopped(128 + number)

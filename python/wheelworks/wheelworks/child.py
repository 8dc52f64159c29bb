"""A running command with its process group: followed line by line, held to its time, and ended whole."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from wheelworks import stop

TIMED_OUT = 1 << 16
"""The status of a command that was stopped since its time was up: one that no process can have."""

UMASK = 0o022
"""What a command creates is readable for all, whatever the shell's umask is."""

TICK = 0.1
"""Seconds between two looks at a silent command."""

DRAIN = 5.0
"""Seconds for what an ended command has left in the pipe, where another process goes on writing to it."""

PATIENCE = 5.0
"""Seconds that a group has to put away what it holds, before it is killed."""


class NotStartedError(Exception):
    """A command is not there, or cannot be run; ``error`` is the system's."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


HELD: set[int] = set()
"""Locks that every command has as well, as descriptors: what outlives a killed starter still holds them."""


class Child:
    """A command in a process group of its own, started as a context that leaves no process of the group behind."""

    def __init__(self, words: tuple[str, ...], cwd: Path | None, environment: Mapping[str, str]) -> None:
        self.output = ""
        self._ended = time.monotonic()
        self._words, self._cwd, self._environment = words, cwd, environment

    def __enter__(self) -> Child:
        try:
            with stop.held_back():  # a signal must not come between the start and the note of it
                self._process = self._start()
        except OSError as error:
            raise NotStartedError(error) from error
        except BaseException:  # a signal just after it
            self.__exit__()
            raise
        return self

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._words,
            cwd=self._cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=UMASK,
            pass_fds=tuple(HELD),
        )

    def __exit__(self, *_: object) -> None:
        try:
            if not self._has_exited():
                self._ask_to_end()
        finally:  # also where a second signal interrupts the waiting
            self._signal(signal.SIGKILL)
            if self._process.stdout is not None:
                self._process.stdout.close()  # not read to its end, which another process may keep from coming
            self._process.wait()

    def follow(self, on_line: Callable[[str], None] | None, timeout: float | None) -> int:
        """Read the output until the command ends or its time is up; return its status.

        The end of the command counts and not that of the pipe, which a process that it left behind may hold open.
        """
        stop.heed()
        deadline = None if timeout is None else time.monotonic() + timeout
        lines = _Lines(on_line)
        try:
            while not self._is_done(lines):
                if deadline is not None and time.monotonic() > deadline:
                    return TIMED_OUT
        finally:
            self.output = lines.close()
        return _status(self._process.pid)

    def _is_done(self, lines: _Lines) -> bool:
        """Read what has come within a tick; true where the command has exited and nothing more comes."""
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        exited = self._has_exited()  # before the look, so that no last words are missed
        if exited and self._ended + DRAIN < time.monotonic():
            return True
        self._ended = self._ended if exited else time.monotonic()
        stream = self._process.stdout.fileno()
        if not lines.open:
            time.sleep(0 if exited else TICK)
            return exited
        if select.select([stream], [], [], TICK)[0]:
            lines.take(os.read(stream, 1 << 16))
            return False
        return exited

    def _has_exited(self) -> bool:
        """Look without reaping: the group's number stays taken until the last of it was signalled."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while not self._has_exited() and time.monotonic() < deadline:
            time.sleep(TICK)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left, or it is another user's
            os.killpg(self._process.pid, number)


class _Lines:
    """Takes bytes as they come and passes lines on."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.open = True
        self._on_line = on_line
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        self._parts: list[str] = []
        self._started = ""

    def take(self, data: bytes) -> None:
        """Take what was read; nothing stands for the end."""
        self.open = bool(data)
        text = self._decoder.decode(data, final=not data)
        self._parts.append(text)
        *whole, self._started = (self._started + text).split("\n")
        for line in whole:
            self._pass_on(line)

    def close(self) -> str:
        """Pass the last line on, also one without an end, and return all that came."""
        if self._started:
            self._pass_on(self._started)
            self._started = ""
        return "".join(self._parts)

    def _pass_on(self, line: str) -> None:
        if self._on_line is not None:
            self._on_line(line)


def _status(pid: int) -> int:
    """Return the status of an exited process, which stays to be reaped; a signal's is negative, as in subprocess."""
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None  # noqa: S101  without WNOHANG it waits
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

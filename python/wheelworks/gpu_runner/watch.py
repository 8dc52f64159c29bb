"""One process of a job, and the clock that stops it where it stands still.

A test has its limit from its ``start`` to its ``finish``. All else, import, collection, the time between two tests and
the end, has a limit of its own, so that a slow start counts against no test.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gpu_runner.journal import Event, Tail

POLL = 0.2
"""Seconds between two looks at a process and its journal."""

PROGRESS = 60.0
"""Seconds between two lines on how far a job has come."""


class Stopped(Exception):  # noqa: N818 - no error: the runner is ending, and so its processes
    """The runner was told to end while a process ran; what the process was at counts for nothing."""


@dataclass(frozen=True)
class Clock:
    """Where the seconds come from; a test has its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Limits:
    """Seconds that one test may take, and seconds that pass without a test at work."""

    test: float = 300.0
    start: float = 900.0

    def times(self, factor: float) -> Limits:
        """Return the limits where everything takes ``factor`` times as long."""
        return Limits(self.test * factor, self.start * factor)


@dataclass(frozen=True)
class Guard:
    """What ends a process before its time: its limits, or the end of the runner."""

    limits: Limits
    clock: Clock
    stop: threading.Event
    say: Callable[[str], None]


@dataclass(frozen=True)
class Process:
    """What is started, and where it writes."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    cwd: Path
    journal: Path
    log: Path


@dataclass(frozen=True)
class Standing:
    """How far a process has come, by its events."""

    test: str | None = None
    left: int | None = None
    done: int = 0

    def after(self, event: Event) -> Standing:
        """Return the standing after an event."""
        match event["event"]:
            case "collected":
                return replace(self, left=event["tests"], done=event["done"])
            case "start":
                return replace(self, test=event["test"])
            case "finish":
                left = None if self.left is None else self.left - 1
                return replace(self, test=None, left=left, done=self.done + 1)
        return self

    @property
    def awaited(self) -> str:
        """Name what comes next where no test is at work."""
        if self.left == 0:
            return "end"
        return "next test" if self.done else "first test"

    def __str__(self) -> str:
        if self.left is None:
            return "pytest is starting"
        place = f"at {self.test}" if self.test else f"no {self.awaited} yet"
        return f"{self.done} of {self.done + self.left} tests are over, {place}"


@dataclass(frozen=True)
class End:
    """How a process ended: with a status, or None where it was stopped, at ``hung`` or for a ``fault`` of no test.

    ``whole`` where it had collected its tests and come to the end of every one.
    """

    status: int | None
    whole: bool = False
    hung: str | None = None
    fault: str = ""


def run_process(process: Process, guard: Guard) -> End:
    """Run a command in a process group of its own, which ends with it whatever happens."""
    tail = Tail(process.journal)
    with process.log.open("ab") as log:
        child = _start(process, log)
        try:
            return _follow(child, process.name, tail, guard)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _start(process: Process, log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        process.command,
        cwd=process.cwd,
        env=process.environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _follow(child: subprocess.Popen[bytes], name: str, tail: Tail, guard: Guard) -> End:
    standing = Standing()
    since = spoken = guard.clock.now()
    while child.poll() is None:
        guard.clock.sleep(POLL)
        now = guard.clock.now()  # before the journal is read: what it tells of by then has begun before
        for event in tail.new():
            standing = standing.after(event)
            since = now if event["event"] in ("start", "finish") else since
        if guard.stop.is_set():
            raise Stopped
        if (end := _overdue(standing, now - since, guard.limits)) is not None:
            return end
        if now - spoken >= PROGRESS:
            spoken = now
            guard.say(f"  {name}: {standing}")
    if guard.stop.is_set():
        raise Stopped
    for event in tail.new():
        standing = standing.after(event)
    return End(child.returncode, whole=standing.left == 0)


def _overdue(standing: Standing, seconds: float, limits: Limits) -> End | None:
    """Return the end of a process that has stood where it stands for too long."""
    if standing.test is not None:
        return End(None, hung=standing.test) if seconds > limits.test else None
    if seconds <= limits.start:
        return None
    return End(None, fault=f"pytest did not come to its {standing.awaited} within {limits.start:g} s")

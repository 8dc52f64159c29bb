"""The one gate through which the pipeline runs other programs."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """A finished process: its exit status and all that it printed, both streams in the order in which they came."""

    command: tuple[str, ...]
    returncode: int
    output: str

    @property
    def ok(self) -> bool:
        """True where the process exited with 0."""
        return self.returncode == 0

    @property
    def command_line(self) -> str:
        """The command as it can be typed into a shell."""
        return shlex.join(self.command)

    def last_lines(self, count: int = 20) -> str:
        """Return the end of the output, for an error's text."""
        return "\n".join(self.output.strip().splitlines()[-count:])


class Runner(Protocol):
    """Runs a command; what `run` does, and what a test replaces."""

    def __call__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run ``command`` to its end."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a command in its own process group, so that stopping it stops what it started.

    ``env`` is added to this process's environment; ``on_line`` sees each line as it comes. A command that is not there
    completes with status 127, one that outlasts ``timeout`` seconds with 124, as under a shell and ``timeout(1)``.
    """
    words = tuple(str(word) for word in command)
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        return Completed(words, 127, str(error))
    with process, _Alarm(process, timeout) as alarm:
        output = _read(process, on_line)
    if alarm.rang:
        return Completed(words, 124, f"{output}\nstopped after {timeout} s")
    return Completed(words, process.returncode, output)


def _read(process: subprocess.Popen[str], on_line: Callable[[str], None] | None) -> str:
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if on_line is not None:
                on_line(line.rstrip("\n"))
        process.wait()
    finally:
        if process.poll() is None:
            _stop(process)
    return "".join(lines)


def _stop(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


class _Alarm:
    """Stops the process and its group when the time is up."""

    def __init__(self, process: subprocess.Popen[str], timeout: float | None) -> None:
        self.rang = False
        self._process = process
        self._timer = Timer(timeout, self._ring) if timeout is not None else None

    def _ring(self) -> None:
        self.rang = True
        _stop(self._process)

    def __enter__(self) -> _Alarm:
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

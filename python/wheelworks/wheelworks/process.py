"""The one gate through which the pipeline runs other programs.

Every command gets an environment that is known and a process group of its own. When the command ends, by whatever
cause, so has all that it started: nothing of a stopped build runs beside the next one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wheelworks.child import TIMED_OUT, Child, NotStartedError
from wheelworks.environment import close
from wheelworks.stop import heed


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


@dataclass(frozen=True)
class Gate:
    """Runs commands; ``environment`` is what a command sees that is given none of its own."""

    environment: Callable[[], Mapping[str, str]]

    def __call__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command to its end, and end what it has left behind.

        ``env`` is the command's whole environment; ``on_line`` sees each line as it comes. A command that is not there
        completes with status 127, one that cannot be run with 126, one that outlasts ``timeout`` seconds with 124, as
        under a shell and ``timeout(1)``.
        """
        words = tuple(str(word) for word in command)
        try:
            with Child(words, cwd, self.environment() if env is None else env) as child:
                status = child.follow(on_line, timeout)
        except NotStartedError as failed:
            heed()
            return Completed(words, 127 if isinstance(failed.error, FileNotFoundError) else 126, str(failed))
        if status == TIMED_OUT:
            return Completed(words, 124, f"{child.output}\nstopped after {timeout} s")
        return Completed(words, status, child.output)


def closed_environment(**more: str) -> dict[str, str]:
    """Return what a command of the pipeline may see of this process's environment, with variables of its own."""
    return {**close(os.environ).variables, **more}


def open_environment(**more: str) -> dict[str, str]:
    """Return this process's whole environment, with variables added."""
    return {**os.environ, **more}


run: Runner = Gate(closed_environment)
"""Runs what makes or judges a wheel: it sees the variables that are let through, and no other of the shell."""

run_open: Runner = Gate(open_environment)
"""Runs what acts for the user, with all that the shell says: publishers with their tokens, and tests on a GPU."""

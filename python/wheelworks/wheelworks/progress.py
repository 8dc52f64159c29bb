"""The progress of a build, read from ninja's lines: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

STEP = re.compile(r"^\[(\d+)/(\d+)\] (.*)$")


@dataclass(frozen=True)
class Step:
    """One line of ninja's progress."""

    done: int
    total: int
    what: str


def read_step(line: str) -> Step | None:
    """Read ``[3/12] Building CUDA object .../rmsnorm.cu.o``; None for every other line."""
    found = STEP.match(line)
    if found is None:
        return None
    what = found[3].split(" ")[-1].rsplit("/", 1)[-1].removesuffix(".o")
    return Step(int(found[1]), int(found[2]), what)


@dataclass
class BuildProgress:
    """Shows the steps of a build on a console; used as a context manager, and as the ``on_line`` of a process."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    _start: float = field(init=False, default=0.0)
    _bar: Progress | None = field(init=False, default=None)

    def __enter__(self) -> BuildProgress:
        self._start = self.clock()
        if self.console.is_terminal:
            columns = (
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._bar.add_task("configuring", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, line: str) -> None:
        """Take one line of the build's output."""
        step = read_step(line)
        if step is None:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=step.what, completed=step.done, total=step.total)
        else:
            minutes, seconds = divmod(int(self.clock() - self._start), 60)
            self.console.print(f"[{step.done}/{step.total}] {minutes}:{seconds:02} {step.what}", markup=False)

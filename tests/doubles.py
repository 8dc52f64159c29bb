"""Stand-ins that tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wheelworks.process import Completed


class FakeRunner:
    """Stands in for process.run: keeps the commands, answers each through one function."""

    def __init__(self, answer: Callable[[tuple[str, ...]], tuple[int, str]] = lambda _: (0, "")) -> None:
        self.answer = answer
        self.commands: list[tuple[str, ...]] = []

    def __call__(self, command: Sequence[str | Path], **_: Any) -> Completed:
        words = tuple(str(word) for word in command)
        self.commands.append(words)
        return Completed(words, *self.answer(words))

"""The error of an import that is refused: one sentence of what is wrong and what mends it, and the cause's name."""

from __future__ import annotations

REINSTALL = "install the wheel anew with `pip install --force-reinstall --no-deps warpwright`"

_causes: dict[str, str] = {}
"""Sentences with their causes: an ImportError has no room for a cause, and users catch ImportError."""


def refuse(cause: str, sentence: str) -> ImportError:
    """Return the error of a refused import."""
    _causes[sentence] = cause
    return ImportError(sentence)


def cause_of(error: BaseException) -> str | None:
    """Return the short name of what an error was refused for; None for an error of another kind."""
    return _causes.get(str(error))


def one_line(error: BaseException) -> str:
    """Return an error's class and words, on one line of a readable length."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:400]}" if words else type(error).__name__

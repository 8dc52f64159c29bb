"""Docstrings as Markdown: sections underlined with dashes become headings, and what they define a list."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

UNDERLINE = re.compile(r"-{3,}")


def summary(docstring: str) -> str:
    """Return the first line."""
    return inspect.cleandoc(docstring).partition("\n")[0]


def body_as_markdown(docstring: str) -> str:
    """Return what follows the first line."""
    lines = inspect.cleandoc(docstring).splitlines()[1:]
    starts = [at - 1 for at in range(1, len(lines)) if UNDERLINE.fullmatch(lines[at]) and lines[at - 1].strip()]
    text = lines[: starts[0]] if starts else lines
    for start, end in pairwise([*starts, len(lines)]):
        text += [f"### {lines[start]}", "", *_defined(lines[start + 2 : end])]
    return "\n".join(text).strip()


def _defined(lines: Sequence[str]) -> Iterator[str]:
    """Turn a word with an indented text below it into an item of a list; other lines stay."""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("    "):
            yield f"  {line[4:]}"
        elif line.strip() and following.startswith("    "):
            yield f"- `{line}`:"
        else:
            yield line

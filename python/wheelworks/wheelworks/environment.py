"""The closed environment: what a command may see of a shell's variables; environment.toml says which and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import tomllib
from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z_][A-Za-z0-9_]*(\*[A-Za-z0-9_]*)*$"

Names = Annotated[tuple[Annotated[str, Field(pattern=NAME)], ...], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Row):
    """Variables that are treated alike, and why."""

    why: Text
    variables: Names


class Tool(_Row):
    """The variables that one tool reads, and where that is written; * in a name stands for any letters."""

    source: Text
    variables: Names


class Variables(_Row):
    """environment.toml: what is set, what is let through, and what the tools would read."""

    schema_: Literal[1] = Field(alias="schema")
    set: dict[str, str]
    read: Group
    unnamed: Group
    passed: dict[str, Group]
    tools: dict[str, Tool]


@dataclass(frozen=True)
class Closed:
    """What a command may see of a shell's environment, and what was kept from it."""

    variables: dict[str, str]
    removed: tuple[str, ...]


@cache
def read_variables() -> Variables:
    """Return the table of variables that comes with wheelworks."""
    text = Path(__file__).with_name("environment.toml").read_text(encoding="utf-8")
    return Variables.model_validate(tomllib.loads(text))


def close(environment: Mapping[str, str]) -> Closed:
    """Return what a command gets of an environment, and the names of what it would have read and does not get.

    What no tool reads is removed as well, and not worth a name; nor is what nearly every shell has.
    """
    table = read_variables()
    passed = _matcher(*(group.variables for group in table.passed.values()))
    silent = _matcher(tuple(table.set), table.read.variables, table.unnamed.variables)
    known = _matcher(*(tool.variables for tool in table.tools.values()))
    kept = {name: value for name, value in environment.items() if passed.fullmatch(name)}
    removed = (name for name in environment.keys() - kept.keys() if known.match(name) and not silent.match(name))
    return Closed(dict(sorted((kept | table.set).items())), tuple(sorted(removed)))


def describe(removed: Iterable[str]) -> str | None:
    """Return the line that names what was removed; None where nothing was."""
    names = ", ".join(removed)
    fix = "what a build needs stands in CMakeLists.txt and matrix.toml, and --define adds to it"
    return f"not passed on, since they could change the wheel: {names}; {fix}" if names else None


@cache
def _matcher(*lists: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, sorted(set(chain(*lists))))))

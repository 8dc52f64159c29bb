"""Rooms: the places that know an operator, and what is missing in one of them.

An operator has a row in matrix.toml, units in csrc/kernels.cmake, ``csrc/<family>/<op>.cpp``, which registers it,
``python/warpwright/<family>/<op>.py`` with its CONTRACT, and a page. Files are read as text: no compiler, no torch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wheelworks.units import KERNELS, Unit, read_units

REGISTRATION = re.compile(r"^\s*WARPWRIGHT_OPERATOR\(\s*(\w+)\s*,", re.MULTILINE)
PAGES = Path("docs/operators")


class Where(StrEnum):
    """The places that know an operator, by the path of each in the project."""

    PROMISE = "matrix.toml"
    UNIT = "csrc/kernels.cmake"
    WRAPPER = "csrc/{family}/{operator}.cpp"
    MODULE = "python/warpwright/{family}/{operator}.py"
    PAGE = "docs/operators/{operator}.md"


@dataclass(frozen=True, order=True)
class Mention:
    """An operator as one place has it; a row of matrix.toml, a page and another operator's unit know no family."""

    operator: str
    where: Where
    path: str
    family: str | None = None


@dataclass(frozen=True)
class Project:
    """What is looked at: the project's folder, and what its matrix.toml promises."""

    folder: Path
    promised: Mapping[str, Collection[str]]
    families: Collection[str]

    def units(self) -> tuple[Unit, ...]:
        """Return the rows of csrc/kernels.cmake."""
        return read_units(self.folder)

    def wrappers(self) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Return each file of torch functions, and the operators that it registers."""
        for path in sorted((self.folder / "csrc").glob("*/*.cpp")):
            yield path, tuple(REGISTRATION.findall(path.read_text(encoding="utf-8")))

    def modules(self) -> Iterator[Path]:
        """Return the public modules of the families' packages."""
        for family in self.families:
            for path in sorted((self.folder / "python" / "warpwright" / family).glob("*.py")):
                if not path.name.startswith("_"):
                    yield path

    def pages(self) -> Iterator[Path]:
        """Return the operators' pages."""
        return iter(sorted((self.folder / PAGES).glob("*.md")))


def read_mentions(project: Project) -> tuple[Mention, ...]:
    """Return every place that knows an operator."""
    found = [Mention(name, Where.PROMISE, "matrix.toml") for name in project.promised]
    for unit in project.units():
        found.append(Mention(unit.operator, Where.UNIT, str(KERNELS), unit.source.split("/")[0]))
        found += [Mention(name, Where.UNIT, str(KERNELS)) for name in unit.also]
    for path, registered in project.wrappers():
        found += [_in_family(name, Where.WRAPPER, path, project) for name in registered]
    found += [_in_family(path.stem, Where.MODULE, path, project) for path in project.modules()]
    found += [Mention(path.stem, Where.PAGE, str(PAGES / path.name)) for path in project.pages()]
    return tuple(sorted(set(found), key=lambda mention: (mention.operator, mention.where, mention.path)))


def _in_family(operator: str, where: Where, path: Path, project: Project) -> Mention:
    return Mention(operator, where, path.relative_to(project.folder).as_posix(), path.parent.name)


def has_contract(path: Path) -> bool:
    """True for a module that assigns CONTRACT at its top."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "CONTRACT" for target in targets):
            return True
    return False

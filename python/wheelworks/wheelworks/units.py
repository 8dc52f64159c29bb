"""Units: the rows of csrc/kernels.cmake, and the names that they have in the device code. Read as text, without CMake.

warpwright_add_kernel(<launch> <source> <sm>... [ALSO <operator>...] [USES <dependency>...])
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from wheelworks.errors import SourceError

KERNELS = Path("csrc/kernels.cmake")
ROW = re.compile(r"^warpwright_add_kernel\((\w+)\s+(\S+)\s+([^)]*)\)", re.MULTILINE)
SM_OF_LAUNCH = re.compile(r"_sm\d+[a-z]?$")
SEPARATOR = "+"
"""Stands between the operators in the name of a unit's device code (csrc/cmake/warpwright_add_kernel.cmake)."""


@dataclass(frozen=True)
class Unit:
    """A row of csrc/kernels.cmake."""

    launch: str
    source: str
    sms: tuple[str, ...]
    also: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def operator(self) -> str:
        """The operator whose own unit this is."""
        return SM_OF_LAUNCH.sub("", self.launch)

    @property
    def operators(self) -> tuple[str, ...]:
        """All operators that call the launch function, its own one first."""
        return (self.operator, *self.also)

    def serves(self, sms: Collection[str]) -> bool:
        """True where a lane of these SMs compiles the unit; PTX of an SM is its code as well."""
        return any(sm.removesuffix("-ptx") in self.sms for sm in sms)


def read_units(project: Path) -> tuple[Unit, ...]:
    """Read the rows of a project's csrc/kernels.cmake."""
    try:
        return tuple(parse_units((project / KERNELS).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        fix = "run from the project's folder"
        raise SourceError(f"cannot read {project / KERNELS}", why=str(error), fix=fix) from error


def parse_units(text: str) -> Iterator[Unit]:
    """Return the units that the text of a kernels.cmake names."""
    for launch, source, words in ROW.findall(text):
        parts: dict[str, list[str]] = {"SMS": [], "ALSO": [], "USES": []}
        part = "SMS"
        for word in words.split():
            if word in parts:
                part = word
            else:
                parts[part].append(word)
        yield Unit(launch, source, *(tuple(part) for part in parts.values()))


def operators_of(name: str) -> tuple[str, ...]:
    """Return the operators that the name of a unit's device code names, the one whose own unit it is first."""
    return tuple(SM_OF_LAUNCH.sub("", word) for word in name.split(SEPARATOR))

"""Which Pythons and torches a wheel is tried on, from the matrix alone."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from wheelworks.errors import CompatError
from wheelworks.matrix import Matrix


@dataclass(frozen=True)
class Slot:
    """A cell to be."""

    python: Version
    torch: Version

    def __str__(self) -> str:
        return f"Python {self.python}, torch {self.torch}"


def plan_slots(matrix: Matrix, *, python: Version, whole: bool = False) -> tuple[Slot, ...]:
    """Return every tested torch on one Python, and every tested Python on the torch of the headers; or every pair.

    Cells of one torch follow each other: the packages that they share are at hand.
    """
    pythons, torches = sorted(matrix.python.tested), sorted(matrix.torch.tested)
    if python not in pythons:
        raise CompatError(
            f"Python {python} cannot be the one that every torch is tried on",
            why=f"matrix.toml has {', '.join(map(str, pythons))} as tested",
            fix="name one of these with --python",
        )
    shared = matrix.torch.headers if matrix.torch.headers in torches else torches[-1]
    return tuple(Slot(p, t) for t in torches for p in pythons if whole or p == python or t == shared)

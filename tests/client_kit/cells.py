"""The cells: each Python, index and CPU, what an installer should get there, and the table of what each one got."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from client_kit.installers import Machine
from wheelworks import files
from wheelworks.index import Catalogue
from wheelworks.manifest import Channel, ReleasedWheel


@dataclass(frozen=True)
class Cell:
    """An index by its label, and a machine."""

    label: str
    machine: Machine

    @property
    def folder(self) -> str:
        """The index's folder on the server; what most users should get is on the root."""
        return f"{self.label}/" if self.label else ""

    def __str__(self) -> str:
        return f"{self.label or 'root'}, {self.machine}"


def expected_wheel(catalogue: Catalogue, cell: Cell) -> ReleasedWheel | None:
    """Return the one wheel that the manifests promise for a cell: of the newest version, no nightly or yanked."""
    found = [
        wheel
        for manifest in catalogue.manifests
        for wheel in manifest.wheels
        if manifest.channel != Channel.NIGHTLY
        and wheel.file not in catalogue.notices.yanked
        and _is_listed(wheel, cell.label)
        and wheel.architecture == cell.machine.cpu
        and Version(cell.machine.python) in wheel.requires_python
    ]
    newest = max((Version(wheel.version.public) for wheel in found), default=None)
    offers = [wheel for wheel in found if Version(wheel.version.public) == newest]
    universal = [wheel for wheel in offers if not wheel.label]
    return max(universal or offers, key=lambda wheel: wheel.version, default=None)


def _is_listed(wheel: ReleasedWheel, index: str) -> bool:
    """The root has the universal wheel, and for a CPU without one those of every CUDA version with a full SM set."""
    return wheel.label == index if index else "." not in wheel.label


@dataclass
class Table:
    """What each installer got in each cell: a file name, or None for a refusal that it explained."""

    wheels: str
    got: dict[Cell, dict[str, str | None]] = field(default_factory=dict)

    def add(self, cell: Cell, installer: str, file: str | None) -> None:
        """Note a result that was as expected."""
        self.got.setdefault(cell, {})[installer] = file

    def write(self, folder: Path) -> None:
        """Write the table as JSON and as Markdown."""
        rows = [
            {"index": cell.label, "python": cell.machine.python, "cpu": cell.machine.cpu, "got": got}
            for cell, got in self.got.items()
        ]
        files.write_text(
            folder / "cells.json", json.dumps({"schema": 1, "wheels": self.wheels, "cells": rows}, indent=1) + "\n"
        )
        files.write_text(folder / "cells.md", self.to_markdown())

    def to_markdown(self) -> str:
        """Return the table for people: a row for each index and CPU, a column for each Python."""
        pythons = list(dict.fromkeys(cell.machine.python for cell in self.got))
        clients = list(dict.fromkeys(name for got in self.got.values() for name in got))
        lines = [f"| index | CPU | {' | '.join(pythons)} |", f"|{'---|' * (len(pythons) + 2)}"]
        for label, cpu in dict.fromkeys((cell.label, cell.machine.cpu) for cell in self.got):
            cells = [self._word(Cell(label, Machine(python, cpu)), len(clients)) for python in pythons]
            lines.append(f"| `/{Cell(label, Machine('', cpu)).folder}` | {cpu} | {' | '.join(cells)} |")
        return "\n".join([*lines, "", f"Each cell by {', '.join(clients)}, from nginx; {self.wheels}.", ""])

    def _word(self, cell: Cell, clients: int) -> str:
        got = self.got.get(cell, {})
        if len(got) < clients:
            return f"not run ({len(got)} of {clients})"
        (word,) = set(got.values())
        return word.split("-")[1] if word else "refused, explained"

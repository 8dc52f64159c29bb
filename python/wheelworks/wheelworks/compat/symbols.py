"""What stands in for a cell that cannot run: are the symbols there that the wheel's extension must get?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from abi3info import DATAS, FUNCTIONS
from abi3info.models import PyVersion, Symbol
from packaging.version import Version

from wheelworks import uv_client
from wheelworks.compat.model import Cell, StandIn, Verdict
from wheelworks.elf import symbols_of
from wheelworks.process import Runner

LIBRARIES = ("libtorch.so", "libtorch_cpu.so", "libc10.so")
"""What `import torch` has loaded in any build of it, and where the loader then finds the extension's symbols."""


@dataclass
class Static:
    """The stand-ins for one wheel; each torch is fetched and read once."""

    needed: frozenset[str]
    python: Version
    architecture: str
    scratch: Path
    run: Runner
    on_line: Callable[[str], None] | None = None
    seen: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def stand_in(self, cell: Cell) -> Cell:
        """Add the symbols to a cell that could not be tested; without that torch's libraries it stays as it is."""
        if cell.verdict != Verdict.NOT_TESTED:
            return cell
        if cell.torch not in self.seen:
            self.seen[cell.torch] = self._exports(cell.torch)
        exported = self.seen[cell.torch]
        if exported is None:
            return cell
        missing = {name for name in self.needed - exported if not in_limited_api(name, self.python)}
        found = StandIn(torch=cell.torch, needed=len(self.needed), missing=tuple(sorted(missing)))
        return cell.model_copy(update={"stand_in": found})

    def _exports(self, torch: str) -> frozenset[str] | None:
        with TemporaryDirectory(dir=self.scratch, prefix="torch-") as folder:
            done = uv_client.install_pinned(
                [f"torch=={torch}"], Path(folder), architecture=self.architecture, run=self.run, on_line=self.on_line
            )
            if not done.ok:
                return None
            libraries = Path(folder) / "torch" / "lib"
            return frozenset[str]().union(
                *(symbols_of(libraries / name, f"torch {torch}, {name}").exported for name in LIBRARIES)
            )


def in_limited_api(symbol: str, python: Version) -> bool:
    """True for a symbol that every CPython from ``python`` on must have."""
    name = Symbol(symbol)
    entry = FUNCTIONS.get(name) or DATAS.get(name)
    return entry is not None and entry.added <= PyVersion(python.major, python.minor)

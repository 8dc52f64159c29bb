"""The table as data: one cell for each Python and torch that the wheel was tried on, or was to be."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, model_validator

from wheelworks.proof import Proof, ProofKind


class Verdict(StrEnum):
    """What a cell shows. Where no environment could be made it is not tested; not reached: the run ended before it."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TESTED = "not tested"
    NOT_REACHED = "not reached"


class Part(BaseModel):
    """Base of what stands in a table's file: an unknown key is refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StandIn(Part):
    """What stands in for a cell that cannot run: the symbols that the wheel's extension must get, and those missing.

    They are looked for in the libraries of ``torch``, and, those of Python, in the limited API of the wheel's tag.
    """

    torch: str
    needed: int
    missing: tuple[str, ...]


class Cell(Part):
    """One Python and torch, as they were asked for and as they were found, and what the wheel did there."""

    python: str
    torch: str
    verdict: Verdict
    why: str = ""
    found_python: str | None = None
    found_torch: str | None = None
    operators: int = 0
    opchecks: int = 0
    passed: int = 0
    failed: tuple[str, ...] = ()
    skipped: dict[str, int] = {}
    seconds: float = 0.0
    stand_in: StandIn | None = None

    @model_validator(mode="after")
    def _is_earned(self) -> Cell:
        proved = self.operators > 0 and self.opchecks > 0 and self.passed > 0 and not self.failed
        if self.verdict == Verdict.PASSED and not (proved and self.found_python and self.found_torch):
            raise ValueError("a cell passes with operators, opchecks and tests of a known Python and torch, no fewer")
        if self.verdict != Verdict.PASSED and not self.why:
            raise ValueError("a cell that did not pass says why")
        return self

    @property
    def place(self) -> str:
        """Name the cell in a report."""
        return f"Python {self.python}, torch {self.torch}"


class Compat(Proof):
    """The table of one wheel."""

    KIND = ProofKind.COMPAT

    lane: str
    version: str
    cells: tuple[Cell, ...]

    def of(self, verdict: Verdict) -> tuple[Cell, ...]:
        """Return the cells with a verdict."""
        return tuple(cell for cell in self.cells if cell.verdict == verdict)

    @property
    def unproved_torches(self) -> tuple[str, ...]:
        """The torch versions on which nothing passed."""
        proved = {cell.torch for cell in self.of(Verdict.PASSED)}
        return tuple(dict.fromkeys(cell.torch for cell in self.cells if cell.torch not in proved))

    @property
    def faults(self) -> tuple[Cell, ...]:
        """The cells that speak against the wheel: those that failed, and those whose stand-in misses symbols."""
        return tuple(
            cell
            for cell in self.cells
            if cell.verdict == Verdict.FAILED or (cell.stand_in is not None and cell.stand_in.missing)
        )

    @property
    def holds(self) -> bool:
        """True where nothing speaks against the wheel, every cell was reached, and each torch has one that passed."""
        return bool(self.cells) and not (self.faults or self.of(Verdict.NOT_REACHED) or self.unproved_torches)

    @property
    def summary(self) -> str:
        """Say it in one line, with every cell that is not proved."""
        counts = f"{len(self.of(Verdict.PASSED))} of {len(self.cells)} cells passed, {len(self.faults)} failed"
        rest = [
            f"; {verdict}: {', '.join(cell.place for cell in cells)}"
            for verdict in (Verdict.NOT_TESTED, Verdict.NOT_REACHED)
            if (cells := self.of(verdict))
        ]
        return counts + "".join(rest)

"""From a wheel to its table: cell after cell, and what has been done so far is always on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wheelworks.compat.model import Cell, Compat, Verdict
from wheelworks.compat.plan import Slot
from wheelworks.errors import CompatError


def make_table(
    empty: Compat,
    slots: Sequence[Slot],
    *,
    done: Mapping[Slot, Cell],
    attempt: Callable[[Slot], Cell],
    keep: Callable[[Compat], object],
) -> Compat:
    """Fill a table; ``keep`` is given it after each cell, those to come as not reached."""
    cells = {slot: done.get(slot) or _to_come(slot) for slot in slots}
    table = empty.model_copy(update={"cells": tuple(cells.values())})
    for slot in slots:
        if slot not in done:
            cells[slot] = attempt(slot)
        table = empty.model_copy(update={"cells": tuple(cells.values())})
        keep(table)
    return table


def kept_cells(table: Compat, slots: Sequence[Slot]) -> dict[Slot, Cell]:
    """Return the cells of an earlier table that need not be tried again: those that passed."""
    passed = {(cell.python, cell.torch): cell for cell in table.of(Verdict.PASSED)}
    pairs = ((slot, passed.get((str(slot.python), str(slot.torch)))) for slot in slots)
    return {slot: cell for slot, cell in pairs if cell is not None}


def require_tables(tables: Sequence[Compat]) -> None:
    """Raise CompatError for the tables that do not hold, all of them at once."""
    bad = [table for table in tables if not table.holds]
    if not bad:
        return
    raise CompatError(
        f"{len(bad)} of {len(tables)} wheels do not run everywhere that is promised",
        why="\n".join(f"{table.wheel}: {line}" for table in bad for line in _complaints(table)),
        fix="each wheel's proofs/<wheel>/compat.json names the tests; `--resume` keeps the cells that passed",
    )


def _complaints(table: Compat) -> list[str]:
    lines = [f"{cell.place}: {_fault(cell)}" for cell in table.faults]
    lines += [f"torch {torch}: nothing passed" for torch in table.unproved_torches]
    return lines or [table.summary]


def _fault(cell: Cell) -> str:
    named = f" ({', '.join(cell.failed[:5])}{', ...' if len(cell.failed) > 5 else ''})" if cell.failed else ""
    if cell.stand_in is not None and cell.stand_in.missing:
        return f"{cell.verdict}, and torch {cell.stand_in.torch} lacks {', '.join(cell.stand_in.missing[:5])}"
    return f"{cell.why}{named}"


def _to_come(slot: Slot) -> Cell:
    return Cell(
        python=str(slot.python), torch=str(slot.torch), verdict=Verdict.NOT_REACHED, why="the run ended before it"
    )

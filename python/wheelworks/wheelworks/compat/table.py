"""A table as Markdown: a row for each torch, a column for each Python, and a line for what was not tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from packaging.version import Version

from wheelworks.compat.model import Cell, Compat, Verdict


def render_table(table: Compat) -> str:
    """Return the table, with the digest of the one file that it is of."""
    pythons = sorted({cell.python for cell in table.cells}, key=Version)
    cells = {(cell.python, cell.torch): cell for cell in table.cells}
    lines = [f"`{table.wheel}`, sha256 `{table.sha256}`:", ""]
    lines += [_row(["torch", *(f"Python {python}" for python in pythons)]), _row(["---"] * (len(pythons) + 1))]
    for torch in sorted({cell.torch for cell in table.cells}, key=Version):
        row = (cells.get((python, torch)) for python in pythons)
        lines.append(_row([f"{torch}{_builds(table, torch)}", *(short(cell) if cell else "" for cell in row)]))
    paragraphs = [*_legend(table), *unproved_notes(table)]
    return "\n".join([*lines, *(line for paragraph in paragraphs for line in ("", paragraph))]) + "\n"


def short(cell: Cell) -> str:
    """Return a cell in a few words."""
    if cell.verdict == Verdict.PASSED:
        return f"{cell.passed} passed"
    if cell.verdict == Verdict.FAILED:
        return f"**failed** ({len(cell.failed)})" if cell.failed else "**failed**"
    return str(cell.verdict)


def unproved_notes(table: Compat) -> Iterator[str]:
    """Return a sentence for each cell that did not pass."""
    for cell in table.cells:
        if cell.verdict != Verdict.PASSED:
            yield f"{cell.place}: {cell.verdict}, {cell.why}{_stand_in(cell)}."


def _legend(table: Compat) -> Iterator[str]:
    passed = table.of(Verdict.PASSED)
    if passed:
        operators, opchecks = {cell.operators for cell in passed}, {cell.opchecks for cell in passed}
        yield (
            f"*n* passed: the wheel was installed beside that torch, imported, registered {_span(operators)} "
            f"operators, and passed *n* tests of the CPU suite, {_span(opchecks)} of them opcheck. "
            "An empty cell was not part of the plan."
        )
    skips = Counter[str]()
    for cell in passed:
        skips.update(cell.skipped)
    for reason, count in sorted(skips.items()):
        yield f"{count} skipped in {sum(reason in cell.skipped for cell in passed)} cells: {reason}."


def _stand_in(cell: Cell) -> str:
    if cell.stand_in is None:
        return ""
    given = f"torch {cell.stand_in.torch} and Python's limited API"
    if cell.stand_in.missing:
        return f"; {given} lack {', '.join(cell.stand_in.missing)}"
    return f"; {given} have all {cell.stand_in.needed} symbols that the extension needs"


def _builds(table: Compat, torch: str) -> str:
    """Name the builds of a torch that were found: cpu, cu130."""
    found = {cell.found_torch for cell in table.cells if cell.torch == torch and cell.found_torch}
    builds = sorted(local for text in found if (local := Version(text).local))
    return f" ({', '.join(builds)})" if builds else ""


def _span(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _row(words: list[str]) -> str:
    return f"| {' | '.join(words)} |"

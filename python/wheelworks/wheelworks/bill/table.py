"""A bill in plain lines: one line for each operator, or for each kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelworks.bill.model import Bill, Cell, Row, most
from wheelworks.sm import Sm

KIB = 1024
NO_OPERATOR = "(no operator)"


def render_bill(rows: Sequence[Row], sms: Sequence[str]) -> str:
    """Return a line for each operator: the code for each SM in KiB, and the worst of its kernels.

    The kernels of a shared unit stand in the line of its first operator; those of the others name that.
    """
    lines: list[tuple[str, ...]] = [
        ("operator", *(f"SM {sm}" for sm in sms), "kernels", "registers", "stack", "spills")
    ]
    for operator in operators_of(rows):
        own = [row for row in rows if row.operator == operator]
        cells = (_cell(Cell.of(rows, operator, sm), sm) for sm in map(Sm.parse, sms))
        worst = (most(getattr(row, field) for row in own) for field in ("registers", "stack", "spills"))
        count = sum(row.variants for row in own)
        lines.append((operator or NO_OPERATOR, *cells, str(count), *map(_number, worst)))
    return _columns(lines)


def render_kernels(bill: Bill) -> str:
    """Return a line for each kernel and SM."""
    lines: list[tuple[str, ...]] = [("unit", "SM", "bytes", "registers", "shared", "stack", "spills", "kernel")]
    for kernel in bill.kernels:
        numbers = (kernel.bytes, kernel.registers, kernel.shared, kernel.stack, kernel.spills)
        lines.append((kernel.launch, kernel.sm, *map(_number, numbers), kernel.title))
    return _columns(lines)


def operators_of(rows: Iterable[Row]) -> list[str | None]:
    """Return the operators of a bill in order; None stands for kernels without one, and is last."""
    named = {operator for row in rows for operator in (row.operator, *row.also)}
    return sorted(named, key=lambda name: (name is None, name or ""))


def _cell(cell: Cell, sm: Sm) -> str:
    if cell.runs is None:
        return "none"
    if cell.runs != sm:
        return f"runs {cell.runs}"
    if cell.shared is not None:
        return f"in {cell.shared}"
    return f"{'PTX' if sm.ptx else 'SASS'} {cell.bytes / KIB:.0f}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "\n".join(text) + "\n"

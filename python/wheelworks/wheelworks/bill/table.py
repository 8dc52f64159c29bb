"""A bill in plain lines: one line for each operator, or for each kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelworks.bill.model import Bill, Cell, Kernel
from wheelworks.sm import Sm

KIB = 1024
NO_OPERATOR = "(no operator)"


def render_bill(bill: Bill, sms: Sequence[str]) -> str:
    """Give a line for each operator: the code for each SM in KiB, and the worst of its kernels."""
    lines: list[tuple[str, ...]] = [
        ("operator", *(f"SM {sm}" for sm in sms), "kernels", "registers", "stack", "spills")
    ]
    for operator in operators_of(bill):
        kernels = [kernel for kernel in bill.kernels if kernel.operator == operator]
        cells = (_cell(Cell.of(kernels, sm), sm) for sm in map(Sm.parse, sms))
        worst = (_number(most(kernels, field)) for field in ("registers", "stack", "spills"))
        lines.append((operator or NO_OPERATOR, *cells, str(len(kernels)), *worst))
    return _columns(lines)


def render_kernels(bill: Bill) -> str:
    """Give a line for each kernel and SM."""
    lines: list[tuple[str, ...]] = [("unit", "SM", "bytes", "registers", "shared", "stack", "spills", "kernel")]
    for kernel in bill.kernels:
        numbers = (kernel.bytes, kernel.registers, kernel.shared, kernel.stack, kernel.spills)
        lines.append((kernel.unit, kernel.sm, *map(_number, numbers), kernel.title))
    return _columns(lines)


def operators_of(bill: Bill) -> list[str | None]:
    """Give the operators of a bill in order; None stands for kernels without one, and is last."""
    return sorted({kernel.operator for kernel in bill.kernels}, key=lambda name: (name is None, name or ""))


def most(kernels: Iterable[Kernel], field: str) -> int | None:
    """Give the largest value of a field among kernels; None where none has it."""
    return max((value for kernel in kernels if (value := getattr(kernel, field)) is not None), default=None)


def _cell(cell: Cell, sm: Sm) -> str:
    if cell.runs is None:
        return "none"
    if cell.runs != sm:
        return f"runs {cell.runs}"
    return f"{'PTX' if sm.ptx else 'SASS'} {cell.bytes / KIB:.0f}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "\n".join(text) + "\n"

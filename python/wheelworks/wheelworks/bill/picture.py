"""A bill as a picture: a heat map of operators and SMs, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from wheelworks.bill.model import Bill, Cell, most, sum_rows
from wheelworks.bill.table import KIB, NO_OPERATOR, operators_of
from wheelworks.sm import Sm

CELL_WIDTH, CELL_HEIGHT, GAP = 112, 46, 4
MARGIN, TOP, BOTTOM = 24, 104, 56
LETTER = 8.2
FITTING = 16
"""The letters that a cell has room for; more are squeezed."""
SQUEEZED = f' textLength="{CELL_WIDTH - 8}" lengthAdjust="spacingAndGlyphs"'
LIGHT, DARK = (226, 238, 249), (8, 62, 122)
STYLE = """
  text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1c2733 }
  .title { font-size: 19px; font-weight: 600 }
  .note { font-size: 12px; fill: #5a6b7b }
  .head { font-size: 14px; font-weight: 600; text-anchor: middle }
  .name { font-size: 14px; text-anchor: end }
  .size { font-size: 14px; font-weight: 600; text-anchor: middle }
  .detail { font-size: 11px; text-anchor: middle }
  .runs { font-size: 12px; fill: #5a6b7b; text-anchor: middle }
  .spill { fill: #b3261e }
"""


@dataclass(frozen=True)
class Canvas:
    """Where things are, and how dark the largest cell is."""

    left: float
    width: float
    height: float
    largest: int

    def corner(self, column: int, row: int) -> tuple[float, float]:
        """Return the upper left corner of a cell."""
        return self.left + column * (CELL_WIDTH + GAP), TOP + row * (CELL_HEIGHT + GAP)

    def shade(self, size: int) -> float:
        """Return the darkness of a size between 0 and 1, on a logarithmic scale from 1 KiB on."""
        return math.log(max(size, KIB) / KIB + 1) / math.log(max(self.largest, KIB) / KIB + 1)


def draw_bill(bill: Bill, sms: Sequence[str]) -> str:
    """Return the text of an SVG file."""
    rows = sum_rows(bill)
    operators = operators_of(rows)
    names = [operator or NO_OPERATOR for operator in operators]
    columns = [Sm.parse(sm) for sm in sms]
    cells = [[Cell.of(rows, operator, sm) for sm in columns] for operator in operators]
    canvas = _plan(names, columns, cells)
    lines = [*_frame(bill, canvas), *_heads(names, columns, canvas)]
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            lines += _cell(cell, columns[column], *canvas.corner(column, row), canvas)
    return "\n".join([*lines, *_legend(canvas), "</svg>", ""])


def _plan(names: Sequence[str], columns: Sequence[Sm], cells: Sequence[Sequence[Cell]]) -> Canvas:
    left = MARGIN + LETTER * max(map(len, names), default=0) + 12
    width = max(left + len(columns) * (CELL_WIDTH + GAP) - GAP + MARGIN, 560)
    height = TOP + len(names) * (CELL_HEIGHT + GAP) + BOTTOM
    return Canvas(left, width, height, max((cell.bytes for line in cells for cell in line), default=0))


def _frame(bill: Bill, canvas: Canvas) -> Iterator[str]:
    size = f'width="{canvas.width:.0f}" height="{canvas.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {canvas.width:.0f} {canvas.height:.0f}">'
    yield f"<style>{STYLE}</style>"
    yield f'<rect {size} fill="#ffffff"/>'
    total = sum(kernel.bytes for kernel in bill.kernels)
    yield _text("title", MARGIN, 36, f"Device code of warpwright {bill.version}")
    yield _text("note", MARGIN, 57, f"lane {bill.lane}: {len(bill.kernels)} kernels, {total / KIB:.0f} KiB of code")


def _heads(names: Sequence[str], columns: Sequence[Sm], canvas: Canvas) -> Iterator[str]:
    for index, sm in enumerate(columns):
        yield _text("head", canvas.corner(index, 0)[0] + CELL_WIDTH / 2, TOP - 12, f"SM {sm}")
    for index, name in enumerate(names):
        yield _text("name", canvas.left - 12, canvas.corner(0, index)[1] + CELL_HEIGHT / 2 + 5, name)


def _cell(cell: Cell, sm: Sm, x: float, y: float, canvas: Canvas) -> Iterator[str]:
    middle, base = x + CELL_WIDTH / 2, y + CELL_HEIGHT / 2
    if not cell.rows:
        dashes = ' stroke-dasharray="4 3"' if cell.runs else ""
        yield _box(x, y, "#f7f9fb" if cell.runs else "#ffffff", f'stroke="#c8d2dc"{dashes}')
        words = _words(cell)
        yield _text("runs", middle, base + 4, words, SQUEEZED if len(words) > FITTING else "")
        return
    shade = canvas.shade(cell.bytes)
    ink = ' style="fill:#ffffff"' if shade > 0.6 else ""
    yield _box(x, y, _colour(shade), "")
    yield _text("size", middle, base - 2, f"{cell.bytes / KIB:,.0f} KiB", ink)
    detail = f"{'PTX' if sm.ptx else 'SASS'}, {cell.kernels} kernel{'s' if cell.kernels > 1 else ''}"
    yield _text("detail", middle, base + 14, detail, ink)
    if most(row.spills for row in cell.rows):
        yield f'<circle class="spill" cx="{x + CELL_WIDTH - 9:.1f}" cy="{y + 9:.1f}" r="5"/>'


def _words(cell: Cell) -> str:
    """Say where the code of a cell without kernels is."""
    if cell.shared is not None:
        return f"in {cell.shared}"
    return f"runs SM {cell.runs} code" if cell.runs else "none"


def _legend(canvas: Canvas) -> Iterator[str]:
    y = canvas.height - BOTTOM + 20
    for step in range(6):
        fill = _colour(step / 5)
        yield f'<rect x="{MARGIN + 26 * step}" y="{y:.1f}" width="26" height="12" fill="{fill}"/>'
    words = f"1 KiB to {canvas.largest / KIB:,.0f} KiB, logarithmic; a red dot: a kernel spills registers"
    yield _text("note", MARGIN + 166, y + 11, words)


def _colour(shade: float) -> str:
    mixed = (round(light + (dark - light) * shade) for light, dark in zip(LIGHT, DARK, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _box(x: float, y: float, fill: str, rest: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{CELL_WIDTH}" height="{CELL_HEIGHT}" rx="5" fill="{fill}" {rest}/>'


def _text(kind: str, x: float, y: float, text: str, rest: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{rest}>{escape(text)}</text>'

"""The pages of docs/operators: what a wheel says of its operators, what the matrix promises, and what was measured.

A page is the same for every lane: it names no version.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from wheelworks.docstring import body_as_markdown, summary
from wheelworks.measured import Measured
from wheelworks.operator_export import Export, Operator, Tolerance

NOTE = "<!-- Written by `nox -s operator-pages -- WHEEL`. -->"
UNNAMED = re.compile(r"\(\$\d+! -> \)")
"""How torch writes the ``!`` of a schema that it gives back."""


def render_pages(
    export: Export, promises: Mapping[str, Sequence[str]], measured: Mapping[str, Measured]
) -> dict[str, str]:
    """Return the text of every page by its file's name."""
    return {
        f"{operator.name}.md": render_page(operator, promises[operator.name], measured.get(operator.name))
        for operator in export.operators
    }


def render_page(operator: Operator, sms: Sequence[str], measured: Measured | None) -> str:
    """Return the page of one operator."""
    parts = (
        f"{NOTE}\n\n# {operator.name}\n\n{summary(operator.docstring)}",
        _call(operator),
        body_as_markdown(operator.docstring),
        _operator(operator, sms),
        _checks(operator),
        _workloads(operator),
        f"## Measured\n\n{_measured(measured) if measured else 'Not measured yet.'}",
        f"## Reference\n\n{_fenced(operator.reference)}",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _call(operator: Operator) -> str:
    names = [f"`warpwright.{operator.name}`"]
    names += [f"`warpwright.{module}.{operator.name}`" for module in operator.modules]
    differs = f"\n\nIt differs from sgl_kernel's: {operator.differs}" if operator.differs else ""
    return f"{_fenced(operator.signature)}\n\n{', '.join(names)}.{differs}"


def _operator(operator: Operator, sms: Sequence[str]) -> str:
    schema = f"warpwright::{operator.name}{UNNAMED.sub('!', operator.schema_)}"
    written = ", ".join(map(_code, operator.mutates))
    return (
        f"## Operator\n\n{_fenced(schema, '')}\n\n"
        f"It {f'writes to {written}' if written else 'writes to none of its arguments'}. "
        f"Every full wheel has code of it for SM {', '.join(sms)}."
    )


def _checks(operator: Operator) -> str:
    parts = ["## How it is checked", _tolerance(operator.tolerance)]
    if operator.samples:
        rows = [(sample.name, _arguments(sample.arguments)) for sample in operator.samples]
        parts += ["These calls are taken:", markdown_table(("sample", "arguments"), rows)]
    if operator.refusals:
        lines = [f"- {refusal.name}: {_code(refusal.words)}" for refusal in operator.refusals]
        parts += ["These are refused, in these words:", "\n".join(lines)]
    if operator.traits:
        lines = [f"- {trait.kind}: {trait.reason}" for trait in operator.traits]
        parts += ["What general checks cannot hold:", "\n".join(lines)]
    return "\n\n".join(parts)


def _tolerance(tolerance: Tolerance) -> str:
    bounds = [_bound(dtype, bound) for dtype, bound in tolerance.relative.items()]
    bounds += [f"{_number(tolerance.of_largest)} of the largest value"] if tolerance.of_largest else []
    origin = tolerance.origin.rstrip(".")
    if not bounds:
        return f"The result is that of the reference, bit for bit: {origin}."
    return f"A result may be off the reference in float64 by {', '.join(bounds)}: {origin}."


def _bound(dtype: str, bound: float) -> str:
    """Return a bound in words: of whole numbers it is a number, of others a part of the value."""
    is_whole = dtype.startswith(("int", "uint"))
    return f"{_number(bound)} ({dtype})" if is_whole else f"{_number(bound)} of its value ({dtype})"


def _workloads(operator: Operator) -> str:
    rows = [
        (workload.name, _arguments(workload.arguments), f"{workload.bytes:,}", f"{workload.operations:,}")
        for workload in operator.workloads
    ]
    peers = f"\n\nTimed beside {', '.join(operator.peers)}." if operator.peers else ""
    table = markdown_table(("workload", "arguments", "bytes", "operations"), rows) if rows else "None."
    return f"## Workloads\n\n{table}{peers}"


def _measured(measured: Measured) -> str:
    head = ("workload", "us", "% of the floor", *(f"times as fast as {peer}" for peer in measured.peers))
    rows = [
        (
            row.workload,
            f"{row.ours:.1f}",
            f"{100 * row.floor / row.ours:.0f}",
            *(f"{row.us[peer] / row.ours:.2f}" if peer in row.us else "" for peer in measured.peers),
        )
        for row in measured.rows
    ]
    where = f"On one {measured.device} with torch {measured.torch}, {measured.date}."
    floor = "The floor is the least time in which the machine can move the bytes and do the operations."
    return f"{where} {floor}\n\n{markdown_table(head, rows)}"


def _arguments(arguments: Mapping[str, str]) -> str:
    return ", ".join(f"{_code(name)} {value}" for name, value in arguments.items())


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    return "\n".join(_table_lines(head, rows))


def _table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _fenced(text: str, language: str = "python") -> str:
    return f"```{language}\n{text.strip()}\n```"


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _number(value: float) -> str:
    """Return a power of two below 1 as one."""
    mantissa, exponent = math.frexp(value)
    return f"2^{exponent - 1}" if mantissa == 0.5 and value < 1 else f"{value:g}"

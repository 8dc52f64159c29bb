"""The bill of materials of this wheel's device code, ``_bill.json``, in lines: what each operator has for each SM.

The pipeline read it from the finished binary; a build without the pipeline has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from warpwright._refusal import REINSTALL, one_line

FILE = Path(__file__).parent / "_bill.json"
SCHEMA = 1
KIB = 1024

SM_OF_LAUNCH = re.compile(r"_sm\d+[a-z]?$")
SEPARATOR = "+"
"""Stands between the operators in the name of a unit, as csrc/cmake/warpwright_add_kernel.cmake writes it."""

NUMBER = (int, type(None))
KINDS: tuple[type | tuple[type, ...], ...] = (
    (str, type(None)),
    str,
    str,
    str,
    str,
    str,
    int,
    NUMBER,
    NUMBER,
    NUMBER,
    NUMBER,
)
"""What the fields of a kernel may be, in their order."""


@dataclass(frozen=True)
class Kernel:
    """A kernel for one SM; PTX has no registers, stack or spills before the driver has compiled it.

    ``operator`` is the first one of its unit, in whose line it counts.
    """

    operator: str | None
    unit: str
    name: str
    variant: str
    symbol: str
    sm: str
    bytes: int
    registers: int | None
    shared: int | None
    stack: int | None
    spills: int | None

    @property
    def operators(self) -> tuple[str, ...]:
        """All operators that it has code of: those of its unit."""
        if self.operator is None:
            return ("",)
        return tuple(SM_OF_LAUNCH.sub("", word) for word in self.unit.split(SEPARATOR))


class BillError(ValueError):
    """The bill that the wheel brought cannot be read."""


@lru_cache(maxsize=1)
def kernels() -> tuple[Kernel, ...]:
    """Read the kernels of the bill; none where the wheel has no bill."""
    try:
        return tuple(_parse(json.loads(FILE.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return ()
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        wrong = f"is not a bill ({one_line(error)})"
    raise BillError(f"warpwright: {FILE} {wrong}: {REINSTALL}")


def _parse(record: dict[str, Any]) -> Iterator[Kernel]:
    if record["schema"] != SCHEMA:
        raise ValueError(f"it has schema {record['schema']}, expected {SCHEMA}")
    for row in record["kernels"]:
        kernel = Kernel(**row)
        if not all(isinstance(value, kind) for value, kind in zip(vars(kernel).values(), KINDS, strict=True)):
            raise ValueError(f"it has the kernel {row}")
        yield kernel


def table_lines(sms: Sequence[str]) -> Iterator[str]:
    """Return a line for each operator: the code that serves each SM in KiB, and the worst of its kernels.

    The kernels of a shared unit stand in the line of its first operator; those of the others name that.
    """
    if not kernels():
        return
    rows: list[tuple[str, ...]] = [("device code, KiB", *(f"SM {sm}" for sm in sms), "kernels", "registers", "spills")]
    for operator in sorted({operator for kernel in kernels() for operator in kernel.operators}):
        run = [kernel for kernel in kernels() if operator in kernel.operators]
        own = [kernel for kernel in run if (kernel.operator or "") == operator]
        cells = (_cell(run, operator, sm) for sm in sms)
        rows.append((operator or "(no operator)", *cells, str(len(own)), _most(own, "registers"), _most(own, "spills")))
    yield from _columns(rows)


def kernel_lines() -> Iterator[str]:
    """Return a line for each kernel and SM."""
    if not kernels():
        yield "this build has no bill: the pipeline writes it into a finished wheel"
        return
    rows: list[tuple[str, ...]] = [("unit", "SM", "bytes", "registers", "shared", "stack", "spills", "kernel")]
    for kernel in kernels():
        numbers = (_shown(getattr(kernel, word)) for word in ("bytes", "registers", "shared", "stack", "spills"))
        unit = kernel.unit.partition(SEPARATOR)[0]
        rows.append((unit, kernel.sm, *numbers, f"{kernel.name} {kernel.variant}".rstrip()))
    yield from _columns(rows)


def _cell(run: Sequence[Kernel], operator: str, sm: str) -> str:
    fit = [kernel for kernel in run if kernel.sm == sm]
    if sizes := [kernel.bytes for kernel in fit if (kernel.operator or "") == operator]:
        return f"{'PTX' if sm.endswith('-ptx') else 'SASS'} {sum(sizes) / KIB:.0f}"
    if fit:
        return f"in {fit[0].operator}"
    # SASS of an older SM runs on every newer one of the same generation.
    older = [kernel.sm for kernel in run if kernel.sm.isdigit() and sm.isdigit() and kernel.sm[:-1] == sm[:-1]]
    fitting = [int(word) for word in older if int(word) < int(sm)]
    return f"runs {max(fitting)}" if fitting else "none"


def _most(own: Sequence[Kernel], word: str) -> str:
    return _shown(max((value for kernel in own if (value := getattr(kernel, word)) is not None), default=None))


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()

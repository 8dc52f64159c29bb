"""The bill as data: one entry for each kernel and SM, and the sums over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from wheelworks.proof import Proof, ProofKind
from wheelworks.sm import Sm
from wheelworks.units import SEPARATOR, operators_of


class Part(BaseModel):
    """Base of what stands in a bill's file: an unknown key is refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Kernel(Part):
    """A kernel for one SM. PTX has no registers, stack or spills yet: the driver compiles it.

    ``operator`` is the first one of its unit, in whose sums it counts; None where one of them is unknown.
    ``name`` is its C++ name without arguments, ``variant`` what its arguments have that those of its siblings have not,
    ``shared`` is static shared memory in bytes, ``spills`` the number of
    instructions that spill or refill a register; None where the compiler did not write them down.
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
        """All operators that it has code of, the first one before those that share its unit."""
        return () if self.operator is None else operators_of(self.unit)

    @property
    def launch(self) -> str:
        """The unit's launch function, without the operators that share it."""
        return self.unit.partition(SEPARATOR)[0]

    @property
    def title(self) -> str:
        """Name the kernel and, where there are several, its variant."""
        return f"{self.name} {self.variant}".rstrip()

    @property
    def place(self) -> str:
        """Name the kernel in a report."""
        return f"{self.title} of unit {self.launch or 'without name'}, SM {self.sm}"


class Bill(Part):
    """What the one binary of a wheel has; the digest is the binary's."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    version: str
    lane: str
    binary: str
    sha256: str
    kernels: tuple[Kernel, ...]

    @property
    def sms(self) -> tuple[Sm, ...]:
        """The SMs that there is code for."""
        return tuple(sorted({Sm.parse(kernel.sm) for kernel in self.kernels}))


class BillProof(Proof):
    """The bill of a wheel, with the size of its file."""

    KIND = ProofKind.BILL

    lane: str
    wheel_bytes: int
    bill: Bill


class Row(Part):
    """The variants of one kernel for one SM: their bytes summed, the worst of their registers, stacks and spills.

    ``also`` names the operators that share the kernel's unit: they run its code, and none of it counts for them.
    """

    operator: str | None
    name: str
    sm: str
    variants: int
    bytes: int
    registers: int | None
    stack: int | None
    spills: int | None
    also: tuple[str, ...] = ()


def sum_rows(bill: Bill) -> tuple[Row, ...]:
    """Sum the variants of each kernel."""
    groups: dict[tuple[str | None, str, str, tuple[str, ...]], list[Kernel]] = defaultdict(list)
    for kernel in bill.kernels:
        groups[kernel.operator, kernel.name, kernel.sm, kernel.operators[1:]].append(kernel)
    rows = (
        Row(
            operator=operator,
            name=name,
            sm=sm,
            variants=len(kernels),
            bytes=sum(kernel.bytes for kernel in kernels),
            registers=most(kernel.registers for kernel in kernels),
            stack=most(kernel.stack for kernel in kernels),
            spills=most(kernel.spills for kernel in kernels),
            also=also,
        )
        for (operator, name, sm, also), kernels in groups.items()
    )
    return tuple(sorted(rows, key=lambda row: (row.operator or "", row.name, Sm.parse(row.sm))))


def most(values: Iterable[int | None]) -> int | None:
    """Return the largest value that is known; None where none is."""
    return max((value for value in values if value is not None), default=None)


@dataclass(frozen=True)
class Cell:
    """What one operator has for one SM of a lane: code of its own, code for an older SM that runs there, or nothing.

    ``shared`` is the operator that the code for this SM counts for, where that is another one.
    """

    rows: tuple[Row, ...]
    runs: Sm | None
    shared: str | None = None

    @classmethod
    def of(cls, rows: Iterable[Row], operator: str | None, wanted: Sm) -> Cell:
        """Find the newest code of an operator that serves an SM, among the rows of all."""
        groups: dict[Sm, list[Row]] = defaultdict(list)
        for row in rows:
            if row.operator == operator or operator in row.also:
                groups[Sm.parse(row.sm)].append(row)
        runs = max((sm for sm in groups if sm.covers(wanted)), default=None)
        if runs is None or runs != wanted:
            return cls((), runs)
        own = tuple(row for row in groups[runs] if row.operator == operator)
        return cls(own, runs, None if own else groups[runs][0].operator)

    @property
    def bytes(self) -> int:
        """The bytes of the code that is for this SM alone."""
        return sum(row.bytes for row in self.rows)

    @property
    def kernels(self) -> int:
        """The number of kernels for this SM alone."""
        return sum(row.variants for row in self.rows)

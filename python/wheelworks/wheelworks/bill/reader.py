"""Reads a bill from a binary, and from and into its own file in the wheel."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from wheelworks import files
from wheelworks.bill.model import Bill, Kernel
from wheelworks.bill.names import name_of, tell_apart
from wheelworks.cuobjdump import DeviceKernel, read_kernels
from wheelworks.errors import AuditError
from wheelworks.process import Runner
from wheelworks.sm import Sm
from wheelworks.units import operators_of

BILL = "warpwright/_bill.json"
"""The bill's place in the wheel."""


def read_bill(
    binary: Path,
    entry: str,
    *,
    lane: str,
    version: str,
    operators: Collection[str],
    cuobjdump: Path,
    run: Runner,
) -> Bill:
    """Read what a binary, which is ``entry`` in its wheel, has of each operator."""
    found = read_kernels(cuobjdump, binary, run)
    variants = _find_variants(found)
    kernels = [_to_kernel(kernel, variants, operators) for kernel in found]
    kernels.sort(key=lambda kernel: (kernel.operator or "", kernel.unit, Sm.parse(kernel.sm), kernel.symbol))
    return Bill(version=version, lane=lane, binary=entry, sha256=files.sha256_of(binary), kernels=tuple(kernels))


def write_bill(bill: Bill) -> str:
    """Return the text of a bill's file, one line for each kernel."""
    record = bill.model_dump(mode="json", by_alias=True)
    kernels = ",\n    ".join(json.dumps(kernel) for kernel in record.pop("kernels"))
    head = json.dumps(record, indent=2).removesuffix("\n}")
    return f'{head},\n  "kernels": [\n    {kernels}\n  ]\n}}\n'


def parse_bill(data: bytes, name: str) -> Bill:
    """Read a bill's file; one that is none is an AuditError."""
    try:
        return Bill.model_validate_json(data)
    except ValidationError as error:
        raise AuditError(f"{name} is no bill", why=str(error), fix="build with `nox -s build-wheel`") from error


def owner_of(unit: str, operators: Collection[str]) -> str | None:
    """Return the operator of a unit, the first one of several; None where one of them is unknown."""
    named = operators_of(unit)
    return named[0] if set(named) <= set(operators) else None


def _find_variants(kernels: Iterable[DeviceKernel]) -> dict[tuple[str, str], str]:
    """Tell the variants of each template in each unit apart."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kernel in kernels:
        groups[kernel.unit, name_of(kernel.symbol)].append(kernel.symbol)
    return {
        (unit, symbol): words for (unit, _), symbols in groups.items() for symbol, words in tell_apart(symbols).items()
    }


def _to_kernel(kernel: DeviceKernel, variants: Mapping[tuple[str, str], str], operators: Collection[str]) -> Kernel:
    usage = kernel.usage
    return Kernel(
        operator=owner_of(kernel.unit, operators),
        unit=kernel.unit,
        name=name_of(kernel.symbol),
        variant=variants[kernel.unit, kernel.symbol],
        symbol=kernel.symbol,
        sm=str(kernel.sm),
        bytes=kernel.bytes,
        registers=usage.registers if usage else None,
        shared=usage.shared if usage else None,
        stack=usage.stack if usage else None,
        spills=usage.spills if usage else None,
    )

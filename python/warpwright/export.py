"""The contracts as one JSON document, for documentation and other tools: ``python -m warpwright.export``."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from warpwright import _extension, _public
from warpwright._registry import as_tuple, by_name, overload, pure_outs, written
from warpwright._rooms import operators
from warpwright.contract import Arguments, Contract
from warpwright.draw import Draw

SCHEMA = 2


def document() -> dict[str, Any]:
    """Return all contracts: what each operator is called with, how it is checked, and what it has to move."""
    return {
        "schema": SCHEMA,
        "version": _extension.build_record().version,
        "modules": _public.modules(),
        "functions": _public.functions(),
        "operators": [describe(each) for each in operators().values()],
    }


def describe(contract: Contract) -> dict[str, Any]:
    """Return one contract; nothing of it is drawn, so no size of a workload takes memory."""
    schema = overload(contract.name)._schema
    nothing = Draw("meta")
    return {
        "name": contract.name,
        "family": contract.family,
        "modules": [contract.family, *contract.also_in],
        "differs": contract.differs,
        "signature": f"{contract.name}{inspect.signature(contract.function, eval_str=True)}",
        "docstring": inspect.getdoc(contract.function),
        "schema": str(schema).removeprefix(schema.name),
        "mutates": written(schema),
        "samples": [
            {"name": each.name, "arguments": _words(contract.arguments(each, nothing))} for each in contract.samples
        ],
        "refusals": [{"name": each.name, "words": each.words} for each in contract.refusals],
        "tolerance": {
            "relative": {_name(dtype): value for dtype, value in contract.tolerance.relative.items()},
            "of_largest": contract.tolerance.of_largest,
            "origin": contract.tolerance.origin,
        },
        "traits": [{"kind": each.kind.value, "reason": each.reason} for each in contract.traits],
        "workloads": [_workload(contract, sizes, nothing) for sizes in contract.workloads],
        "peers": sorted(by_name(contract.peers)(contract.make(nothing))),
        "reference": inspect.getsource(contract.reference),
    }


def title_of(sizes: Mapping[str, Any]) -> str:
    """Return the name of a workload: its sizes."""
    return ", ".join(f"{name} {_name(value)}" for name, value in sizes.items())


def bytes_of(contract: Contract, call: Arguments) -> int:
    """Count what the method must move: every tensor once, those that are returned too; twice what it changes."""
    if contract.moves:
        return int(by_name(contract.moves)(call))
    changed = set(written(overload(contract.name)._schema)) - set(pure_outs(contract))
    given: int = sum(
        value.numel() * value.element_size() * (2 if name in changed else 1)
        for name, value in call.items()
        if isinstance(value, torch.Tensor)
    )
    if contract.output is None:
        return given
    outputs = as_tuple(by_name(contract.output)(call))
    returned: int = sum(_product(each.shape) * each.dtype.itemsize for each in outputs)
    return given + returned


def operations_of(contract: Contract, call: Arguments) -> int:
    """Count the multiplications and additions of a call."""
    count: Callable[[Arguments], int] = by_name(contract.operations)
    return count(call)


def _workload(contract: Contract, sizes: Mapping[str, Any], draw: Draw) -> dict[str, Any]:
    call = contract.make(draw, **sizes)
    counts = {"bytes": bytes_of(contract, call), "operations": operations_of(contract, call)}
    return {"name": title_of(sizes), "arguments": _words(call), **counts}


def _words(call: Arguments) -> dict[str, str]:
    return {name: _word(value) for name, value in call.items()}


def _word(value: object) -> str:
    return f"{_name(value.dtype)} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else _name(value)


def _name(value: object) -> str:
    return str(value).removeprefix("torch.")


def _product(sizes: tuple[Any, ...]) -> int:
    product = 1
    for size in sizes:
        product *= int(size)
    return product


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)
    sys.stdout.write("\n")

"""The operators of this package: found in the folders of their families, and registered with torch.

A family is a package beside this module, and an operator is a module of it whose name has no leading underscore.
Nothing here knows an operator by name.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from warpwright.contract import Contract

HERE = Path(__file__).parent
FAMILIES = (
    "allreduce", "attention", "elementwise", "fused", "gemm", "grammar", "kvcacheio", "mamba", "memory", "moe",
    "quantization", "sampling", "speculative", "top_k",
)  # fmt: skip


@functools.lru_cache(maxsize=1)
def operators() -> Mapping[str, Contract]:
    """Return the contract of every operator, by name."""
    found = {}
    for family in FAMILIES:
        for module in pkgutil.iter_modules([str(HERE / family)]):
            if not module.name.startswith("_"):
                room = importlib.import_module(f"warpwright.{family}.{module.name}")
                found[module.name] = room.CONTRACT
    return dict(sorted(found.items()))


def publish(package: ModuleType) -> list[str]:
    """Put every public function into the package and into the modules that callers import it from; return the names."""
    for name, contract in operators().items():
        for module in (contract.family, *contract.also_in):
            setattr(importlib.import_module(f"{package.__name__}.{module}"), name, contract.function)
        setattr(package, name, contract.function)
    return list(operators())


def register() -> None:
    """Register with torch the reference of every operator, for tensors on the CPU, and its fake kernel."""
    for name, contract in operators().items():
        schema = overload(name)._schema
        torch.library.impl(f"warpwright::{name}", "CPU", _on_cpu(contract, schema))
        torch.library.register_fake(f"warpwright::{name}", _fake(contract, schema))


def overload(name: str) -> Any:
    """Return an operator as torch has it."""
    return getattr(torch.ops.warpwright, name).default


def by_name(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function of a call, which hands on the arguments that the given one takes."""
    names = tuple(inspect.signature(function).parameters)
    return lambda call: function(**{name: call[name] for name in names if name in call})


def written(schema: Any) -> list[str]:
    """Return the arguments that an operator writes to."""
    return [a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]


def _call_of(schema: Any) -> Callable[..., dict[str, Any]]:
    names = [argument.name for argument in schema.arguments]
    return lambda *given, **named: dict(zip(names, given, strict=False)) | named


def _on_cpu(contract: Contract, schema: Any) -> Callable[..., Any]:
    """Make the kernel for the CPU; autocast, which would round inside of it, is off in it."""
    call_of, check, reference = _call_of(schema), by_name(contract.check), by_name(contract.reference)
    outputs, outs = contract.output and by_name(contract.output), written(schema)

    def on_cpu(*given: Any, **named: Any) -> Any:
        call = call_of(*given, **named)
        check(call)
        with torch.autocast("cpu", enabled=False):
            results = as_tuple(reference(call | {"wide": torch.float32}))
        for name, result in zip(outs, results, strict=False):
            call[name].copy_(result)
        if outputs is None:
            return None
        specs = as_tuple(outputs(call))
        made = [result.to(spec.dtype) for result, spec in zip(results[len(outs) :], specs, strict=True)]
        return made[0] if len(made) == 1 else tuple(made)

    return on_cpu


def _fake(contract: Contract, schema: Any) -> Callable[..., Any]:
    call_of, check = _call_of(schema), by_name(contract.check)
    outputs = contract.output and by_name(contract.output)

    def fake(*given: Any, **named: Any) -> Any:
        call = call_of(*given, **named)
        check(call)
        if outputs is None:
            return None
        first = next(value for value in call.values() if isinstance(value, torch.Tensor))
        made = [first.new_empty(spec.shape, dtype=spec.dtype) for spec in as_tuple(outputs(call))]
        return made[0] if len(made) == 1 else tuple(made)

    return fake


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return what is returned as a tuple, also where it is one thing alone."""
    return value if isinstance(value, tuple) else (value,)

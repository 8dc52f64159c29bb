"""The operators of this package: found in the folders of their families, and registered with torch.

A family is a package beside this module, and an operator is a module of it whose name has no leading underscore.
Nothing here knows an operator by name.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
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
    for contract in operators().values():
        register_contract(contract)


def register_contract(contract: Contract, library: torch.library.Library | None = None) -> None:
    """Register what follows from one contract, for as long as ``library`` lives where one is given."""
    name = f"warpwright::{contract.name}"
    schema = overload(contract.name)._schema
    torch.library.impl(name, "CPU", _on_cpu(contract, schema), lib=library)
    torch.library.register_fake(name, _fake(contract, schema), lib=library)


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


def pure_outs(contract: Contract) -> list[str]:
    """Return those of them that are not read: the reference does without them."""
    read = inspect.signature(contract.reference).parameters
    return [name for name in written(overload(contract.name)._schema) if name not in read]


def _call_of(schema: Any) -> Callable[..., dict[str, Any]]:
    """Return the function that names the arguments of a call; torch leaves out those at the end that are defaults."""
    names = [argument.name for argument in schema.arguments]
    defaults = {each.name: each.default_value for each in schema.arguments if each.has_default_value()}
    return lambda *given, **named: _in_order(names, defaults | dict(zip(names, given, strict=False)) | named)


def _in_order(names: Sequence[str], call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in names}


def _on_cpu(contract: Contract, schema: Any) -> Callable[..., Any]:
    """Make the kernel for the CPU; autocast, which would round inside of it, is off in it."""
    call_of, check, reference = _call_of(schema), by_name(contract.check), by_name(contract.reference)
    outputs, outs = contract.output and by_name(contract.output), written(schema)

    def on_cpu(*given: Any, **named: Any) -> Any:
        call = call_of(*given, **named)
        check(call)
        with torch.autocast("cpu", enabled=False):
            results = apart(as_tuple(reference(call | {"wide": torch.float32})), call)
        specs = as_tuple(outputs(call)) if outputs else ()
        written_to, returned = results[: len(outs)], results[len(outs) :]
        for name, result in zip(outs, written_to, strict=True):
            if call[name] is not None:
                call[name].copy_(result)
        made = [result.to(spec.dtype) for result, spec in zip(returned, specs, strict=True)]
        return _as_returned(made)

    return on_cpu


def apart(results: tuple[Any, ...], call: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return results of which none shares memory with an argument: a reference may return what it was given."""
    given = {value.untyped_storage()._cdata for value in call.values() if isinstance(value, torch.Tensor)}
    return tuple(
        each.clone() if isinstance(each, torch.Tensor) and each.untyped_storage()._cdata in given else each
        for each in results
    )


def _fake(contract: Contract, schema: Any) -> Callable[..., Any]:
    call_of, check = _call_of(schema), by_name(contract.check)
    outputs = contract.output and by_name(contract.output)

    def fake(*given: Any, **named: Any) -> Any:
        call = call_of(*given, **named)
        check(call)
        if outputs is None:
            return None
        first = next(value for value in call.values() if isinstance(value, torch.Tensor))
        return _as_returned([first.new_empty(spec.shape, dtype=spec.dtype) for spec in as_tuple(outputs(call))])

    return fake


def _as_returned(made: Sequence[torch.Tensor]) -> Any:
    """Return tensors as a schema has them: none, one, or a tuple."""
    return None if not made else made[0] if len(made) == 1 else tuple(made)


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return what is returned as a tuple, also where it is one thing alone."""
    return value if isinstance(value, tuple) else (value,)

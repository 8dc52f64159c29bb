"""Registers with torch, for every operator, its reference for tensors on the CPU and its fake kernel.

Both are made from the operator's contract when they are first called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import torch

from warpwright import _rooms, gradient


class Kernels(NamedTuple):
    """What torch calls in place of the CUDA function."""

    on_cpu: Callable[..., Any]
    fake: Callable[..., Any]


def register() -> None:
    """Register with torch the reference of every operator, for tensors on the CPU, and its fake kernel.

    All from here: torch looks for the source of whoever registers, which takes it milliseconds for each new file.
    """
    for name in _rooms.family_of():
        torch.library.impl(f"warpwright::{name}", "CPU", functools.partial(_call_on_cpu, name))
        torch.library.register_fake(f"warpwright::{name}", functools.partial(_call_fake, name))
    torch.library.define("warpwright::no_backward", gradient.SCHEMA)
    torch.library.impl("warpwright::no_backward", "CompositeExplicitAutograd", gradient.no_backward)
    torch.library.register_fake("warpwright::no_backward", gradient.fake_no_backward)


def is_registered() -> bool:
    """True where this process has registered the operator that refuses, the last of this package's own."""
    return hasattr(torch.ops.warpwright, "no_backward")


def overload(name: str) -> Any:
    """Return an operator as torch has it."""
    return getattr(torch.ops.warpwright, name).default


def by_name(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function of a call, which hands on the arguments that the given one takes."""
    names = _parameters(function)
    return lambda call: function(**{name: call[name] for name in names if name in call})


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters; a plain one says them at once."""
    if isinstance(function, FunctionType):
        code = function.__code__
        return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    import inspect

    return tuple(inspect.signature(function).parameters)


def written(schema: Any) -> list[str]:
    """Return the arguments that an operator writes to."""
    return [a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return what is returned as a tuple, also where it is one thing alone."""
    return value if isinstance(value, tuple) else (value,)


def _call_on_cpu(name: str, *given: Any, **named: Any) -> Any:
    return _kernels(name).on_cpu(*given, **named)


def _call_fake(name: str, *given: Any, **named: Any) -> Any:
    return _kernels(name).fake(*given, **named)


@functools.cache
def _kernels(name: str) -> Kernels:
    """Make an operator's kernels; autocast, which would round inside of the reference, is off in it."""
    contract, schema = _rooms.contract_of(name), overload(name)._schema
    check, reference = by_name(contract.check), by_name(contract.reference)
    outputs, outs = contract.output and by_name(contract.output), written(schema)
    arguments = tuple(argument.name for argument in schema.arguments)

    def checked(given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        call = {**dict(zip(arguments, given, strict=False)), **named}
        check(call)
        return call

    def on_cpu(*given: Any, **named: Any) -> Any:
        call = checked(given, named)
        with torch.autocast("cpu", enabled=False):
            results = as_tuple(reference({**call, "wide": torch.float32}))
        for out, result in zip(outs, results, strict=False):
            call[out].copy_(result)
        if outputs is not None:
            specs = as_tuple(outputs(call))
            return _returned([r.to(spec.dtype) for r, spec in zip(results[len(outs) :], specs, strict=True)])
        return None

    def fake(*given: Any, **named: Any) -> Any:
        call = checked(given, named)
        if outputs is not None:
            first = next(value for value in call.values() if isinstance(value, torch.Tensor))
            return _returned([first.new_empty(spec.shape, dtype=spec.dtype) for spec in as_tuple(outputs(call))])
        return None

    return Kernels(on_cpu, fake)


def _returned(tensors: list[torch.Tensor]) -> Any:
    return tensors[0] if len(tensors) == 1 else tuple(tensors)

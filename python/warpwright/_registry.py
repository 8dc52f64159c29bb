"""Registers with torch, for every operator, its reference for tensors on the CPU and its fake kernel.

Both are made from the operator's contract when they are first called.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from warpwright import _rooms, gradient

if TYPE_CHECKING:
    from warpwright.contract import Contract


def register() -> None:
    """Register with torch the reference of every operator, for tensors on the CPU, and its fake kernel.

    All from here: torch looks for the source of whoever registers, which takes it milliseconds for each new file.
    """
    for name in _rooms.family_of():
        register_kernels(name, functools.partial(_rooms.contract_of, name))
    torch.library.define("warpwright::no_backward", gradient.SCHEMA)
    torch.library.impl("warpwright::no_backward", "CompositeExplicitAutograd", gradient.no_backward)
    torch.library.register_fake("warpwright::no_backward", gradient.fake_no_backward)


def register_kernels(name: str, contract: Callable[[], Contract], library: torch.library.Library | None = None) -> None:
    """Register what follows from one contract, for as long as ``library`` lives where one is given."""
    kernels = functools.cache(lambda: Kernels(contract()))
    torch.library.impl(
        f"warpwright::{name}", "CPU", lambda *given, **named: kernels().on_cpu(*given, **named), lib=library
    )
    torch.library.register_fake(
        f"warpwright::{name}", lambda *given, **named: kernels().fake(*given, **named), lib=library
    )


def is_registered() -> bool:
    """True where this process has registered the operator that refuses, the last of this package's own."""
    return hasattr(torch.ops.warpwright, "no_backward")


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


class Kernels:
    """What torch calls in place of an operator's CUDA function."""

    def __init__(self, contract: Contract) -> None:
        schema = overload(contract.name)._schema
        self._names = [argument.name for argument in schema.arguments]
        self._defaults = {each.name: each.default_value for each in schema.arguments if each.has_default_value()}
        self._outs = written(schema)
        self._check, self._reference = by_name(contract.check), by_name(contract.reference)
        self._outputs = contract.output and by_name(contract.output)

    def on_cpu(self, *given: Any, **named: Any) -> Any:
        """Write and return what the reference says; autocast, which would round inside of it, is off in it."""
        call = self._checked(given, named)
        with torch.autocast("cpu", enabled=False):
            results = apart(as_tuple(self._reference(call | {"wide": torch.float32})), call)
        specs = as_tuple(self._outputs(call)) if self._outputs else ()
        written_to, returned = results[: len(self._outs)], results[len(self._outs) :]
        for name, result in zip(self._outs, written_to, strict=True):
            if call[name] is not None:
                call[name].copy_(result)
        return _as_returned([result.to(spec.dtype) for result, spec in zip(returned, specs, strict=True)])

    def fake(self, *given: Any, **named: Any) -> Any:
        """Check, and return outputs of the right looks."""
        call = self._checked(given, named)
        if self._outputs is None:
            return None
        first = next(value for value in call.values() if isinstance(value, torch.Tensor))
        return _as_returned([first.new_empty(spec.shape, dtype=spec.dtype) for spec in as_tuple(self._outputs(call))])

    def _checked(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call that is taken; torch leaves out those at the end that are defaults."""
        found = {**self._defaults, **dict(zip(self._names, given, strict=False)), **named}
        call = {name: found[name] for name in self._names}
        self._check(call)
        return call


def apart(results: tuple[Any, ...], call: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return results of which none shares memory with an argument: a reference may return what it was given."""
    given = {value.untyped_storage()._cdata for value in call.values() if isinstance(value, torch.Tensor)}
    return tuple(
        each.clone() if isinstance(each, torch.Tensor) and each.untyped_storage()._cdata in given else each
        for each in results
    )


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return what is returned as a tuple, also where it is one thing alone."""
    return value if isinstance(value, tuple) else (value,)


def _as_returned(made: Sequence[torch.Tensor]) -> Any:
    """Return tensors as a schema has them: none, one, or a tuple."""
    return None if not made else made[0] if len(made) == 1 else tuple(made)

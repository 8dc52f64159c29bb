"""Calls where a gradient may be asked for: no operator of this library has a backward, so one is refused by name.

A weight is a Parameter, and so requires a gradient, in every model that was not told otherwise: its calls run as any
other, and ``backward`` ends in an error that names the operator. Without that, torch would leave the gradient out of
the sum and say nothing. Where torch records nothing (``no_grad``, ``inference_mode``), operators are called as they
are.

The pattern in a public function, whose first line costs 20 ns where nothing is recorded::

    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_operator, out, input)
    _operator(out, input)
    return out
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad


def is_recorded(*tensors: torch.Tensor | None) -> bool:
    """True where torch would record a call with these tensors, for a backward or for a derivative in forward mode.

    The public functions ask `is_grad_enabled` and `forward_ad` themselves first: a call of this takes longer than both.
    """
    if forward_ad._current_level >= 0:
        return True
    return is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def call(operator: Any, *arguments: Any) -> torch.Tensor:
    """Call an operator that returns a new tensor, and record that it has no backward."""
    result: torch.Tensor = _Returning.apply(operator, *arguments)
    return result


def write(operator: Any, out: torch.Tensor, *arguments: Any) -> torch.Tensor:
    """Call an operator that writes its first argument, and record that it has no backward; return the argument."""
    result: torch.Tensor = _Writing.apply(operator, out, *arguments)
    return result


def _refused(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    """Return the gradients of all arguments: each that is needed, by an operator that raises when it runs.

    An operator, since torch.compile traces a backward when it compiles the forward.
    """
    return tuple(
        torch.ops.warpwright.no_backward.default(grad, *ctx.kinds[index], ctx.name) if needed else None
        for index, needed in enumerate(ctx.needs_input_grad)
    )


def _remember(ctx: Any, operator: Any, arguments: Sequence[Any]) -> None:
    ctx.name = operator.__name__
    ctx.kinds = [
        (argument.shape, argument.dtype) if isinstance(argument, torch.Tensor) else None
        for argument in (operator, *arguments)
    ]


class _Returning(torch.autograd.Function):  # type: ignore[misc]  # torch may be missing where types are checked
    @staticmethod
    def forward(ctx: Any, operator: Any, *arguments: Any) -> torch.Tensor:
        _remember(ctx, operator, arguments)
        result: torch.Tensor = operator(*arguments)
        return result

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return _refused(ctx, grad)


class _Writing(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, operator: Any, out: torch.Tensor, *arguments: Any) -> torch.Tensor:
        _remember(ctx, operator, (out, *arguments))
        operator(out, *arguments)
        ctx.mark_dirty(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return _refused(ctx, grad)


def no_backward(grad: torch.Tensor, size: Sequence[int], dtype: torch.dtype, name: str) -> torch.Tensor:  # noqa: ARG001
    """Refuse: there is no gradient to give."""
    raise RuntimeError(
        f"warpwright.{name.removesuffix('.default')} has no backward: it is for inference; call it under "
        "torch.no_grad(), or detach what requires a gradient"
    )


def _fake_no_backward(grad: torch.Tensor, size: Sequence[int], dtype: torch.dtype, name: str) -> torch.Tensor:  # noqa: ARG001
    return grad.new_empty(size, dtype=dtype)


def is_registered() -> bool:
    """True where this process has registered the operator that refuses, the last of this package's own."""
    return hasattr(torch.ops.warpwright, "no_backward")


def register() -> None:
    """Register the operator that refuses."""
    schema = "(Tensor grad, SymInt[] size, ScalarType dtype, str name) -> Tensor"
    torch.library.define("warpwright::no_backward", schema)
    torch.library.impl("warpwright::no_backward", "CompositeExplicitAutograd", no_backward)
    torch.library.register_fake("warpwright::no_backward", _fake_no_backward)

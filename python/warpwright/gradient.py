"""Calls where a gradient may be asked for: no operator of this library has a backward, so one is refused by name.

A weight is a Parameter, and so requires a gradient, in every model that was not told otherwise: its calls run as any
other, and ``backward`` ends in an error that names the operator. Without that, torch would leave the gradient out of
the sum and say nothing. Where torch records nothing (``no_grad``, ``inference_mode``), operators are called as they
are. The operators below ``torch.ops.warpwright`` are not public, and record nothing.

The pattern in a public function, whose first line costs 20 ns where nothing is recorded::

    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_operator, out, input)
    _operator(out, input)
    return out
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

CreationMeta = torch._C._autograd.CreationMeta
SCHEMA = "(Tensor grad, SymInt[] size, ScalarType dtype, str name) -> Tensor"
"""Of the operator that refuses, `no_backward`."""


def is_recorded(*tensors: torch.Tensor | None) -> bool:
    """True where torch would record a call with these tensors, for a backward or for a derivative in forward mode.

    The public functions ask `is_grad_enabled` and `forward_ad` themselves first: a call of this takes longer than both.
    """
    if forward_ad._current_level >= 0:
        return True
    if is_grad_enabled():
        for tensor in tensors:  # a loop: `any` over a generator takes three times as long, at each call
            if tensor is not None and tensor.requires_grad:
                return True
    return False


def call(operator: Any, *arguments: Any) -> Any:
    """Call an operator that returns new tensors, one or a tuple, and record that it has no backward."""
    _refuse_tangents(operator, arguments)
    with torch.no_grad():
        result = operator(*arguments)
    sources = _sources(arguments)
    if isinstance(result, torch.Tensor):
        return _marked(operator, result, sources) if _may_require(result) else result
    return tuple(_marked(operator, each, sources) if _may_require(each) else each for each in result)


def write(operator: Any, out: torch.Tensor, *arguments: Any) -> torch.Tensor:
    """Call an operator that writes its first argument, and record that it has no backward; return the argument.

    An output that torch lets nobody write to in place with a gradient (a part of a split, a view made under no_grad) is
    written all the same, and what is returned is another view of it, which has the record.
    """
    return write_all(operator, {"out": out}, out, *arguments)[0]


def write_all(operator: Any, outs: Mapping[str, torch.Tensor], *arguments: Any) -> tuple[torch.Tensor, ...]:
    """Call an operator that writes some of its arguments, and record that it has no backward; return those.

    As `write` does, of which this is the general form: ``outs`` are the arguments that are written, by name, and
    ``arguments`` are all that there are, those too.
    """
    for name, out in outs.items():
        if out.requires_grad and out.is_leaf:
            raise RuntimeError(
                f"{name} is a leaf that requires a gradient, expected a tensor that may be written to: detach it, or "
                "call under torch.no_grad()"
            )
    _refuse_tangents(operator, arguments)
    with torch.no_grad():
        operator(*arguments)
    return tuple(_written(operator, out, arguments) if _may_require(out) else out for out in outs.values())


def _may_require(tensor: torch.Tensor) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def _written(operator: Any, out: torch.Tensor, arguments: Sequence[Any]) -> torch.Tensor:
    """Return an output with the record."""
    others = [source for source in _sources(arguments) if source is not out]
    if torch.compiler.is_compiling():
        return _marked(operator, out, others, in_place=True)
    if out._is_view() and torch._C._autograd._get_creation_meta(out) != CreationMeta.DEFAULT:
        return _marked(operator, out.view_as(out), others)
    if others and not out._is_view():
        out.detach_()  # what an earlier call has recorded is over
    return _marked(operator, out, others, in_place=True)


def _sources(arguments: Sequence[Any]) -> list[torch.Tensor]:
    """Return the tensors that a gradient would go to, each once."""
    found: list[torch.Tensor] = []
    for argument in arguments:
        wanted = isinstance(argument, torch.Tensor) and argument.requires_grad
        if wanted and not any(argument is other for other in found):
            found.append(argument)
    return found


def _refuse_tangents(operator: Any, arguments: Sequence[Any]) -> None:
    """Refuse a derivative in forward mode, which is computed with the call."""
    if forward_ad._current_level < 0:
        return
    tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
    if any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise RuntimeError(_words(operator.__name__))


def _marked(
    operator: Any, result: torch.Tensor, sources: Sequence[torch.Tensor], *, in_place: bool = False
) -> torch.Tensor:
    marked: torch.Tensor = _Refusing.apply(operator.__name__, in_place, result, *sources)
    return marked


class _Refusing(torch.autograd.Function):  # type: ignore[misc]  # torch may be missing where types are checked
    """Returns its tensor as it is, with a backward that raises."""

    @staticmethod
    def forward(name: str, in_place: bool, out: torch.Tensor, *sources: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:  # noqa: ARG004
        ctx.name, in_place, out, *sources = inputs
        ctx.kinds = [(tensor.shape, tensor.dtype) for tensor in (out, *sources)]
        if in_place:
            ctx.mark_dirty(out)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Return gradients by an operator that raises when it runs: torch.compile traces this with the forward."""
        refused = [
            torch.ops.warpwright.no_backward.default(grad, *kind, ctx.name) if needed else None
            for kind, needed in zip(ctx.kinds, ctx.needs_input_grad[2:], strict=True)
        ]
        return None, None, *refused


def _words(name: str) -> str:
    return (
        f"warpwright.{name.removesuffix('.default')} has no backward: it is for inference; call it under "
        "torch.no_grad(), or detach what requires a gradient"
    )


def no_backward(grad: torch.Tensor, size: Sequence[int], dtype: torch.dtype, name: str) -> torch.Tensor:  # noqa: ARG001
    """Refuse: there is no gradient to give."""
    raise RuntimeError(_words(name))


def fake_no_backward(grad: torch.Tensor, size: Sequence[int], dtype: torch.dtype, name: str) -> torch.Tensor:  # noqa: ARG001
    """Return a gradient that nobody will see."""
    return grad.new_empty(size, dtype=dtype)

"""The squared ReLU: max(x, 0)^2."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import rounded_once
from warpwright.elementwise._activation import plain_contract
from warpwright.gradient import is_recorded, write

_relu2 = torch.ops.warpwright.relu2.default


def relu2(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Return the square of what is positive of each element.

    ``out = max(input, 0) ** 2``, in float32 with one rounding. Method: So et al., "Primer: Searching for Efficient
    Transformers for Language Modeling" (arXiv:2109.08668).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart (a slice of whole columns); the elements of
        a row may not. Any ``hidden``; vectors of 16 bytes with rows at multiples of 16 bytes run fastest.
    out
        Tensor for the result, of the shape and dtype of ``input``, which it may be; a new one by default. Otherwise it
        has memory of its own.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Returns
    -------
    ``out``. No rows give an empty tensor.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if out is None:
        out = torch.empty_like(input)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_relu2, out, input, enable_pdl)
    _relu2(out, input, enable_pdl)
    return out


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the activation."""
    x = input.to(wide)
    return x.clamp(min=0).square()


def peers(out: torch.Tensor, input: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it; a copy is no activation, and moves the same bytes."""
    return {
        "torch": lambda: torch.nn.functional.relu(input).square(),
        "copy": lambda: out.copy_(input),
    }


CONTRACT = plain_contract(relu2, reference, peers, rounded_once("one product"))

"""The GELU by a sigmoid: x * sigmoid(1.702 x)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._activation import plain_contract, tolerance_of
from warpwright.gradient import is_recorded, write

_gelu_quick = torch.ops.warpwright.gelu_quick.default


def gelu_quick(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Return the GELU of each element by a sigmoid.

    ``out = input / (1 + exp(-1.702 * input))``, in float32 with one rounding. Method: Hendrycks and Gimpel, "Gaussian
    Error Linear Units" (arXiv:1606.08415), section 2.

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
        return write(_gelu_quick, out, input, enable_pdl)
    _gelu_quick(out, input, enable_pdl)
    return out


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the activation."""
    x = input.to(wide)
    return x / (1 + (-1.702 * x).exp())


def peers(out: torch.Tensor, input: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it; a copy is no activation, and moves the same bytes."""
    return {
        "torch": lambda: input * torch.sigmoid(1.702 * input),
        "copy": lambda: out.copy_(input),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.gelu_quick.default(out, input),
    }


CONTRACT = plain_contract(
    gelu_quick,
    reference,
    peers,
    tolerance_of(2.0**-19, "the exponent -1.702 x / ln(2), rounded twice, is up to 14"),
)

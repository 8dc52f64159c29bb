"""The gate of a GEGLU with the GELU's tanh form: of one half of each row, times the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._activation import gated_contract, half_of, tolerance_of
from warpwright.gradient import is_recorded, write

_gelu_tanh_and_mul = torch.ops.warpwright.gelu_tanh_and_mul.default


def gelu_tanh_and_mul(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Gate the second half of each row by the GELU of the first half, in its tanh form.

    ``out[..., i] = gelu(input[..., i]) * input[..., hidden + i]`` with
    ``gelu(x) = x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``, in float32 with one rounding; the tail below
    zero keeps its relative precision. Methods: the GEGLU of Shazeer, "GLU Variants Improve Transformer"
    (arXiv:2002.05202), and Hendrycks and Gimpel, "Gaussian Error Linear Units" (arXiv:1606.08415).

    Parameters
    ----------
    input
        ``(..., 2 * hidden)``, float16, bfloat16 or float32. Rows may lie apart (a slice of whole columns); the
        elements of a row may not. Any ``hidden``; vectors of 16 bytes with rows at multiples of 16 bytes run fastest.
    out
        ``(..., hidden)``, of the dtype of ``input``; a new tensor by default. It may be one half of ``input``;
        otherwise it has memory of its own.
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
        out = half_of(input)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_gelu_tanh_and_mul, out, input, enable_pdl)
    _gelu_tanh_and_mul(out, input, enable_pdl)
    return out


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the gated halves."""
    gate, value = input.to(wide).chunk(2, dim=-1)
    twice = math.sqrt(8 / math.pi) * (gate + 0.044715 * gate**3)  # (1 + tanh(u)) / 2 is the sigmoid of 2 u
    return gate / (1 + (-twice).exp()) * value


def peers(out: torch.Tensor, input: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    gate, value = input.chunk(2, dim=-1)
    return {
        "torch": lambda: torch.nn.functional.gelu(gate, approximate="tanh") * value,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.gelu_tanh_and_mul.default(out, input),
    }


CONTRACT = gated_contract(
    gelu_tanh_and_mul,
    reference,
    peers,
    tolerance_of(2.0**-17, "the exponent of e, rounded three times, is up to 20"),
    also_in=("activation",),
)

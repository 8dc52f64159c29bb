"""Norms and activations."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.gradient import is_recorded, write

_rmsnorm = torch.ops.warpwright.rmsnorm.default
_silu_and_mul = torch.ops.warpwright.silu_and_mul.default


def rmsnorm(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    weight: torch.Tensor,
    eps: float = 1e-6,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Scale each row to a root mean square of one, then by ``weight``.

    ``out[..., i] = input[..., i] / sqrt(mean(input[..., :] ** 2) + eps) * weight[i]``, with sums in float32 and one
    rounding at the end. Method: Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv:1910.07467).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart (a slice of whole columns); the elements of a row may
        not. Any ``hidden``; multiples of 8 with rows at multiples of 16 bytes run fastest.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    eps
        Added to the mean square before the root.
    out
        Tensor for the result, of the shape and dtype of ``input``, which it may be; a new one by default. Otherwise it
        has memory of its own.

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
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, weight):
        return write(_rmsnorm, out, input, weight, eps)
    _rmsnorm(out, input, weight, eps)
    return out


def silu_and_mul(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Gate the second half of each row by the SiLU of the first half.

    ``out[..., i] = silu(input[..., i]) * input[..., hidden + i]`` with ``silu(x) = x / (1 + exp(-x))``, in float32 with
    one rounding. Method: the SwiGLU of Shazeer, "GLU Variants Improve Transformer" (arXiv:2002.05202).

    Parameters
    ----------
    input
        ``(..., 2 * hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    out
        ``(..., hidden)``, of the dtype of ``input``; a new tensor by default. It may be one half of ``input``;
        otherwise it has memory of its own.

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
        sizes = (*input.shape[:-1], input.shape[-1] // 2) if input.dim() else ()
        out = torch.empty(sizes, dtype=input.dtype, device=input.device)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_silu_and_mul, out, input)
    _silu_and_mul(out, input)
    return out

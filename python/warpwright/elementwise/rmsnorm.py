"""The root-mean-square norm of the rows of a tensor."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import norm_contract, rms
from warpwright.gradient import is_recorded, write

_rmsnorm = torch.ops.warpwright.rmsnorm.default


def rmsnorm(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    weight: torch.Tensor,
    eps: float = 1e-6,
    out: torch.Tensor | None = None,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Scale each row to a root mean square of one, then by ``weight``.

    ``out[..., i] = input[..., i] / sqrt(mean(input[..., :] ** 2) + eps) * weight[i]``, with sums in float32 and one
    rounding at the end. Method: Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv:1910.07467).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart (a slice of whole columns); the elements of
        a row may not. Any ``hidden``; rows of whole vectors of 16 bytes run fastest.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    eps
        Added to the mean square before the root.
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
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, weight):
        return write(_rmsnorm, out, input, weight, eps, enable_pdl)
    _rmsnorm(out, input, weight, eps, enable_pdl)
    return out


def reference(input: torch.Tensor, weight: torch.Tensor, eps: float, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the norm."""
    return rms(input.to(wide), weight.to(wide), eps)


def peers(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor, eps: float) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it; a copy is no norm, and moves the same bytes."""
    return {
        "torch": lambda: torch.nn.functional.rms_norm(input, weight.shape, weight, eps),
        "copy": lambda: out.copy_(input),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.rmsnorm.default(out, input, weight, eps, True),
    }


CONTRACT = norm_contract(
    rmsnorm,
    reference,
    peers,
    also_in=("norm",),
)

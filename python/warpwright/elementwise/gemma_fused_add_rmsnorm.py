"""A residual's sum and its root-mean-square norm with Gemma's weights, in place."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import add_norm_contract, rms
from warpwright.gradient import is_recorded, write_all

_gemma_fused_add_rmsnorm = torch.ops.warpwright.gemma_fused_add_rmsnorm.default


def gemma_fused_add_rmsnorm(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float = 1e-6,
    enable_pdl: bool | None = None,
) -> None:
    """Add ``input`` to ``residual``, and norm the sum into ``input``; both in place.

    ``residual += input``, then ``input[..., i] = residual[..., i] / sqrt(mean(residual[..., :] ** 2) + eps) *
    (weight[i] + 1)``. The norm is that of the sum in float32, before it is rounded to the dtype of ``residual``.
    Method: Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv:1910.07467); weights as Gemma's
    checkpoints have them.

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32; it gets the norm. Rows may lie apart, the elements of a row may
        not. Any ``hidden``.
    residual
        The shape and dtype of ``input``; it gets the sum. The two have memory of their own.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    eps
        Added to the mean square before the root.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input, residual, weight):
        outs = {"input": input, "residual": residual}
        write_all(_gemma_fused_add_rmsnorm, outs, input, residual, weight, eps, enable_pdl)
        return
    _gemma_fused_add_rmsnorm(input, residual, weight, eps, enable_pdl)


def reference(
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the norm and the sum."""
    total = input.to(wide) + residual.to(wide)
    return rms(total, weight.to(wide) + 1, eps), total


def peers(
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; two copies are no norm, and move the same bytes."""
    norm = torch.nn.functional.rms_norm
    other, rest = torch.empty_like(input), torch.empty_like(residual)
    return {
        "torch": lambda: norm(residual.add_(input), weight.shape, weight + 1, eps),
        "two copies": lambda: (other.copy_(input), rest.copy_(residual)),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.gemma_fused_add_rmsnorm.default(
            input, residual, weight, eps, True
        ),
    }


CONTRACT = add_norm_contract(
    gemma_fused_add_rmsnorm,
    reference,
    peers,
    also_in=("norm",),
)

"""A residual's sum and its root-mean-square norm, quantised by scales of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import rms
from warpwright.fused._norm_quant import by_own_scales, check_norm_quant, norm_quant_contract
from warpwright.gradient import is_recorded, write_all

_fused_add_rmsnorm_dynamic_quant = torch.ops.warpwright.fused_add_rmsnorm_dynamic_quant.default
NAMES = ("out", "scales", "input", "residual", "weight", "eps", "group_size", "enable_pdl")


def fused_add_rmsnorm_dynamic_quant(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float = 1e-6,
    group_size: int | None = None,
    enable_pdl: bool | None = None,
) -> None:
    """Add ``input`` to ``residual``, and quantise the norm of the sum by scales of its own.

    ``residual += input``, and with ``x[..., i] = residual[..., i] / sqrt(mean(residual[..., :] ** 2) + eps) *
    weight[i]``, a scale is ``max(abs(x)) / 448``, or ``/ 127`` for int8, of a row or of a group of its elements, and
    ``out = x / scale``. A scale that would be less than ``2**-126`` is zero, and so are its elements. In float32 with
    one rounding at the end, to the nearest; a NaN is zero in int8. Method: Zhang and Sennrich, "Root Mean Square Layer
    Normalization" (arXiv:1910.07467).

    Parameters
    ----------
    out
        The shape of ``input``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    scales
        float32, with memory of its own: contiguous, one element for each row, such as ``(..., 1)``; or, with
        ``group_size``, ``(..., hidden / group_size)`` in any strides.
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    residual
        The shape and dtype of ``input``; it gets the sum, and has memory of its own.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    eps
        Added to the mean square before the root.
    group_size
        How many elements of a row have one scale, a divisor of ``hidden``; by default, all of them. Powers of two from
        16 to 256 run fastest.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, scales, input, residual, weight):
        outs = {"out": out, "scales": scales, "residual": residual}
        write_all(
            _fused_add_rmsnorm_dynamic_quant, outs, out, scales, input, residual, weight, eps, group_size, enable_pdl
        )
        return
    _fused_add_rmsnorm_dynamic_quant(out, scales, input, residual, weight, eps, group_size, enable_pdl)


def check(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    group_size: int | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_norm_quant(out, ("scales", scales), input, [("weight", weight)], residual, group_size)


def reference(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    group_size: int | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, ...]:
    """Return what is written."""
    x = input.to(wide) + residual.to(wide)
    return (*by_own_scales(rms(x, weight.to(wide), eps), out, scales, group_size), x)


def peers(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    group_size: int | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        x = residual.add_(input)
        norm = torch.nn.functional.rms_norm(x, weight.shape, weight, eps)
        parts = norm.unflatten(-1, (-1, group_size or norm.shape[-1]))
        return (parts / (parts.abs().amax(dim=-1, keepdim=True).float() / 448)).to(out.dtype).view(norm.shape)

    return {"torch": in_torch}


CONTRACT = norm_quant_contract(fused_add_rmsnorm_dynamic_quant, NAMES, check, reference, peers)

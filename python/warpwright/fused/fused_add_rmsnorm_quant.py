"""A residual's sum and its root-mean-square norm, quantised by one scale that is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._norm import rms
from warpwright.fused._norm_quant import by_scale, check_norm_quant, norm_quant_contract
from warpwright.gradient import is_recorded, write_all

_fused_add_rmsnorm_quant = torch.ops.warpwright.fused_add_rmsnorm_quant.default
NAMES = ("out", "input", "residual", "weight", "scale", "eps", "enable_pdl")


def fused_add_rmsnorm_quant(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    residual: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor | float,
    eps: float = 1e-6,
    enable_pdl: bool | None = None,
) -> None:
    """Add ``input`` to ``residual``, and quantise the norm of the sum by one scale that is given.

    ``residual += input``, and with ``x[..., i] = residual[..., i] / sqrt(mean(residual[..., :] ** 2) + eps) *
    weight[i]``, ``out = x / scale``, held between -448 and 448, or between -128 and 127 for int8. In float32 with one
    rounding at the end, to the nearest; a NaN is zero in int8. Method: Zhang and Sennrich, "Root Mean Square Layer
    Normalization" (arXiv:1910.07467).

    Parameters
    ----------
    out
        The shape of ``input``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    residual
        The shape and dtype of ``input``; it gets the sum, and has memory of its own.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    scale
        One element, float32, on the device of ``input``; a number makes such a tensor at each call.
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
    if not isinstance(scale, torch.Tensor):
        scale = torch.full((1,), scale, device=input.device)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, residual, weight, scale):
        outs = {"out": out, "residual": residual}
        write_all(_fused_add_rmsnorm_quant, outs, out, input, residual, weight, scale, eps, enable_pdl)
        return
    _fused_add_rmsnorm_quant(out, input, residual, weight, scale, eps, enable_pdl)


def check(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
) -> None:
    """Refuse what the operator cannot take."""
    check_norm_quant(out, ("scale", scale), input, [("weight", weight)], residual)


def reference(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
    eps: float,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is written."""
    x = input.to(wide) + residual.to(wide)
    return by_scale(rms(x, weight.to(wide), eps), scale, out.dtype), x


def peers(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    residual: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
    eps: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        x = residual.add_(input)
        norm = torch.nn.functional.rms_norm(x, weight.shape, weight, eps)
        return (norm / scale).to(out.dtype)

    return {"torch": in_torch}


CONTRACT = norm_quant_contract(
    fused_add_rmsnorm_quant,
    NAMES,
    check,
    reference,
    peers,
    also_in=("norm",),
)

"""Quantisation of rows to int8, with a scale for each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import FLOAT_TYPES, check_dtype, check_inner_stride, check_min_dim, known
from warpwright.contract import Arguments, Contract, Output, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.gradient import call as call_operator
from warpwright.gradient import is_recorded
from warpwright.quantization._quantize import (
    BOUNDS,
    TOLERANCE,
    WORKLOADS,
    largest_of,
    quantized,
    row_samples,
    scale_of,
)
from warpwright.rows import row_stride

EPS = 1e-10

_per_token_quant_int8 = torch.ops.warpwright.per_token_quant_int8.default


def per_token_quant_int8(
    x: torch.Tensor, scale_dtype: torch.dtype = torch.float32, cal_sum: bool = False
) -> tuple[torch.Tensor, ...]:
    """Quantise each row to int8 by a scale of its own.

    ``scales[r] = max(max(abs(x[r, :])), 1e-10) / 127`` and ``x_q[r, i] = x[r, i] / scales[r]``, in float32, rounded to
    the nearest at the end. A NaN makes the scale of its row NaN, and its elements zero.

    Parameters
    ----------
    x
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    scale_dtype
        To which dtype torch brings the scales, float32 by default.
    cal_sum
        Whether the sum of each row comes with them; torch computes it.

    Returns
    -------
    ``(x_q, scales)``: int8 of the shape of ``x``, and ``(..., 1)`` of ``scale_dtype``. With ``cal_sum``,
    ``(x_q, scales, x_sum)``: the third is ``(...,)``, of the dtype of ``x``.

    Raises
    ------
    RuntimeError
        A dtype, shape or stride is wrong (the argument is named with both values), or the wheel has no code for the
        GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(x):
        quantised, scales = call_operator(_per_token_quant_int8, x)
    else:
        quantised, scales = _per_token_quant_int8(x)
    if scale_dtype != torch.float32:
        scales = scales.to(scale_dtype)
    return (quantised, scales, x.sum(dim=-1)) if cal_sum else (quantised, scales)


def check(x: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    check_min_dim("x", x, 1)
    check_dtype("x", x.dtype, *FLOAT_TYPES)
    check_inner_stride("x", x)
    if not known(x.numel() == 0):
        row_stride("x", x)


def reference(x: torch.Tensor, wide: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rounded quotients and their scales."""
    x, dtype = x.to(wide), torch.int8
    if x.numel() == 0:
        return x, x.new_zeros((*x.shape[:-1], 1))
    scales = scale_of(largest_of(x), BOUNDS[dtype][1], EPS)
    return quantized(x, scales, dtype, BOUNDS[dtype]), scales


def output(x: torch.Tensor) -> tuple[Output, Output]:
    """Return what it gives."""
    return Output(tuple(x.shape), torch.int8), Output((*x.shape[:-1], 1), torch.float32)


def make(draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {"x": draw.normal(rows, hidden, dtype=dtype)}


def peers(x: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> tuple[torch.Tensor, torch.Tensor]:
        scales = x.abs().amax(dim=-1, keepdim=True).clamp(min=EPS).float() / 127
        return (x / scales).round().to(torch.int8), scales

    return {"torch": in_torch}


CONTRACT = Contract(
    function=per_token_quant_int8,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=(
        *row_samples(),
        sample("slices", each(x=widened), rows=5, hidden=128),
        sample("slices off every vector", each(x=lambda x: widened(x, 3)), rows=5),
        sample("zeros", each(x=torch.zeros_like), rows=3, hidden=64),
        sample("three dimensions", each(x=lambda x: x.view(2, 3, -1)), rows=6),
    ),
    refusals=(
        refuse("dtype", "x has dtype int16, expected float16 or bfloat16 or float32", x=torch.Tensor.short),
        refuse("no dimension", "x has 0 dimensions; expected at least 1", x=lambda x: x[0, 0]),
        refuse("crossed", "x has strides (1, 64), expected 1 in the last dimension", x=crossed),
        refuse(
            "rows apart",
            "expected rows at one distance from each other",
            x=lambda x: x.view(4, 16, -1).transpose(0, 1),
        ),
    ),
    tolerance=TOLERANCE,
    workloads=WORKLOADS,
    peers=peers,
)

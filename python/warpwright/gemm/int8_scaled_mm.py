"""The product of two int8 matrices with a scale for each row and column."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import Arguments, Contract, rounded_once
from warpwright.draw import Draw
from warpwright.gemm._scaled_mm import check_scaled_mm, operations, output, scaled_mm, torch_bf16
from warpwright.gemm._scaled_mm_calls import SAMPLES, WORKLOADS, make_scaled_mm, refusals
from warpwright.gradient import call, is_recorded

_int8_scaled_mm = torch.ops.warpwright.int8_scaled_mm.default


def int8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Multiply two int8 matrices, scale rows and columns, and add a bias.

    ``out[m, n] = cast(sum_k(mat_a[m, k] * mat_b[k, n]) * scales_b[n] * scales_a[m] + bias[n])``: the sum is exact in
    int32, the rest is float32 with one rounding at the end. The scales are fused into the epilogue of a CUTLASS GEMM.

    Parameters
    ----------
    mat_a
        ``(M, K)`` int8, row-major, K up to 131,056: the longest sum that an int32 holds whatever the elements are. A
        slice of a wider matrix is fine where its rows stay at multiples of 16 bytes.
    mat_b
        ``(K, N)`` int8, column-major: the transpose of a row-major weight ``(N, K)``.
    scales_a
        M float32 elements in any shape, one for each row, or one element for all rows; contiguous.
    scales_b
        N float32 elements, one for each column, or one element for all columns; contiguous.
    out_dtype
        ``torch.float16`` or ``torch.bfloat16``.
    bias
        N elements of ``out_dtype``, contiguous; none by default.

    Returns
    -------
    A new row-major ``(M, N)`` tensor; with ``M == 0`` an empty one.

    Raises
    ------
    RuntimeError
        K is no multiple of 16 or too large, N no multiple of 8, or a dtype, shape, stride, alignment or device is wrong
        (the argument is named with both values); or the wheel has no code for the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(scales_a, scales_b, bias):
        return call(_int8_scaled_mm, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return _int8_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype, bias)


def check(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_scaled_mm(torch.int8, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)


def make(draw: Draw, m: int = 64, n: int = 256, k: int = 512, dtype: torch.dtype = torch.bfloat16) -> Arguments:
    """Make a call."""
    return make_scaled_mm(lambda *sizes: draw.integers(-128, 128, *sizes, dtype=torch.int8), draw, m, n, k, dtype)


def peers(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch's has no scales."""
    calls = {
        "sglang-kernel": lambda: torch.ops.sgl_kernel.int8_scaled_mm.default(
            mat_a, mat_b, scales_a, scales_b, out_dtype, bias
        ),
        "torch bf16": torch_bf16(mat_a, mat_b),
    }
    if mat_a.shape[0] > 16:  # it takes no fewer rows
        calls["torch._int_mm"] = lambda: torch._int_mm(mat_a, mat_b)
    return calls


CONTRACT = Contract(
    function=int8_scaled_mm,
    check=check,
    reference=scaled_mm,
    output=output,
    make=make,
    samples=SAMPLES,
    refusals=refusals("int8"),
    tolerance=rounded_once(
        "scales in float32, where a bias may cancel the product; the sum is exact", of_largest=2.0**-20
    ),
    workloads=WORKLOADS,
    operations=operations,
    peers=peers,
)

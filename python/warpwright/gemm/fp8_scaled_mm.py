"""The product of two float8_e4m3fn matrices with a scale for each row and column."""

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

_fp8_scaled_mm = torch.ops.warpwright.fp8_scaled_mm.default


def fp8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Multiply two float8_e4m3fn matrices, scale rows and columns, and add a bias.

    ``out[m, n] = cast(sum_k(mat_a[m, k] * mat_b[k, n]) * scales_b[n] * scales_a[m] + bias[n])``. On the GPU the sum
    stays in the tensor core along the whole of K, which keeps around 14 bits of its mantissa (DeepSeek-V3 technical
    report, arXiv:2412.19437, section 3.3.2; cuBLAS does the same with ``use_fast_accum``); the rest is float32 with
    one rounding at the end.

    Parameters
    ----------
    mat_a
        ``(M, K)`` float8_e4m3fn, row-major. A slice of a wider matrix is fine where its rows stay at multiples of 16
        bytes.
    mat_b
        ``(K, N)`` float8_e4m3fn, column-major: the transpose of a row-major weight ``(N, K)``.
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
        K is no multiple of 16, N no multiple of 8, or a dtype, shape, stride, alignment or device is wrong (the
        argument is named with both values); or the wheel has no code for the GPU, which needs SM 8.9 or 9.0.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(mat_a, mat_b, scales_a, scales_b, bias):
        return call(_fp8_scaled_mm, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return _fp8_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype, bias)


def check(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_scaled_mm(torch.float8_e4m3fn, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)


def make(draw: Draw, m: int = 64, n: int = 256, k: int = 512, dtype: torch.dtype = torch.bfloat16) -> Arguments:
    """Make a call."""
    return make_scaled_mm(lambda *sizes: draw.float8(*sizes, scale=64.0), draw, m, n, k, dtype)


def peers(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    calls = {
        "sglang-kernel": lambda: torch.ops.sgl_kernel.fp8_scaled_mm.default(
            mat_a, mat_b, scales_a, scales_b, out_dtype, bias
        ),
        "torch bf16": torch_bf16(mat_a, mat_b),
    }
    row = scales_b.reshape(1, -1)
    calls["torch row-wise"] = lambda: torch._scaled_mm(
        mat_a, mat_b, scales_a.reshape(-1, 1), row, out_dtype=out_dtype, use_fast_accum=True
    )
    return calls


CONTRACT = Contract(
    function=fp8_scaled_mm,
    check=check,
    reference=scaled_mm,
    output=output,
    make=make,
    samples=SAMPLES,
    refusals=refusals("float8_e4m3fn"),
    tolerance=rounded_once(
        "scales in float32; a sum keeps 14 bits of its largest term in the tensor core (arXiv:2412.19437, section "
        "3.3.2) and drops the rest, always downwards, with every 32 elements of k: 36 times in the longest sample",
        of_largest=36 * 2.0**-14,
    ),
    workloads=WORKLOADS,
    operations=operations,
    peers=peers,
)

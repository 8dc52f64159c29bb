"""Quantised matrix products."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.gradient import call, is_recorded

_int8_scaled_mm = torch.ops.warpwright.int8_scaled_mm.default
_fp8_scaled_mm = torch.ops.warpwright.fp8_scaled_mm.default
_fp8_blockwise_scaled_mm = torch.ops.warpwright.fp8_blockwise_scaled_mm.default


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


def fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> torch.Tensor:
    """Multiply two float8_e4m3fn matrices with a scale for each 1x128 block of a and each 128x128 block of b.

    ``out[m, n] = cast(sum_k(mat_a[m, k] * mat_b[k, n] * scales_a[m, k // 128] * scales_b[k // 128, n // 128]))``: the
    products of a block of k are summed in the tensor core, the blocks in float32, with one rounding at the end. It is
    the scheme of DeepSeek-V3 (technical report, arXiv:2412.19437, section 3.3).

    Parameters
    ----------
    mat_a
        ``(M, K)`` float8_e4m3fn, row-major. A slice of a wider matrix is fine where its rows stay at multiples of 16
        bytes.
    mat_b
        ``(K, N)`` float8_e4m3fn, column-major: the transpose of a row-major weight ``(N, K)``.
    scales_a
        ``(M, ceil(K / 128))`` float32. Any strides are right; with stride 1 along M they are read fastest.
    scales_b
        ``(ceil(K / 128), ceil(N / 128))`` float32, any strides.
    out_dtype
        ``torch.float16`` or ``torch.bfloat16``.

    Returns
    -------
    A new row-major ``(M, N)`` tensor; with ``M == 0`` an empty one.

    Raises
    ------
    RuntimeError
        K is no multiple of 16, N no multiple of 8, or a dtype, shape, stride, alignment or device is wrong (the
        argument is named with both values); or the wheel has no code for the GPU, which needs SM 9.0.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(mat_a, mat_b, scales_a, scales_b):
        return call(_fp8_blockwise_scaled_mm, mat_a, mat_b, scales_a, scales_b, out_dtype)
    return _fp8_blockwise_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype)

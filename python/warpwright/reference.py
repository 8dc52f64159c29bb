"""The CPU references: what each operator means, in plain torch, with the checks that the CUDA functions make.

They run where tensors are on the CPU, and in tests. The checks are also those of the fake kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from warpwright.checks import (
    FLOAT16_TYPES,
    Size,
    check,
    check_aligned,
    check_apart,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_multiple,
    check_numel,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    check_size,
    known,
    out_row_stride,
    row_stride,
    rows_of,
    span_of,
)


def check_rmsnorm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    """Refuse what rmsnorm cannot take."""
    check_same_device("weight", weight, "input", input)
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    check_same_dtype("weight", weight, "input", input)
    check_same_dtype("out", out, "input", input)
    check_dim("weight", weight, 1)
    check_size("weight", weight, 0, input.shape[-1], "the last dimension of input")
    check_same_shape("out", out, "input", input)
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    check_contiguous("weight", weight)
    if known(input.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    in_place = out_rows is not None and input_rows is not None and out_rows.is_same(input_rows)
    check_apart("out", out_rows, [("input", None if in_place else input_rows), ("weight", span_of(weight))])


def rmsnorm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor, eps: float) -> None:  # noqa: A002
    """Write the root mean square norm of ``input``'s rows, times ``weight``, into ``out``."""
    check_rmsnorm(out, input, weight)
    x = input.float()
    scale = torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps)
    out.copy_(x * scale * weight.float())


def check_silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what silu_and_mul cannot take."""
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    check_same_dtype("out", out, "input", input)
    check_multiple("the last dimension of input", input.shape[-1], 2)
    check_dim("out", out, input.dim())
    for dim in range(input.dim() - 1):
        check_size("out", out, dim, input.shape[dim], "that of input")
    check_size("out", out, input.dim() - 1, input.shape[-1] // 2, "half of the last dimension of input")
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    if known(out.numel() == 0):
        return
    _check_gate_memory(out, input)


def _check_gate_memory(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse an output that overlaps the input in another way than in place of one half of it."""
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    if out_rows is None or input_rows is None:
        return
    size = input_rows.size // 2
    halves = [input_rows._replace(start=input_rows.start + start, size=size) for start in (0, size)]
    if not any(map(out_rows.is_same, halves)):
        check_apart("out", out_rows, [("input", input_rows)])


def silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Write ``silu(first half of each row) * second half`` into ``out``."""
    check_silu_and_mul(out, input)
    gate, value = input.float().chunk(2, dim=-1)
    out.copy_(torch.nn.functional.silu(gate) * value)


ALIGN_K, ALIGN_N = 16, 8
MOST_ROWS, MOST_COLUMNS = 2**30, 65535 * 8 * 64
MOST_INT8_K = (2**31 - 1) // 128**2 // ALIGN_K * ALIGN_K
"""The longest sum of products of -128 by -128 that an int32 holds."""


def _check_matrices(element: torch.dtype, mat_a: torch.Tensor, mat_b: torch.Tensor, out_dtype: torch.dtype) -> None:
    """Refuse matrices that no quantised product can take."""
    check_same_device("mat_b", mat_b, "mat_a", mat_a)
    check_dim("mat_a", mat_a, 2)
    check_dim("mat_b", mat_b, 2)
    check_dtype("mat_a", mat_a.dtype, element)
    check_dtype("mat_b", mat_b.dtype, element)
    check_dtype("out_dtype", out_dtype, *FLOAT16_TYPES)
    (m, k), n = mat_a.shape, mat_b.shape[1]
    check_size("mat_b", mat_b, 0, k, "the columns of mat_a")
    check_multiple("K, the columns of mat_a,", k, ALIGN_K)
    check_multiple("N, the columns of mat_b,", n, ALIGN_N)
    check_at_most("M, the rows of mat_a,", m, MOST_ROWS, "more rows are not supported")
    check_at_most("N, the columns of mat_b,", n, MOST_COLUMNS, "more columns are not supported")
    is_int8 = element == torch.int8
    why = "a longer sum may leave int32" if is_int8 else "longer rows are not supported"
    check_at_most("K, the columns of mat_a,", k, MOST_INT8_K if is_int8 else MOST_ROWS, why)
    _check_layout("mat_a", mat_a, 1, "row-major")
    _check_layout("mat_b", mat_b, 0, "column-major")


def _check_layout(name: str, matrix: torch.Tensor, inner: int, layout: str) -> None:
    outer, strides = 1 - inner, tuple(matrix.stride())
    adjacent: Size = matrix.shape[inner]
    if not known(adjacent <= 1):
        check(strides[inner] == 1, f"{name} has strides {strides}, expected {layout}: stride 1 in dimension {inner}")
    if known(matrix.shape[outer] <= 1) or known(adjacent == 0):
        return
    check(
        strides[outer] >= adjacent,
        f"{name} has strides {strides}, expected at least {adjacent} in dimension {outer}: rows may not overlap",
    )
    check_multiple(f"the stride of {name} in dimension {outer}", strides[outer], ALIGN_K)


def _check_starts(mat_a: torch.Tensor, mat_b: torch.Tensor) -> None:
    """Refuse matrices that do not start as TMA and 16-byte loads want it; what is never read may start anywhere."""
    if known(mat_a.shape[0] == 0) or known(mat_b.shape[1] == 0) or known(mat_a.shape[1] == 0):
        return
    check_aligned("mat_a", mat_a, 16)
    check_aligned("mat_b", mat_b, 16)


def check_scaled_mm(
    element: torch.dtype,
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> None:
    """Refuse what a scaled matrix product cannot take."""
    _check_matrices(element, mat_a, mat_b, out_dtype)
    m, n = mat_a.shape[0], mat_b.shape[1]
    for name, scales, count in (("scales_a", scales_a, m), ("scales_b", scales_b, n)):
        check_same_device(name, scales, "mat_a", mat_a)
        check_dtype(name, scales.dtype, torch.float32)
        check_numel(name, scales, count, "one for each row of its matrix, or one for all", or_one=True)
        check_contiguous(name, scales)
    if bias is not None:
        check_same_device("bias", bias, "mat_a", mat_a)
        check_dtype("bias", bias.dtype, out_dtype)
        check_numel("bias", bias, n, "one for each column of mat_b")
        check_contiguous("bias", bias)
        check_aligned("bias", bias, 16)
    _check_starts(mat_a, mat_b)


def _scale(
    total: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
    k: int,
) -> torch.Tensor:
    """Scale sums and add a bias; the sum of no products is zero whatever the scales are."""
    scaled = total * scales_b.reshape(1, -1) * scales_a.reshape(-1, 1) if k else total
    return (scaled if bias is None else scaled + bias.float().reshape(1, -1)).to(out_dtype)


def int8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Return the scaled product with its sum in int32 and the rest in float32."""
    check_scaled_mm(torch.int8, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    total = torch.mm(mat_a.to(torch.int32), mat_b.to(torch.int32)).float()
    return _scale(total, scales_a, scales_b, out_dtype, bias, mat_a.shape[1])


def fp8_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
    bias: torch.Tensor | None,
) -> torch.Tensor:
    """Return the scaled product in float32."""
    check_scaled_mm(torch.float8_e4m3fn, mat_a, mat_b, scales_a, scales_b, out_dtype, bias)
    return _scale(torch.mm(mat_a.float(), mat_b.float()), scales_a, scales_b, out_dtype, bias, mat_a.shape[1])


SCALE_BLOCK = 128


def _blocks(size: Size) -> Size:
    return (size + SCALE_BLOCK - 1) // SCALE_BLOCK


def check_fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> None:
    """Refuse what a product with block scales cannot take."""
    _check_matrices(torch.float8_e4m3fn, mat_a, mat_b, out_dtype)
    (m, k), n = mat_a.shape, mat_b.shape[1]
    for name, scales, rows, rows_are, columns, of in (
        ("scales_a", scales_a, m, "the rows of mat_a", _blocks(k), "mat_a"),
        ("scales_b", scales_b, _blocks(k), "one for each 128 rows of mat_b", _blocks(n), "mat_b"),
    ):
        check_same_device(name, scales, "mat_a", mat_a)
        check_dtype(name, scales.dtype, torch.float32)
        check_dim(name, scales, 2)
        check_size(name, scales, 0, rows, rows_are)
        check_size(name, scales, 1, columns, f"one for each 128 columns of {of}")
    _check_starts(mat_a, mat_b)


def fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> torch.Tensor:
    """Return the sum over blocks of k of each block's product, scaled, in float32."""
    check_fp8_blockwise_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype)
    (m, k), n = mat_a.shape, mat_b.shape[1]
    total = torch.zeros((m, n), dtype=torch.float32, device=mat_a.device)
    for block, start in enumerate(range(0, k, SCALE_BLOCK)):
        part = slice(start, start + SCALE_BLOCK)
        scales = scales_a[:, block, None] * scales_b[block].repeat_interleave(SCALE_BLOCK)[:n]
        total += torch.mm(mat_a[:, part].float(), mat_b[part].float()) * scales
    return total.to(out_dtype)


def register_reference(function: Callable[..., Any]) -> None:
    """Register a reference for tensors on the CPU; autocast, which would round inside of it, is off in it."""

    @functools.wraps(function)
    def without_autocast(*arguments: Any) -> Any:
        with torch.autocast("cpu", enabled=False):
            return function(*arguments)

    torch.library.impl(f"warpwright::{function.__name__}", "CPU", without_autocast)


def register() -> None:
    """Register the references for tensors on the CPU."""
    for function in (rmsnorm, silu_and_mul, int8_scaled_mm, fp8_scaled_mm, fp8_blockwise_scaled_mm):
        register_reference(function)

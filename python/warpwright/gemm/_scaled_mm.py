"""What the quantised products share: the checks of their matrices, and the scaled product of int8 and fp8."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.checks import (
    FLOAT16_TYPES,
    Size,
    check,
    check_aligned,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_multiple,
    check_numel,
    check_same_device,
    check_size,
    known,
)
from warpwright.contract import Output

ALIGN_K, ALIGN_N = 16, 8
MOST_ROWS, MOST_COLUMNS = 2**30, 65535 * 8 * 64
MOST_INT8_K = (2**31 - 1) // 128**2 // ALIGN_K * ALIGN_K
"""The longest sum of products of -128 by -128 that an int32 holds."""


def check_matrices(element: torch.dtype, mat_a: torch.Tensor, mat_b: torch.Tensor, out_dtype: torch.dtype) -> None:
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


def check_starts(mat_a: torch.Tensor, mat_b: torch.Tensor) -> None:
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
    """Refuse what a product with a scale for each row and column cannot take."""
    check_matrices(element, mat_a, mat_b, out_dtype)
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
    check_starts(mat_a, mat_b)


def scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    bias: torch.Tensor | None,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the scaled product; the sum of no products is zero, whatever the scales are."""
    # int8 sums are exact in float64, and float32 takes them with one rounding, as the kernels do.
    exact = torch.float64 if mat_a.dtype == torch.int8 else wide
    total = torch.mm(mat_a.to(exact), mat_b.to(exact)).to(wide)
    if mat_a.shape[1]:
        total = total * scales_b.to(wide).reshape(1, -1) * scales_a.to(wide).reshape(-1, 1)
    return total if bias is None else total + bias.to(wide).reshape(1, -1)


def output(mat_a: torch.Tensor, mat_b: torch.Tensor, out_dtype: torch.dtype) -> Output:
    """Return what a product gives."""
    return Output((mat_a.shape[0], mat_b.shape[1]), out_dtype)


def operations(mat_a: torch.Tensor, mat_b: torch.Tensor) -> int:
    """Count the multiplications and additions of a product."""
    return int(2 * mat_a.shape[0] * mat_a.shape[1] * mat_b.shape[1])


def torch_bf16(mat_a: torch.Tensor, mat_b: torch.Tensor) -> Callable[[], object]:
    """Return torch's product of the same shape in bfloat16, which needs no scales."""
    a, b = mat_a.bfloat16(), mat_b.bfloat16()
    return lambda: a @ b

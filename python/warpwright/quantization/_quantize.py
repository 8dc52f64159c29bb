"""What the operators that quantise to 8 bits share: checks, as in csrc/quantization/quantize.h, and arithmetic.

An operator's ``check`` calls `check_quantized`, then one of `check_tensor_scale`, `check_row_scales` and
`_group_scales.check_group_scales`, and where there is something to write, `check_memory`. Its reference scales by
`scale_of` what `largest_of` gives and rounds with `quantized`; its tolerance is `TOLERANCE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_multiple,
    check_numel,
    check_same_device,
    check_same_shape,
    check_size,
)
from warpwright.contract import ROUNDING_TO_8_BITS, Sample, Tolerance, Trait, TraitKind, sample
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

QUANTIZED_TYPES = (torch.float8_e4m3fn, torch.int8)
BOUNDS = {torch.float8_e4m3fn: (-448.0, 448.0), torch.int8: (-128.0, 127.0)}
LEAST_NORMAL = 2.0**-126
"""Of float32: the inverse of a smaller scale is no finite number, so it counts as zero."""
TOLERANCE = Tolerance(
    ROUNDING_TO_8_BITS,
    0.0,
    "half a unit in the last place, and float32 before it: a scale, its inverse and a product, each rounded once. So a "
    "quotient between two whole numbers may go to either in int8, where it may be off by one",
)
GATED_TOLERANCE = replace(
    TOLERANCE,
    relative={**TOLERANCE.relative, torch.float32: 2.0**-19},
    origin=f"{TOLERANCE.origin}; a scale of gated halves is as near as silu_and_mul is in float32",
)
NEVER_IN_PLACE = Trait(TraitKind.NEVER_IN_PLACE, "an element of the output has 8 bits, and one of the input more")


def check_quantized(
    input: torch.Tensor,  # noqa: A002
    out_name: str,
    out: torch.Tensor,
    scales_name: str,
    scales: torch.Tensor,
    *,
    out_types: Sequence[torch.dtype] = QUANTIZED_TYPES,
    gated: bool = False,
) -> None:
    """Refuse wrong devices, dtypes, shapes and inner strides; where ``gated``, rows of the input are twice as long."""
    check_same_device(out_name, out, "input", input)
    check_same_device(scales_name, scales, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT_TYPES)
    check_dtype(out_name, out.dtype, *out_types)
    if gated:
        last = input.dim() - 1
        check_multiple("the last dimension of input", input.shape[-1], 2)
        check_dim(out_name, out, input.dim())
        for dim in range(last):
            check_size(out_name, out, dim, input.shape[dim], "that of input")
        check_size(out_name, out, last, input.shape[-1] // 2, "half of the last dimension of input")
    else:
        check_same_shape(out_name, out, "input", input)
    check_inner_stride("input", input)
    check_inner_stride(out_name, out)


def check_tensor_scale(name: str, scale: torch.Tensor) -> None:
    """Refuse what is not one scale."""
    check_dtype(name, scale.dtype, torch.float32)
    check_numel(name, scale, 1, "one scale for the tensor")


def check_row_scales(name: str, scales: torch.Tensor, out: torch.Tensor) -> None:
    """Refuse what is not one scale for each row of an output."""
    check_dtype(name, scales.dtype, torch.float32)
    check_numel(name, scales, math.prod(out.shape[:-1]), "one scale for each row")
    check_contiguous(name, scales)


def check_memory(
    input: torch.Tensor,  # noqa: A002
    out_name: str,
    out: torch.Tensor,
    scales_name: str,
    scales: torch.Tensor,
    *,
    is_static: bool = False,
) -> None:
    """Refuse rows that overlap, and outputs that have a byte in common with what is read; static scales are read."""
    out_rows = rows_of(out, out_row_stride(out_name, out))
    input_rows = rows_of(input, row_stride("input", input))
    check_apart(out_name, out_rows, [("input", input_rows), (scales_name, span_of(scales))])
    if not is_static:
        check_apart(scales_name, span_of(scales), [("input", input_rows)])


def largest_of(x: torch.Tensor, group: int | None = None) -> torch.Tensor:
    """Return the largest magnitude of each row, or of each group of a row, in the last dimension."""
    parts = x if group is None else x.unflatten(-1, (-1, group))
    return parts.abs().amax(dim=-1, keepdim=group is None)


def scale_of(largest: torch.Tensor, most: float, eps: float = 0.0) -> torch.Tensor:
    """Return the scale of what has such a largest magnitude; zero where it would be no normal float32 number."""
    held = torch.where(largest < eps, eps, largest)
    scale = held / most
    return torch.where(scale < LEAST_NORMAL, 0.0, scale)


def quantized(x: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype, bounds: tuple[float, float]) -> torch.Tensor:
    """Return ``x / scale`` between two bounds, zero where a scale is; rounded to int8, and not yet to float8."""
    quotient = torch.where(scale.abs() < LEAST_NORMAL, 0.0, x / scale).clamp(*bounds)
    return quotient.round().nan_to_num(0.0) if dtype == torch.int8 else quotient


# What contracts of several operators say.

OVERLAP = "{} overlaps {} in memory, expected memory of its own: clone one of them"
WORKLOADS = tuple(
    {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
    for rows, hidden in (
        (1, 4096), (16, 4096), (128, 4096), (1024, 4096), (16_384, 4096), (1, 7168), (64, 7168), (4096, 7168),
        (16_384, 1536), (16_384, 128), (7, 18_944), (2048, 18_944),
    )
)  # fmt: skip


def row_samples() -> tuple[Sample, ...]:
    """Return calls of many sizes, for every way that the kernels deal rows out."""
    return (
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("float32", rows=9, hidden=3072, dtype=torch.float32),
        sample("several rows a block", rows=1003, hidden=128, dtype=torch.bfloat16),
        sample("rows of no power of two of vectors", rows=77, hidden=24),
        sample("two vectors a thread", rows=5, hidden=16_384, dtype=torch.bfloat16),
        sample("four vectors for some threads", rows=5, hidden=24_584, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=70_000),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    )

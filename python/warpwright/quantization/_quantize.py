"""What the operators that quantise to 8 bits share: checks, as in csrc/quantization/quantize.h, and arithmetic.

An operator's ``check`` calls `check_quantized`, then one of `check_tensor_scale`, `check_row_scales` and
`check_group_scales`, and where there is something to write, `check_memory`. Its reference scales by `row_scales` or
`group_scales` and rounds with `quantized`; its tolerance is `TOLERANCE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    Size,
    Truth,
    all_of,
    any_of,
    check,
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
    known,
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


def check_group_scales(
    name: str, scales: torch.Tensor, out_name: str, out: torch.Tensor, group: int, *, power_of_two: bool = False
) -> None:
    """Refuse what is not one scale for each group of a row, in any strides, or one word for four groups."""
    check_dtype(name, scales.dtype, torch.float32, *([torch.int32] if power_of_two else []))
    hidden, last = out.shape[-1], out.dim() - 1
    check(group >= 1, f"group_size is {group}, expected at least 1")
    check(
        hidden % group == 0,
        *(f"group_size is {group}, expected a divisor of ", hidden, f", the last dimension of {out_name}"),
    )
    check_dim(name, scales, out.dim())
    for dim in range(last):
        check_size(name, scales, dim, out.shape[dim], "one row for each row of groups")
    groups = hidden // group
    if scales.dtype == torch.int32:
        check_size(name, scales, last, (groups + 3) // 4, "one word for four groups")
    else:
        check_size(name, scales, last, groups, "one scale for each group")
    if not known(scales.numel() == 0):
        words = (f"{name} has strides ", scales.stride(), " for shape ", tuple(scales.shape))
        check(any_of(scales.numel() == 0, _are_apart(name, scales)), *words, ", expected elements that do not overlap")


class _Table(NamedTuple):
    """Scales of groups as a table; the words of its first element behind its last are not its own."""

    rows: Size
    row_stride: Size
    groups: Size
    group_stride: Size

    @property
    def is_apart(self) -> Truth:
        """True where no two elements are the same memory, by rows or by columns."""
        one_row, one_group = self.rows <= 1, self.groups <= 1
        by_row = all_of(
            any_of(one_group, self.group_stride >= 1),
            any_of(one_row, self.row_stride >= (self.groups - 1) * self.group_stride + 1),
        )
        by_group = all_of(
            any_of(one_row, self.row_stride >= 1),
            any_of(one_group, self.group_stride >= (self.rows - 1) * self.row_stride + 1),
        )
        return any_of(by_row, by_group)

    @property
    def size(self) -> Size:
        """From its first element to its last."""
        return (self.rows - 1) * self.row_stride + (self.groups - 1) * self.group_stride + 1


def _are_apart(name: str, scales: torch.Tensor) -> Truth:
    groups = (scales.shape[-1], scales.stride(-1))
    rows = math.prod(scales.shape[:-1])
    if scales.dim() == 1:
        return _Table(1, 0, *groups).is_apart
    if scales.dim() != 3:
        return _Table(rows, row_stride(name, scales), *groups).is_apart
    (experts, each, _), (expert_stride, stride, _) = scales.shape, scales.stride()
    if known(each <= 1):
        return _Table(rows, expert_stride, *groups).is_apart
    whole, table = _Table(rows, stride, *groups), _Table(each, stride, *groups)
    return any_of(
        all_of(any_of(experts <= 1, expert_stride == each * stride), whole.is_apart),
        all_of(table.is_apart, expert_stride >= table.size),
    )


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


def exponent_of(largest: torch.Tensor, most: float, eps: float) -> torch.Tensor:
    """Return exponent bytes of such scales, rounded up to powers of two, as int32: in float32, as the kernels do."""
    kind = torch.float32
    held = torch.where(largest < eps, torch.tensor(eps, dtype=kind, device=largest.device), largest.to(kind))
    scale = held / torch.tensor(most, dtype=kind, device=largest.device)
    bits = scale.view(torch.int32)
    return ((bits >> 23) + ((bits & 0x7FFFFF) != 0).int()).clamp(1, 255)


def power_of(exponent: torch.Tensor) -> torch.Tensor:
    """Return the powers of two of exponent bytes, NaN for 255."""
    return torch.where(exponent == 255, torch.nan, (exponent << 23).view(torch.float32))


def packed(exponent: torch.Tensor) -> torch.Tensor:
    """Return exponent bytes as words of four along the last dimension, with zeros where none is left."""
    padded = torch.nn.functional.pad(exponent, (0, -exponent.shape[-1] % 4)).to(torch.uint8)
    return padded.contiguous().view(torch.int32)


def quantized(x: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype, bounds: tuple[float, float]) -> torch.Tensor:
    """Return ``x / scale`` between two bounds, zero where a scale is; rounded to int8, and not yet to float8."""
    quotient = torch.where(scale.abs() < LEAST_NORMAL, 0.0, x / scale).clamp(*bounds)
    return quotient.round().nan_to_num(0.0) if dtype == torch.int8 else quotient


def each_of(scales: torch.Tensor, group: int) -> torch.Tensor:
    """Return the scale of each element, of those of groups."""
    return scales.repeat_interleave(group, dim=-1)


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

"""Scales of groups of a row's elements: checks, as in csrc/quantization/quantize.h, and arithmetic.

They are numbers, or powers of two by their exponent bytes, four in a word.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from warpwright.checks import Size, Truth, all_of, any_of, check, check_dim, check_dtype, check_size, known
from warpwright.rows import row_stride


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


def each_of(scales: torch.Tensor, group: int) -> torch.Tensor:
    """Return the scale of each element, of those of groups."""
    return scales.repeat_interleave(group, dim=-1)

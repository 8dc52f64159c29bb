"""Where arguments lie in memory: rows at one distance, and outputs that have memory of their own.

The words are those of csrc/torch/memory.h, as those of `warpwright.checks` are those of csrc/torch/checks.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from warpwright.checks import Size, any_of, check, known


def row_stride(name: str, tensor: torch.Tensor) -> Size:
    """Return the elements from row to row of a tensor whose other dimensions collapse into one; refuse any other."""
    if tensor.dim() == 1:
        return tensor.shape[0]
    rows: Size = tensor.shape[-2]
    stride: Size = tensor.stride(-2)
    for outer in range(tensor.dim() - 3, -1, -1):
        size = tensor.shape[outer]
        if known(rows <= 1):
            stride = tensor.stride(outer)
        check(
            any_of(size <= 1, rows <= 1, tensor.stride(outer) == rows * stride),
            *(f"{name} has strides ", tensor.stride(), " for shape ", tuple(tensor.shape)),
            ", expected rows at one distance from each other: call .contiguous() on it",
        )
        rows = rows * size
    return stride


def out_row_stride(name: str, tensor: torch.Tensor) -> Size:
    """Return the same of a tensor that is written, and refuse rows that overlap."""
    stride, row = row_stride(name, tensor), tensor.shape[-1]
    check(
        any_of(stride >= row, tensor.numel() <= row),
        *(f"{name} has strides ", tensor.stride(), " for shape ", tuple(tensor.shape)),
        *(", expected rows that do not overlap: at least ", row, " elements apart"),
    )
    return stride


class Rows(NamedTuple):
    """Memory as rows of bytes at one distance, from the start of a storage on."""

    storage: int
    start: int
    rows: int
    stride: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind the last row."""
        return self.start + (self.rows - 1) * self.stride + self.size

    def is_same(self, other: Rows) -> bool:
        """True where both are the same bytes in the same order."""
        return self[:3] == other[:3] and self.size == other.size and (self.rows <= 1 or self.stride == other.stride)


def rows_of(tensor: torch.Tensor, stride: Size) -> Rows | None:
    """Return the memory of a tensor whose row_stride is known; None where torch.compile does not know its numbers."""
    row: Size = tensor.shape[-1] if tensor.dim() else 1
    each, numel = tensor.element_size(), tensor.numel()
    if known(numel == 0):
        return Rows(_storage_of(tensor), 0, 0, 0, 0)
    return _rows(tensor, tensor.storage_offset() * each, numel // row, stride * each, row * each)


def span_of(tensor: torch.Tensor) -> Rows | None:
    """Return the memory from a tensor's first element to its last, as one row."""
    each = tensor.element_size()
    if known(tensor.numel() == 0):
        return Rows(_storage_of(tensor), 0, 0, 0, 0)
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return _rows(tensor, tensor.storage_offset() * each, 1, 0, (last + 1) * each)


def _rows(tensor: torch.Tensor, *numbers: Size) -> Rows | None:
    found = [number for number in numbers if isinstance(number, int)]
    return Rows(_storage_of(tensor), *found) if len(found) == len(numbers) else None


def _storage_of(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def meet(one: Rows, other: Rows) -> bool:
    """True where a byte belongs to both."""
    if one.storage != other.storage or 0 in (one.rows, other.rows):
        return False
    if one.end <= other.start or other.end <= one.start:
        return False
    if _are_beside(one, other):
        return False
    if one.rows > other.rows:
        one, other = other, one
    for begin in (one.start + row * one.stride for row in range(one.rows)):
        past = begin - (other.start + other.size)
        first = 0 if past < 0 else past // other.stride + 1 if other.stride else other.rows
        if first < other.rows and other.start + first * other.stride < begin + one.size:
            return True
    return False


def _are_beside(one: Rows, other: Rows) -> bool:
    """True where rows of one distance, such as two slices of a wider tensor, are apart within that distance."""
    if one.stride != other.stride or one.stride <= 0:
        return False
    start = (other.start - one.start) % one.stride
    return start >= one.size and start + other.size <= one.stride


def check_apart(name: str, out: Rows | None, inputs: Sequence[tuple[str, Rows | None]]) -> None:
    """Refuse an output that has a byte in common with an input; what is not known here, the CUDA function checks."""
    for other_name, other in inputs:
        check(
            out is None or other is None or not meet(out, other),
            f"{name} overlaps {other_name} in memory, expected memory of its own: clone one of them",
        )

"""Contiguous arrays of given sizes, as the operators on drafted tokens take them: csrc/speculative/arrays.h."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from warpwright.checks import (
    Size,
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_same_device,
    check_size,
)
from warpwright.rows import check_apart, span_of

INDICES = (torch.int32, torch.int64)
Expected = tuple[Size, str] | None
"""A size and why it is that; None for any."""


def check_array(
    name: str, tensor: torch.Tensor, on_name: str, on: torch.Tensor, types: tuple[torch.dtype, ...], *sizes: Expected
) -> None:
    """Refuse what is no contiguous array of these dtypes and sizes on the device of ``on``."""
    check_same_device(name, tensor, on_name, on)
    check_dtype(name, tensor.dtype, *types)
    check_dim(name, tensor, len(sizes))
    for dim, expected in enumerate(sizes):
        if expected is not None:
            check_size(name, tensor, dim, *expected)
    check_contiguous(name, tensor)


def check_indices(name: str, tensor: torch.Tensor, on_name: str, on: torch.Tensor, *sizes: Expected) -> None:
    """Refuse what is no such array of int32 or int64."""
    check_array(name, tensor, on_name, on, INDICES, *sizes)


def check_first(name: str, count: Size, available: Size, why: str) -> None:
    """Refuse to take the first so many of fewer, or less than none: a slice would do something else in silence.

    Outside of an operator, torch.compile traces no check that has words of what it found: it sees the condition.
    """
    if not 0 <= count <= available:
        check_at_least(name, count, 0)
        check_at_most(name, count, available, why)


def check_dim_first(name: str, tensor: torch.Tensor, dim: int) -> None:
    """Refuse another number of dimensions before a size is asked for, outside of an operator too."""
    if tensor.dim() != dim:
        check_dim(name, tensor, dim)


def check_indices_first(name: str, tensor: torch.Tensor, on_name: str, on: torch.Tensor) -> None:
    """Refuse what is no list of int32 or int64 on the device of ``on``, by the name that a caller gave it by."""
    if tensor.dim() != 1 or tensor.dtype not in INDICES or tensor.device != on.device:
        check_indices(name, tensor, on_name, on, None)


def check_separate(outs: Mapping[str, torch.Tensor], inputs: Mapping[str, torch.Tensor]) -> None:
    """Refuse an output that has a byte in common with an input, or with another output."""
    spans = [(name, span_of(tensor)) for name, tensor in outs.items()]
    read = [(name, span_of(tensor)) for name, tensor in inputs.items()]
    for place, (name, span) in enumerate(spans):
        check_apart(name, span, [*read, *spans[place + 1 :]])

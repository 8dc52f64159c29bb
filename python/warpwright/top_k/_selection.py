"""What the selections of the k largest share: their checks, what they mean, and how rows are found in a tensor."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import TypeAlias

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    Size,
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_size,
)

Pair: TypeAlias = tuple[torch.Tensor, torch.Tensor]

MOST_SORTED = 2048
"""Elements of a row that a kernel sorts; more are sorted by torch."""
MOST_COLUMNS = 2**31 - 1
AN_INDEX = "an index is an int32"
LARGER = 2
"""FlashInfer's ``TopKTieBreak.LARGE``."""


def check_rows(name: str, tensor: torch.Tensor) -> None:
    """Refuse rows among which nothing can be chosen."""
    check_dim(name, tensor, 2)
    check_dtype(name, tensor.dtype, *FLOAT_TYPES)
    check_inner_stride(name, tensor)
    check_at_most("the number of elements of a row", tensor.shape[1], MOST_COLUMNS, AN_INDEX)


def check_k(name: str, k: int, columns: Size, *, is_sorted: bool) -> None:
    """Refuse a k that a row does not have, or that is more than can be sorted."""
    check_at_least(name, k, 0)
    check_at_most(name, k, columns, "a row has no more elements")
    if is_sorted:
        check_at_most(name, k, MOST_SORTED, "more are not sorted here, but by torch.sort")


def check_of_rows(name: str, numbers: torch.Tensor, score: torch.Tensor) -> None:
    """Refuse what does not hold a number for each row."""
    check_same_device(name, numbers, "score", score)
    check_dim(name, numbers, 1)
    check_dtype(name, numbers.dtype, torch.int32)
    check_size(name, numbers, 0, score.shape[0], "one for each row of score")
    check_contiguous(name, numbers)


def in_order(values: torch.Tensor) -> torch.Tensor:
    """Return numbers that torch.sort puts in the order of keys: both zeros equal, and every NaN above infinity."""
    wide = values.double() + 0.0
    wide = wide.where(wide != torch.inf, 1e300)
    return wide.where(~wide.isnan(), torch.inf)


def largest(rows: torch.Tensor, k: int, *, prefers_last: bool = False) -> torch.Tensor:
    """Return the indices of the k largest of each row, the largest first; of equal ones the first, or the last."""
    keys = in_order(rows.flip(1) if prefers_last else rows)
    order = torch.sort(keys, dim=1, descending=True, stable=True).indices[:, :k]
    order = order.clone(memory_format=torch.contiguous_format)
    return rows.shape[1] - 1 - order if prefers_last else order


def by_dimension(select: Callable[[torch.Tensor], Pair], values: torch.Tensor, dim: int) -> Pair:
    """Return values and indices of the rows along a dimension, which they have there."""
    if values.dim() == 2 and dim in (1, -1) and (values.stride(1) == 1 or values.shape[1] <= 1):
        return select(values)
    moved = values.movedim(dim, -1)
    others = moved.shape[:-1]
    rows = moved.reshape(math.prod(others), moved.shape[-1])
    if rows.stride(1) != 1:
        rows = rows.contiguous()
    found, indices = (each.reshape(*others, each.shape[1]).movedim(-1, dim) for each in select(rows))
    return found, indices


def sort_pairs(pairs: Pair, *, prefers_last: bool = False) -> Pair:
    """Return pairs that stand by ascending index with the largest first, and equal ones in the preferred order.

    On a GPU torch sorts NaNs by their bits, and puts those whose sign is set last (pytorch issue 117617): every NaN is
    sorted as one and the same.
    """
    values, indices = pairs
    if prefers_last:
        values, indices = values.flip(1), indices.flip(1)
    keys = values.masked_fill(values.isnan(), torch.nan)
    order = torch.sort(keys, dim=1, descending=True, stable=True).indices
    return values.gather(1, order), indices.gather(1, order)


def flashinfer_peer(name: str, *given: object, **named: object) -> dict[str, Callable[[], object]]:
    """Return a call of FlashInfer's function of a name, where it is installed."""
    try:
        peer = getattr(importlib.import_module("flashinfer"), name)
    except (ImportError, AttributeError):
        return {}
    return {"FlashInfer": lambda: peer(*given, **named)}

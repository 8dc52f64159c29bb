"""The k largest along a dimension, the largest first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import FLOAT_TYPES, check_min_dim
from warpwright.contract import EXACT, Arguments, Contract, Output, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.top_k._pairs import edge_samples, make_rows
from warpwright.top_k._selection import (
    MOST_SORTED,
    Pair,
    by_dimension,
    check_k,
    check_rows,
    flashinfer_peer,
    largest,
)
from warpwright.top_k.top_k import top_k

_fast_topk = torch.ops.warpwright.fast_topk.default


def fast_topk(values: torch.Tensor, topk: int, dim: int) -> Pair:
    """Return the ``topk`` largest elements along a dimension, the largest first, and their indices.

    As ``torch.topk(values, topk, dim=dim)``, but that of equal elements the first comes first, in every run; as there,
    a NaN is larger than every number, and both zeros are equal. Method: radix selection (Alabi et al., "Fast
    k-Selection Algorithms for Graphics Processing Units", 2012) in one kernel, in which clusters share long rows
    on SM 9.0 where there are few.

    Parameters
    ----------
    values
        float16, bfloat16 or float32, of one dimension or more. Along the last one, rows may lie apart; along another,
        and where the elements of a row lie apart, the tensor is copied first.
    topk
        From 0 to the size of the dimension. Up to 2048 are sorted by the kernel itself, more by ``torch.sort``.
    dim
        The dimension; it stays, with ``topk`` elements.

    Returns
    -------
    The elements, bit by bit, in the dtype of ``values``, and their int64 indices.

    Raises
    ------
    RuntimeError
        A dtype, number of dimensions, ``topk`` or device is wrong (the argument is named with both values), or the
        wheel has no code for the GPU.
    """
    if values.dim() == 0:
        check_min_dim("values", values, 1)
    return by_dimension(lambda rows: _of_rows(rows, topk), values, dim)


def _of_rows(rows: torch.Tensor, topk: int) -> Pair:
    """Return the largest of each row."""
    if topk > MOST_SORTED:
        if rows.dtype not in FLOAT_TYPES or topk > rows.shape[1]:  # here, where they have the names of this function
            check_rows("values", rows)
            check_k("topk", topk, rows.shape[1], is_sorted=False)
        return top_k(rows, topk, sorted=True)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(rows):
        marked: Pair = call_recorded(_fast_topk, rows, topk)
        return marked
    found: Pair = _fast_topk(rows, topk)
    return found


def check(values: torch.Tensor, topk: int) -> None:
    """Refuse what the operator cannot take."""
    check_rows("values", values)
    check_k("topk", topk, values.shape[1], is_sorted=True)


def reference(values: torch.Tensor, topk: int, wide: torch.dtype) -> Pair:
    """Return the largest elements and their indices."""
    indices = largest(values, topk)
    return values.gather(1, indices).to(wide), indices


def output(values: torch.Tensor, topk: int) -> tuple[Output, Output]:
    """Return what it gives."""
    shape = (values.shape[0], topk)
    return Output(shape, values.dtype), Output(shape, torch.int64)


def make(
    draw: Draw, rows: int = 64, columns: int = 300, topk: int = 16, dtype: torch.dtype = torch.float32
) -> Arguments:
    """Make a call."""
    return {"values": make_rows(draw, rows, columns, dtype), "topk": topk}


def call(values: torch.Tensor, topk: int) -> Pair:
    """Call it as a model does."""
    return fast_topk(values, topk, dim=-1)


def moves(values: torch.Tensor, topk: int) -> int:
    """Return the bytes of the rows, and of the pairs that are written."""
    each = values.element_size()
    return int(values.numel() * each + values.shape[0] * topk * (each + 8))


def peers(values: torch.Tensor, topk: int) -> dict[str, Callable[[], object]]:
    """Return who else does it; sglang-kernel's function is torch's."""

    def by_torch() -> object:
        return torch.max(values, dim=-1, keepdim=True) if topk == 1 else torch.topk(values, topk)

    return {"torch": by_torch, **flashinfer_peer("top_k", values, topk, sorted=True)}


CONTRACT = Contract(
    function=fast_topk,
    check=check,
    reference=reference,
    output=output,
    make=make,
    call=call,
    moves=moves,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, columns=1, topk=1),
        sample("odd", rows=7, columns=1037, topk=33, dtype=torch.bfloat16),
        sample("float16", rows=5, columns=2000, topk=50, dtype=torch.float16),
        sample("the largest alone", rows=9, columns=700, topk=1),
        sample("none of them", rows=3, topk=0),
        sample("all of them", rows=3, columns=517, topk=517),
        sample("as many as are sorted", rows=2, columns=3001, topk=MOST_SORTED),
        *edge_samples("values"),
        sample("slices", each(values=widened), rows=5, columns=331),
        sample("slices off every vector", each(values=lambda x: widened(x, 3, 2)), rows=5, columns=700),
        sample("slices of halves off every vector", each(values=lambda x: widened(x, 5, 2)), dtype=torch.float16),
        sample("repeated row", each(values=lambda x: x[:1].expand(x.shape)), rows=4),
        sample("rows that blocks share", rows=2, columns=40_000, topk=100),
        sample("halves that blocks share", rows=2, columns=70_001, topk=2000, dtype=torch.bfloat16),
        sample("empty", rows=0),
        sample("largest", rows=3, columns=3_000_001, topk=1000),
    ),
    refusals=(
        refuse(
            "dtype", "values has dtype float64, expected float16 or bfloat16 or float32", values=torch.Tensor.double
        ),
        refuse("dim", "values has 3 dimensions, shape (64, 1, 300); expected 2", values=lambda x: x[:, None]),
        refuse("crossed", "values has strides (1, 64), expected 1 in the last dimension", values=crossed),
        refuse("k", "topk is 301, expected at most 300: a row has no more elements", topk=lambda _: 301),
        refuse("less than none", "topk is -1, expected at least 0", topk=lambda _: -1),
        refuse(
            "more than are sorted",
            "topk is 2049, expected at most 2048: more are not sorted here, but by torch.sort",
            lambda call: {"values": call["values"].repeat(1, 7), "topk": MOST_SORTED + 1},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        {"rows": 4, "columns": 8192, "topk": 512},
        *(
            {"rows": rows, "columns": 128_256, "topk": topk}
            for rows, topk in ((1, 1), (1, 50), (8, 8), (8, 1024), (32, 50), (128, 1), (128, 50), (128, 1024))
        ),
        {"rows": 32, "columns": 128_256, "topk": 50, "dtype": torch.bfloat16},
    ),
    peers=peers,
    differs="float64, whole numbers and tensors without dimensions are refused",
)

"""The k largest of each row, with FlashInfer's arguments."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import EXACT, Arguments, Contract, Output, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.top_k._pairs import edge_samples, make_rows
from warpwright.top_k._selection import (
    LARGER,
    MOST_SORTED,
    Pair,
    check_k,
    check_rows,
    flashinfer_peer,
    largest,
    sort_pairs,
)

_top_k = torch.ops.warpwright.top_k.default


def top_k(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    k: int,
    sorted: bool = False,  # noqa: A002
    deterministic: bool = False,  # noqa: ARG001
    tie_break: int = 0,
) -> Pair:
    """Return the ``k`` largest elements of each row and their indices.

    Every call gives the same bits as the one before. A NaN is larger than every number, and both zeros are equal, as in
    torch.topk. Method: radix selection (Alabi et al., "Fast k-Selection Algorithms for Graphics Processing Units",
    2012) in one kernel, in which clusters share long rows on SM 9.0 where there are few.

    Parameters
    ----------
    input
        ``(rows, size)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    k
        From 0 to ``size``.
    sorted
        Whether the largest comes first, and of equal elements the one that ``tie_break`` prefers; otherwise they stand
        by ascending index. Up to 2048 are sorted by the kernel itself, more by ``torch.sort``.
    deterministic
        Is taken and ignored: there is no other way here.
    tie_break
        Which of equal elements are taken where not all can be: 0 and 1 prefer smaller indices, 2 larger ones.

    Returns
    -------
    The elements, bit by bit, in the dtype of ``input``, and their int64 indices; both are new ``(rows, k)`` tensors.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, ``k``, ``tie_break`` or device is wrong (the argument is named with both values), or the
        wheel has no code for the GPU.
    """
    if sorted and k > MOST_SORTED:
        return sort_pairs(top_k(input, k, False, tie_break=tie_break), prefers_last=tie_break == LARGER)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input):
        marked: Pair = call_recorded(_top_k, input, k, sorted, int(tie_break))
        return marked
    found: Pair = _top_k(input, k, sorted, int(tie_break))
    return found


def check(input: torch.Tensor, k: int, sorted: bool, tie_break: int) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_rows("input", input)
    check_k("k", k, input.shape[1], is_sorted=sorted)
    check_at_least("tie_break", tie_break, 0)
    check_at_most("tie_break", tie_break, LARGER, "it is 0 or 1 for smaller indices, 2 for larger ones")


def reference(input: torch.Tensor, k: int, sorted: bool, tie_break: int, wide: torch.dtype) -> Pair:  # noqa: A002
    """Return the largest elements and their indices."""
    indices = largest(input, k, prefers_last=tie_break == LARGER)
    if not sorted:
        indices = indices.sort(dim=1).values
    return input.gather(1, indices).to(wide), indices


def output(input: torch.Tensor, k: int) -> tuple[Output, Output]:  # noqa: A002
    """Return what it gives."""
    shape = (input.shape[0], k)
    return Output(shape, input.dtype), Output(shape, torch.int64)


def make(
    draw: Draw,
    rows: int = 64,
    columns: int = 300,
    k: int = 16,
    is_sorted: bool = False,
    tie_break: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call."""
    return {
        "input": make_rows(draw, rows, columns, dtype),
        "k": k,
        "sorted": is_sorted,
        "tie_break": tie_break,
    }


def moves(input: torch.Tensor, k: int) -> int:  # noqa: A002
    """Return the bytes of the rows, and of the pairs that are written."""
    each = input.element_size()
    return int(input.numel() * each + input.shape[0] * k * (each + 8))


def peers(input: torch.Tensor, k: int, sorted: bool) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    by_torch = {"torch": lambda: torch.topk(input, k, sorted=sorted)}
    return {**by_torch, **flashinfer_peer("top_k", input, k, sorted=sorted)}


CONTRACT = Contract(
    function=top_k,
    check=check,
    reference=reference,
    output=output,
    make=make,
    moves=moves,
    samples=(
        sample("typical"),
        sample("sorted", is_sorted=True),
        sample("smallest", rows=1, columns=1, k=1),
        sample("odd", rows=7, columns=1037, k=33, dtype=torch.bfloat16),
        sample("float16", rows=5, columns=2000, k=50, dtype=torch.float16, tie_break=1),
        sample("the last of equal ones", each(input=torch.Tensor.round), rows=5, tie_break=2),
        sample("the last of equal ones first", each(input=torch.Tensor.round), rows=5, is_sorted=True, tie_break=2),
        sample("none of them", rows=3, k=0),
        sample("all of them", rows=3, columns=517, k=517),
        sample("more than are sorted", rows=2, columns=4001, k=3000),
        *edge_samples("input"),
        sample("slices", each(input=widened), rows=5, columns=331),
        sample("slices off every vector", each(input=lambda x: widened(x, 3, 2)), rows=5, columns=700),
        sample("rows that blocks share", rows=2, columns=40_000, k=100),
        sample("ties that blocks share", each(input=torch.Tensor.round), rows=2, columns=40_000, k=9000),
        sample("empty", rows=0),
        sample("no elements", columns=0, k=0),
        sample("largest", rows=3, columns=3_000_001, k=100_000),
    ),
    refusals=(
        refuse("dtype", "input has dtype float64, expected float16 or bfloat16 or float32", input=torch.Tensor.double),
        refuse("dim", "input has 1 dimensions, shape (300,); expected 2", input=lambda x: x[0]),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("k", "k is 301, expected at most 300: a row has no more elements", k=lambda _: 301),
        refuse("less than none", "k is -1, expected at least 0", k=lambda _: -1),
        refuse(
            "more than are sorted",
            "k is 2049, expected at most 2048: more are not sorted here, but by torch.sort",
            lambda call: {"input": call["input"].repeat(1, 7), "k": MOST_SORTED + 1, "sorted": True},
        ),
        refuse("tie_break", "tie_break is 3, expected at most 2: it is 0 or 1", tie_break=lambda _: 3),
        refuse("negative tie_break", "tie_break is -1, expected at least 0", tie_break=lambda _: -1),
    ),
    tolerance=EXACT,
    workloads=(
        {"rows": 4, "columns": 8192, "k": 512},
        *(
            {"rows": rows, "columns": 128_256, "k": k, "is_sorted": is_sorted}
            for rows, k, is_sorted in (
                (1, 50, True), (8, 1024, False), (32, 50, False), (128, 50, True), (128, 2048, False), (128, 2048, True)
            )
        ),
        {"rows": 256, "columns": 32_000, "k": 64, "dtype": torch.bfloat16},
    ),
    peers=peers,
)  # fmt: skip

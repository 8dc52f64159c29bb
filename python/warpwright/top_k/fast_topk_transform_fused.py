"""The pages of the k largest of a part of each row."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.checks import (
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_size,
)
from warpwright.contract import EXACT, Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.top_k._parts import WORKLOADS, check_parts, chosen, make_parts, moves, places_output, refusals, samples
from warpwright.top_k._selection import flashinfer_peer

_fast_topk_transform_fused = torch.ops.warpwright.fast_topk_transform_fused.default


def fast_topk_transform_fused(
    score: torch.Tensor,
    lengths: torch.Tensor,
    page_table_size_1: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return what `fast_topk_v2` does, with each index replaced by its entry in the page table of the row's request.

    Row ``r`` is of the first request ``i`` with ``cu_seqlens_q[i] <= r < cu_seqlens_q[i + 1]``. In decoding, where
    there are as many requests as rows and no ``row_starts``, row ``r`` is of request ``r``, and ``cu_seqlens_q`` is not
    read.

    Parameters
    ----------
    score
        ``(rows, size)``, float32, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    lengths
        ``(rows,)`` int32, contiguous, as for `fast_topk_v2`.
    page_table_size_1
        ``(requests, entries)`` int32, pages of one token; rows may lie apart, or be one row again and again. Entries
        are handed on as they are.
    cu_seqlens_q
        ``(requests + 1,)`` int32, contiguous: the first row of each request, and behind them the number of rows.
    topk
        How many are taken, any number from 0 on.
    row_starts
        ``(rows,)`` int32, contiguous, as for `fast_topk_v2`; 0 by default.

    Returns
    -------
    A new ``(rows, topk)`` int32 tensor, by ascending index. -1 stands behind the last of a row that has fewer, for an
    index that the table has no entry for, and in all of a row of no request.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, ``topk`` or device is wrong (the argument is named with both values), or the wheel has
        no code for the GPU.
    """
    found: torch.Tensor = _fast_topk_transform_fused(score, lengths, page_table_size_1, cu_seqlens_q, topk, row_starts)
    return found


def check(
    score: torch.Tensor,
    lengths: torch.Tensor,
    page_table_size_1: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_parts(score, lengths, topk, row_starts)
    check_same_device("page_table_size_1", page_table_size_1, "score", score)
    check_dim("page_table_size_1", page_table_size_1, 2)
    check_dtype("page_table_size_1", page_table_size_1.dtype, torch.int32)
    check_inner_stride("page_table_size_1", page_table_size_1)
    check_same_device("cu_seqlens_q", cu_seqlens_q, "score", score)
    check_dim("cu_seqlens_q", cu_seqlens_q, 1)
    check_dtype("cu_seqlens_q", cu_seqlens_q.dtype, torch.int32)
    check_size(
        "cu_seqlens_q", cu_seqlens_q, 0, page_table_size_1.shape[0] + 1, "one more than the rows of page_table_size_1"
    )
    check_contiguous("cu_seqlens_q", cu_seqlens_q)


def reference(
    score: torch.Tensor,
    lengths: torch.Tensor,
    page_table_size_1: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
    wide: torch.dtype,  # noqa: ARG001
) -> torch.Tensor:
    """Return the entries of indices."""
    indices, rows = chosen(score, lengths, topk, row_starts), torch.arange(score.shape[0], device=score.device)
    requests, entries = page_table_size_1.shape
    nothing = torch.full_like(indices, -1)
    if not requests or not entries:
        return nothing
    begins = rows >= cu_seqlens_q[:-1, None]
    holds = begins & (rows < cu_seqlens_q[1:, None])
    request, is_of_one = holds.int().argmax(dim=0), holds.any(dim=0)
    if row_starts is None and requests == len(rows):
        request, is_of_one = rows, torch.ones_like(is_of_one)
    found = page_table_size_1[request[:, None], indices.clamp(0, entries - 1)].long()
    return found.where((indices >= 0) & (indices < entries) & is_of_one[:, None], nothing)


def make(
    draw: Draw,
    rows: int = 64,
    columns: int = 300,
    topk: int = 16,
    requests: int | None = 3,
    is_full: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call of requests of various numbers of rows; None: of one for each row, as in decoding."""
    parts = make_parts(draw, rows, columns, topk, dtype, is_full=is_full)
    if requests is None:
        parts["row_starts"], starts = None, torch.arange(rows + 1, dtype=torch.int32, device=draw.device)
    else:
        starts = draw.integers(0, rows + 1, requests + 1).sort().values
        starts[0], starts[-1] = 0, rows
    return {
        "score": parts["score"],
        "lengths": parts["lengths"],
        "page_table_size_1": draw.integers(0, 2**31 - 1, len(starts) - 1, columns),
        "cu_seqlens_q": starts,
        "topk": topk,
        "row_starts": parts["row_starts"],
    }


def peers(
    score: torch.Tensor,
    lengths: torch.Tensor,
    page_table_size_1: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch, of whole rows, and FlashInfer in decoding."""

    def by_sglang() -> None:
        pages = score.new_empty((score.shape[0], topk), dtype=torch.int32)
        operator = torch.ops.sgl_kernel.fast_topk_transform_fused.default
        operator(score, lengths, pages, page_table_size_1, cu_seqlens_q, row_starts)

    return {
        "torch": lambda: page_table_size_1.gather(1, torch.topk(score, topk, sorted=False).indices),
        "sglang-kernel": by_sglang,
        **flashinfer_peer("top_k_page_table_transform", score, page_table_size_1, lengths, topk),
    }


def _of_one_row(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:1].expand(tensor.shape)


CONTRACT = Contract(
    function=fast_topk_transform_fused,
    check=check,
    reference=reference,
    output=places_output,
    make=make,
    moves=moves,
    samples=(
        *samples(),
        sample("decoding", rows=9, requests=None),
        sample("decoding, with requests that nothing reads", each(cu_seqlens_q=torch.zeros_like), requests=None),
        sample("more requests than threads", requests=2000),
        sample("no request", requests=0),
        sample("requests that hold no row", each(cu_seqlens_q=lambda x: x + 10**9), rows=9),
        sample("requests that fall", each(cu_seqlens_q=lambda x: x.flip(0)), rows=9),
        sample("requests that overlap", each(cu_seqlens_q=lambda x: x * (1 - 2 * (x % 2))), rows=9, requests=8),
        sample("a short table", each(page_table_size_1=lambda x: x[:, :7]), rows=9),
        sample("a table without entries", each(page_table_size_1=lambda x: x[:, :0]), rows=9),
        sample("a table of one row", each(page_table_size_1=_of_one_row), rows=9),
        sample("a slice of a table", each(page_table_size_1=widened), rows=9),
    ),
    refusals=(
        *refusals(),
        refuse("table dtype", "page_table_size_1 has dtype int64, expected int32", page_table_size_1=torch.Tensor.long),
        refuse(
            "table dim",
            "page_table_size_1 has 1 dimensions, shape (300,); expected 2",
            page_table_size_1=lambda x: x[0],
        ),
        refuse("crossed table", "page_table_size_1 has strides (1, 3), expected 1", page_table_size_1=crossed),
        refuse("requests dtype", "cu_seqlens_q has dtype int64, expected int32", cu_seqlens_q=torch.Tensor.long),
        refuse(
            "requests",
            "cu_seqlens_q has shape (3,): size 3 in dimension 0, expected 4 (one more than the rows of page_table",
            cu_seqlens_q=lambda x: x[:3],
        ),
        refuse(
            "requests apart",
            "cu_seqlens_q has shape (4,) and strides (2,), expected a contiguous tensor",
            cu_seqlens_q=lambda x: x.repeat(2)[::2],
        ),
    ),
    tolerance=EXACT,
    workloads=tuple({**each_size, "requests": None} for each_size in WORKLOADS),
    peers=peers,
)

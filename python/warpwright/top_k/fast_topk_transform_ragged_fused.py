"""The places of the k largest of a part of each row, in keys of all requests one behind the other."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import EXACT, Arguments, Contract, refuse
from warpwright.draw import Draw
from warpwright.top_k._parts import WORKLOADS, check_parts, chosen, make_parts, moves, places_output, refusals, samples
from warpwright.top_k._selection import check_of_rows, flashinfer_peer

_fast_topk_transform_ragged_fused = torch.ops.warpwright.fast_topk_transform_ragged_fused.default


def fast_topk_transform_ragged_fused(
    score: torch.Tensor,
    lengths: torch.Tensor,
    topk_indices_offset: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return what `fast_topk_v2` does, with an offset for each row added to its indices.

    Parameters
    ----------
    score
        ``(rows, size)``, float32, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    lengths
        ``(rows,)`` int32, contiguous, as for `fast_topk_v2`.
    topk_indices_offset
        ``(rows,)`` int32, contiguous: where the keys of the row's request begin. A sum beyond int32 wraps around.
    topk
        How many are taken, any number from 0 on.
    row_starts
        ``(rows,)`` int32, contiguous, as for `fast_topk_v2`; 0 by default.

    Returns
    -------
    A new ``(rows, topk)`` int32 tensor, by ascending index, with -1 behind the last of a row that has fewer.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, ``topk`` or device is wrong (the argument is named with both values), or the wheel has
        no code for the GPU.
    """
    found: torch.Tensor = _fast_topk_transform_ragged_fused(score, lengths, topk_indices_offset, topk, row_starts)
    return found


def check(
    score: torch.Tensor,
    lengths: torch.Tensor,
    topk_indices_offset: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    check_parts(score, lengths, topk, row_starts)
    check_of_rows("topk_indices_offset", topk_indices_offset, score)


def reference(
    score: torch.Tensor,
    lengths: torch.Tensor,
    topk_indices_offset: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
    wide: torch.dtype,  # noqa: ARG001
) -> torch.Tensor:
    """Return indices with their rows' offsets."""
    indices = chosen(score, lengths, topk, row_starts)
    return (indices + topk_indices_offset.long()[:, None]).int().where(indices >= 0, -1)


def make(
    draw: Draw,
    rows: int = 64,
    columns: int = 300,
    topk: int = 16,
    is_full: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call."""
    parts = make_parts(draw, rows, columns, topk, dtype, is_full=is_full)
    offsets = draw.integers(-5, 2**31 - 100, rows)
    return {
        "score": parts["score"],
        "lengths": parts["lengths"],
        "topk_indices_offset": offsets,
        "topk": topk,
        "row_starts": parts["row_starts"],
    }


def peers(
    score: torch.Tensor,
    lengths: torch.Tensor,
    topk_indices_offset: torch.Tensor,
    topk: int,
    row_starts: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch and FlashInfer of parts that begin with their rows."""

    def by_sglang() -> None:
        places = score.new_empty((score.shape[0], topk), dtype=torch.int32)
        operator = torch.ops.sgl_kernel.fast_topk_transform_ragged_fused.default
        operator(score, lengths, places, topk_indices_offset, row_starts)

    return {
        "torch": lambda: torch.topk(score, topk, sorted=False).indices + topk_indices_offset[:, None],
        "sglang-kernel": by_sglang,
        **flashinfer_peer("top_k_ragged_transform", score, topk_indices_offset, lengths, topk),
    }


CONTRACT = Contract(
    function=fast_topk_transform_ragged_fused,
    check=check,
    reference=reference,
    output=places_output,
    make=make,
    moves=moves,
    samples=samples(),
    refusals=(
        *refusals(),
        refuse(
            "offset dtype",
            "topk_indices_offset has dtype int64, expected int32",
            topk_indices_offset=torch.Tensor.long,
        ),
        refuse("offset", "topk_indices_offset has shape (2,): size 2", topk_indices_offset=lambda x: x[:2]),
    ),
    tolerance=EXACT,
    workloads=WORKLOADS,
    peers=peers,
)

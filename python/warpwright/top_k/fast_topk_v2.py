"""The indices of the k largest of a part of each row: the tokens that sparse attention reads."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import EXACT, Arguments, Contract
from warpwright.draw import Draw
from warpwright.top_k._parts import WORKLOADS, check_parts, chosen, make_parts, moves, places_output, refusals, samples
from warpwright.top_k._selection import flashinfer_peer

_fast_topk_v2 = torch.ops.warpwright.fast_topk_v2.default


def fast_topk_v2(
    score: torch.Tensor, lengths: torch.Tensor, topk: int, row_starts: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the indices of the ``topk`` largest scores of a part of each row, by ascending index.

    The part of row ``r`` is ``score[r, row_starts[r] : row_starts[r] + lengths[r]]``, and indices count from its begin.
    Of equal scores the first are taken, and a NaN is larger than every number; every call gives the same bits. Method:
    DeepSeek-AI, "DeepSeek-V3.2-Exp" (2025), section 2.1, the token selection of the lightning indexer; radix selection
    in one kernel, in which clusters share long rows on SM 9.0 where there are few.

    Parameters
    ----------
    score
        ``(rows, size)``, float32, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    lengths
        ``(rows,)`` int32, contiguous. A part of up to ``topk`` elements is taken whole and not read, wherever it
        begins; a length below 0 is 0.
    topk
        How many are taken, any number from 0 on.
    row_starts
        ``(rows,)`` int32, contiguous; 0 by default. A part that leaves its row is cut to what lies in it: a start below
        0 is 0, and one beyond the row leaves nothing.

    Returns
    -------
    A new ``(rows, topk)`` int32 tensor, with -1 behind the last index of a row that has fewer.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, ``topk`` or device is wrong (the argument is named with both values), or the wheel has
        no code for the GPU.
    """
    found: torch.Tensor = _fast_topk_v2(score, lengths, topk, row_starts)
    return found


def make(
    draw: Draw,
    rows: int = 64,
    columns: int = 300,
    topk: int = 16,
    is_full: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call."""
    return make_parts(draw, rows, columns, topk, dtype, is_full=is_full)


def peers(
    score: torch.Tensor, lengths: torch.Tensor, topk: int, row_starts: torch.Tensor | None
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch and FlashInfer of whole rows."""

    def by_sglang() -> None:
        indices = score.new_empty((score.shape[0], topk), dtype=torch.int32)
        torch.ops.sgl_kernel.fast_topk.default(score, indices, lengths, row_starts)

    return {
        "torch": lambda: torch.topk(score, topk, sorted=False).indices,
        "sglang-kernel": by_sglang,
        **flashinfer_peer("top_k", score, topk),
    }


CONTRACT = Contract(
    function=fast_topk_v2,
    check=check_parts,
    reference=lambda score, lengths, topk, row_starts, wide: chosen(score, lengths, topk, row_starts),  # noqa: ARG005
    output=places_output,
    make=make,
    moves=moves,
    samples=samples(),
    refusals=refusals(),
    tolerance=EXACT,
    workloads=WORKLOADS,
    peers=peers,
)

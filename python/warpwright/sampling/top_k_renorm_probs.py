"""The k largest probabilities of each row, of a sum of 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import Arguments, rounded_once, sample
from warpwright.draw import Draw
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.sampling._draw import top_k_numbers
from warpwright.sampling._draw_reference import in_top_k, renormed, rows_of_probs
from warpwright.sampling._peers import flashinfer_peer, keep_top_k
from warpwright.sampling._renorm import check_kept, keep_contract, make_scores, number_refusals

_top_k_renorm_probs = torch.ops.warpwright.top_k_renorm_probs.default


def top_k_renorm_probs(probs: torch.Tensor, top_k: torch.Tensor | int) -> torch.Tensor:
    """Keep the k largest probabilities of each row, and divide them by their sum.

    The others become 0. Exact, also where probabilities are equal. Method: the k-th largest by radix digits of 12, 8, 8
    and 4 bits, those after the first among what was gathered in shared memory.

    Parameters
    ----------
    probs
        ``(rows, classes)``, float16, bfloat16 or float32, of any sum. 1 to 2^20 classes; rows may lie apart.
        NaN and what is negative count as 0, what is above 2^100 as 2^100.
    top_k
        How many of the largest stay, and those equal to the last of them: an int for all rows, or a tensor of one for
        each. Less than 1 counts as 1; as many as there are classes, or more, leave all.

    Returns
    -------
    A new tensor, contiguous, of the shape and dtype of ``probs``; a row of no probability above 0
    is all 0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    given = top_k_numbers(top_k)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(probs):
        return call_recorded(_top_k_renorm_probs, probs, *given)
    return _top_k_renorm_probs(probs, *given)


def check(probs: torch.Tensor, top_k: torch.Tensor | None) -> None:
    """Refuse what the operator cannot take."""
    check_kept("probs", probs, top_k=top_k)


def reference(probs: torch.Tensor, top_k: torch.Tensor | None, top_k_all: int, wide: torch.dtype) -> torch.Tensor:
    """Return what is left."""
    rows = rows_of_probs(probs, None)
    return renormed(rows, in_top_k(rows, top_k, top_k_all)).to(wide)


def make(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    top_k: int = 50,
    spread: float = 1.0,
    dtype: torch.dtype = torch.float32,
    own: bool = False,
) -> Arguments:
    """Make a call; with ``own``, each row has a number of its own."""
    each = draw.integers(0, classes + 2, rows) if own else None
    return make_scores(draw, "probs", rows, classes, spread, dtype) | {"top_k": each, "top_k_all": top_k}


def call(probs: torch.Tensor, top_k: torch.Tensor | None, top_k_all: int) -> Any:
    """Call it with the number for all rows, or those of each."""
    return top_k_renorm_probs(probs, top_k_all if top_k is None else top_k)


def peers(probs: torch.Tensor, top_k_all: int) -> Mapping[str, Callable[[], object]]:
    """Return who else does it."""
    out = torch.empty_like(probs)

    def by_sglang() -> None:
        torch.ops.sgl_kernel.top_k_renorm_probs.default(probs, out, None, top_k_all)

    return {
        "torch": lambda: keep_top_k(probs, top_k_all),
        "sglang-kernel": by_sglang,
        **flashinfer_peer("top_k_renorm_probs", probs, top_k_all),
    }


CONTRACT = keep_contract(
    top_k_renorm_probs,
    "probs",
    check=check,
    reference=reference,
    make=make,
    call=call,
    tolerance=rounded_once("sums in float32", of_largest=2.0**-30),
    peers=peers,
    samples=(
        sample("none of the largest", top_k=0),
        sample("the largest", top_k=1),
        sample("more than there are", top_k=2000),
        sample("many of the largest", top_k=3000, classes=9001),
        sample("numbers of their own", own=True, rows=9),
        sample("larger ones than are gathered", top_k=20_000, rows=2, classes=50_000),
    ),
    refusals=number_refusals("top_k", torch.int32, torch.int64),
)

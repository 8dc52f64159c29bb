"""The largest probabilities of each row that make up a share, of a sum of 1."""

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
from warpwright.sampling._draw import share_numbers
from warpwright.sampling._draw_reference import in_top_p, renormed, rows_of_probs, share_of
from warpwright.sampling._peers import flashinfer_peer, keep_top_p
from warpwright.sampling._renorm import check_kept, keep_contract, make_scores, number_refusals

_top_p_renorm_probs = torch.ops.warpwright.top_p_renorm_probs.default


def top_p_renorm_probs(probs: torch.Tensor, top_p: torch.Tensor | float) -> torch.Tensor:
    """Keep the largest probabilities of each row that make up a share of the mass, and divide them by their sum.

    The others become 0. A probability stays where less than the share is larger than it: the last one that stays brings
    the mass to the share, and those equal to it stay too. Method: radix digits of 12, 8, 8 and 4 bits; the masses of
    their bins are summed as whole numbers, so that the result does not depend on the order.

    Parameters
    ----------
    probs
        ``(rows, classes)``, float16, bfloat16 or float32, of any sum. 1 to 2^20 classes; rows may lie apart.
        NaN and what is negative count as 0, what is above 2^100 as 2^100.
    top_p
        The share: a float for all rows, or a tensor of one for each. With 0 or less, or NaN, the largest stay; 1 and
        more leave all.

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
    given = share_numbers(top_p)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(probs):
        return call_recorded(_top_p_renorm_probs, probs, *given)
    return _top_p_renorm_probs(probs, *given)


def check(probs: torch.Tensor, top_p: torch.Tensor | None) -> None:
    """Refuse what the operator cannot take."""
    check_kept("probs", probs, top_p=top_p)


def reference(probs: torch.Tensor, top_p: torch.Tensor | None, top_p_all: float, wide: torch.dtype) -> torch.Tensor:
    """Return what is left."""
    rows = rows_of_probs(probs, None)
    share, whole = share_of(top_p, top_p_all, rows), rows.weights.sum(-1, keepdim=True)
    return renormed(rows, in_top_p(rows, rows.weights > 0, share, whole)).to(wide)


def make(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    top_p: float = 0.9,
    spread: float = 1.0,
    dtype: torch.dtype = torch.float32,
    own: bool = False,
) -> Arguments:
    """Make a call; with ``own``, each row has a number of its own."""
    each = draw.uniform(rows, least=-0.1, most=1.1) if own else None
    return make_scores(draw, "probs", rows, classes, spread, dtype) | {"top_p": each, "top_p_all": top_p}


def call(probs: torch.Tensor, top_p: torch.Tensor | None, top_p_all: float) -> Any:
    """Call it with the number for all rows, or those of each."""
    return top_p_renorm_probs(probs, top_p_all if top_p is None else top_p)


def peers(probs: torch.Tensor, top_p_all: float) -> Mapping[str, Callable[[], object]]:
    """Return who else does it."""
    out = torch.empty_like(probs)

    def by_sglang() -> None:
        torch.ops.sgl_kernel.top_p_renorm_probs.default(probs, out, None, top_p_all)

    return {
        "torch": lambda: keep_top_p(probs, top_p_all),
        "sglang-kernel": by_sglang,
        **flashinfer_peer("top_p_renorm_probs", probs, top_p_all),
    }


CONTRACT = keep_contract(
    top_p_renorm_probs,
    "probs",
    check=check,
    reference=reference,
    make=make,
    call=call,
    tolerance=rounded_once("sums in float32", of_largest=2.0**-30),
    peers=peers,
    samples=(
        sample("no share", top_p=0.0),
        sample("the whole", top_p=1.0),
        sample("a small share", top_p=0.01, classes=4000),
        sample("NaN for a share", top_p=float("nan")),
        sample("numbers of their own", own=True, rows=9),
    ),
    refusals=number_refusals("top_p", torch.float32, torch.float64),
)

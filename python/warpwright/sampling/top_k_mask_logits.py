"""The k largest logits of each row, the others -inf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import EXACT, Arguments, sample
from warpwright.draw import Draw
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.sampling._draw import top_k_numbers
from warpwright.sampling._draw_reference import in_top_k, rows_of_logits
from warpwright.sampling._peers import flashinfer_peer
from warpwright.sampling._renorm import check_kept, keep_contract, make_scores, number_refusals

_top_k_mask_logits = torch.ops.warpwright.top_k_mask_logits.default


def top_k_mask_logits(logits: torch.Tensor, top_k: torch.Tensor | int) -> torch.Tensor:
    """Keep the k largest logits of each row, and set the others to -inf.

    Exact, also where logits are equal. Method: the k-th largest by radix digits of 12, 8, 8 and 4 bits, those
    after the first among what was gathered in shared memory.

    Parameters
    ----------
    logits
        ``(rows, classes)``, float16, bfloat16 or float32. 1 to 2^20 classes; rows may lie apart.
        NaN become -inf.
    top_k
        How many of the largest stay, and those equal to the last of them: an int for all rows, or a tensor of one for
        each. Less than 1 counts as 1; as many as there are classes, or more, leave all.

    Returns
    -------
    A new tensor, contiguous, of the shape and dtype of ``logits``.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    given = top_k_numbers(top_k)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(logits):
        return call_recorded(_top_k_mask_logits, logits, *given)
    return _top_k_mask_logits(logits, *given)


def check(logits: torch.Tensor, top_k: torch.Tensor | None) -> None:
    """Refuse what the operator cannot take."""
    check_kept("logits", logits, top_k=top_k)


def reference(logits: torch.Tensor, top_k: torch.Tensor | None, top_k_all: int, wide: torch.dtype) -> torch.Tensor:
    """Return what is left."""
    kept = in_top_k(rows_of_logits(logits, None), top_k, top_k_all)
    return logits.to(wide).where(kept, -torch.inf)


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
    return make_scores(draw, "logits", rows, classes, spread, dtype) | {"top_k": each, "top_k_all": top_k}


def call(logits: torch.Tensor, top_k: torch.Tensor | None, top_k_all: int) -> Any:
    """Call it with the number for all rows, or those of each."""
    return top_k_mask_logits(logits, top_k_all if top_k is None else top_k)


def peers(logits: torch.Tensor, top_k_all: int) -> Mapping[str, Callable[[], object]]:
    """Return who else does it."""

    def by_torch() -> torch.Tensor:
        return logits.where(logits >= logits.topk(top_k_all, -1).values[:, -1:], -torch.inf)

    return {"torch": by_torch, **flashinfer_peer("top_k_mask_logits", logits, top_k_all)}


CONTRACT = keep_contract(
    top_k_mask_logits,
    "logits",
    check=check,
    reference=reference,
    make=make,
    call=call,
    tolerance=EXACT,
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

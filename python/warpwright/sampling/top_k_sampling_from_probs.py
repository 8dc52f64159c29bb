"""A class from each row, among the k of the largest probabilities."""

from __future__ import annotations

from typing import Any

import torch

from warpwright.contract import Arguments, sample
from warpwright.draw import Draw
from warpwright.random import Number
from warpwright.sampling import _draw_calls as calls
from warpwright.sampling._draw import Drawn, draw, top_k_numbers
from warpwright.sampling._draw_contract import draw_contract

_top_k_sampling_from_probs = torch.ops.warpwright.top_k_sampling_from_probs.default


def top_k_sampling_from_probs(
    probs: torch.Tensor,
    top_k: torch.Tensor | int,
    indices: torch.Tensor | None = None,
    deterministic: bool = True,  # noqa: ARG001  callers give it
    generator: torch.Generator | None = None,
    check_nan: bool = False,
    seed: Number | None = None,
    offset: Number | None = None,
    return_valid: bool = False,
) -> Drawn:
    """Draw a class from each row, among the k of the largest probabilities.

    Exact, also for equal probabilities: the k-th largest is found by radix digits and what is left is sorted. The
     same seed and offset give the same classes on every
    GPU, and for a row in a batch of any size.

    Parameters
    ----------
    probs
        ``(rows, classes)``, of any sum; float32, others are converted. 1 to 2^20 classes; rows may lie apart. NaN and
        what is negative count as 0, what is above 2^100 as 2^100.
    top_k
        How many of the largest classes may be drawn, and those equal to the last of them: an int for all draws, or a
        tensor of one for each. Less than 1 counts as 1; as many as there are classes, or more, let all pass.
    indices
        ``(draws,)``, int32 or int64: the row that each class is drawn from; by default one from each row.
    deterministic
        Taken for the sake of callers: every call is deterministic.
    generator
        The generator that seed and offset come from, by default torch's own of the device; it advances by the call, and
        in CUDA graphs by each replay.
    check_nan
        Whether to wait for the device and raise ValueError where a probability is NaN.
    seed, offset
        Numbers to draw by, in place of the generator: ints, or int64 or uint64 tensors of one element or one for each
        draw. A draw with a seed of its own does not depend on its place in the batch. While a CUDA graph is captured,
        ints alone are refused: every replay would draw the same. torch.compile compiles anew for each int, for a tensor
        once.
    return_valid
        Whether to return as well which draws are valid.

    Returns
    -------
    The classes ``(draws,)``, int32 or of the dtype of ``indices``; with ``return_valid`` a bool tensor of that shape
    too. Where a row has no class of a probability above 0, or an index names no row, the class is 0 and not valid.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    ValueError
        ``check_nan`` is asked for and there is a NaN.
    """
    return draw(
        _top_k_sampling_from_probs,
        probs.float(),
        indices,
        (*top_k_numbers(top_k),),
        generator,
        seed,
        offset,
        check_nan=check_nan,
        return_valid=return_valid,
    )


def make(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    top_k: int = 50,
    own: bool = False,
    **others: Any,
) -> Arguments:
    """Make a call; with ``own``, each draw has numbers of its own."""
    each_k = draw.integers(0, classes + 2, rows) if own else None
    call = calls.make_probs(draw, rows, classes, **others)
    return calls.with_filters(call, {"top_k": each_k, "top_k_all": top_k})


CONTRACT = draw_contract(
    top_k_sampling_from_probs,
    make,
    samples=(
        sample("none of the largest", top_k=0),
        sample("the largest", top_k=1),
        sample("more than there are", top_k=2000),
        sample("many of the largest", top_k=3000, classes=9001),
        sample("numbers of their own", own=True, rows=9),
        sample("numbers and indices of their own", own=True, rows=9, long=True),
        sample(
            "more equals than fit",
            lambda call: {"probs": torch.full_like(call["probs"], 0.001)},
            rows=2,
            classes=20_000,
        ),
    ),
    refusals=(*calls.number_refusals("top_k", torch.int32, torch.int64),),
)

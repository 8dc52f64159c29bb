"""A class from each row, among those with a share of the largest probability."""

from __future__ import annotations

from typing import Any

import torch

from warpwright.contract import Arguments, sample
from warpwright.draw import Draw
from warpwright.random import Number
from warpwright.sampling import _draw_calls as calls
from warpwright.sampling._draw import Drawn, draw, share_numbers
from warpwright.sampling._draw_contract import draw_contract

_min_p_sampling_from_probs = torch.ops.warpwright.min_p_sampling_from_probs.default


def min_p_sampling_from_probs(
    probs: torch.Tensor,
    min_p: torch.Tensor | float,
    indices: torch.Tensor | None = None,
    deterministic: bool = True,  # noqa: ARG001  callers give it
    generator: torch.Generator | None = None,
    check_nan: bool = False,
    seed: Number | None = None,
    offset: Number | None = None,
    return_valid: bool = False,
) -> Drawn:
    """Draw a class from each row, among those that have at least a share of the largest probability.

    The rule: Nguyen et al., "Turning Up the Heat: Min-p Sampling" (arXiv:2407.01082). The same seed and offset give the
    same classes on every GPU, and for a row in a batch of any size.

    Parameters
    ----------
    probs
        ``(rows, classes)``, of any sum; float32, others are converted. 1 to 2^20 classes; rows may lie apart. NaN and
        what is negative count as 0, what is above 2^100 as 2^100.
    min_p
        The least share of the largest probability that may be drawn: a float for all draws, or a tensor of one for
        each. 0 and less, or NaN, let all pass; 1 and more the largest alone.
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
        _min_p_sampling_from_probs,
        probs.float(),
        indices,
        (*share_numbers(min_p),),
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
    min_p: float = 0.05,
    own: bool = False,
    **others: Any,
) -> Arguments:
    """Make a call; with ``own``, each draw has numbers of its own."""
    each_p = draw.uniform(rows, least=-0.1, most=1.1) if own else None
    call = calls.make_probs(draw, rows, classes, **others)
    return calls.with_filters(call, {"min_p": each_p, "min_p_all": min_p})


CONTRACT = draw_contract(
    min_p_sampling_from_probs,
    make,
    samples=(
        sample("no least share", min_p=0.0),
        sample("the largest alone", min_p=1.0),
        sample("NaN for a share", min_p=float("nan")),
        sample("numbers of their own", own=True, rows=9),
        sample("numbers and indices of their own", own=True, rows=9, long=True),
    ),
    refusals=(*calls.number_refusals("min_p", torch.float32, torch.float16),),
)

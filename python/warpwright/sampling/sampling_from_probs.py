"""A class from each row of probabilities."""

from __future__ import annotations

import torch

from warpwright.random import Number
from warpwright.sampling import _draw_calls as calls
from warpwright.sampling._draw import Drawn, draw
from warpwright.sampling._draw_contract import draw_contract

_sampling_from_probs = torch.ops.warpwright.sampling_from_probs.default


def sampling_from_probs(
    probs: torch.Tensor,
    indices: torch.Tensor | None = None,
    deterministic: bool = True,  # noqa: ARG001  callers give it
    generator: torch.Generator | None = None,
    check_nan: bool = False,
    seed: Number | None = None,
    offset: Number | None = None,
    return_valid: bool = False,
) -> Drawn:
    """Draw a class from each row of probabilities.

    A row's class i is drawn with the probability ``probs[i] / sum(probs)``. Method:
    the inverse of the distribution function, over sums that are always taken in one order: the same seed and offset
    give the same classes on every GPU, and for a row in a batch of any size.

    Parameters
    ----------
    probs
        ``(rows, classes)``, of any sum; float32, others are converted. 1 to 2^20 classes; rows may lie apart. NaN and
        what is negative count as 0, what is above 2^100 as 2^100.
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
        _sampling_from_probs,
        probs.float(),
        indices,
        (),
        generator,
        seed,
        offset,
        check_nan=check_nan,
        return_valid=return_valid,
    )


CONTRACT = draw_contract(
    sampling_from_probs,
    calls.make_probs,
)

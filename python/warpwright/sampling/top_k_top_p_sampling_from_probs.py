"""A class from each row, among the k largest that make up a share of the mass."""

from __future__ import annotations

import torch

from warpwright.random import Number
from warpwright.sampling._draw import Drawn, draw, is_top_k_first, share_numbers, top_k_numbers
from warpwright.sampling._draw_calls import make_probs
from warpwright.sampling._top_k_top_p_contract import top_k_top_p_contract

_top_k_top_p_sampling_from_probs = torch.ops.warpwright.top_k_top_p_sampling_from_probs.default


def top_k_top_p_sampling_from_probs(
    probs: torch.Tensor,
    top_k: torch.Tensor | int,
    top_p: torch.Tensor | float,
    indices: torch.Tensor | None = None,
    filter_apply_order: str = "top_k_first",
    deterministic: bool = True,  # noqa: ARG001  callers give it
    generator: torch.Generator | None = None,
    check_nan: bool = False,
    seed: Number | None = None,
    offset: Number | None = None,
    return_valid: bool = False,
) -> Drawn:
    """Draw a class from each row, among the k of the largest probabilities that make up a share of the mass.

    The k-th largest is found by radix digits, what is left is sorted where it fits into shared memory, and otherwise
    drawn by rejection. The same seed and offset give the same classes on every GPU, and for a row in a batch of any
    size.

    Parameters
    ----------
    probs
        ``(rows, classes)``, of any sum; float32, others are converted. 1 to 2^20 classes; rows may lie apart. NaN and
        what is negative count as 0, what is above 2^100 as 2^100.
    top_k
        How many of the largest classes may be drawn, and those equal to the last of them: an int for all draws, or a
        tensor of one for each. Less than 1 counts as 1; as many as there are classes, or more, let all pass.
    top_p
        A class may be drawn where less than this share of the mass is heavier than it, of what ``top_k`` left or of the
        whole row (``filter_apply_order``): a float for all draws, or a tensor of one for each. With 0
        or less, or NaN, the heaviest stay; 1 and more let all pass.
    indices
        ``(draws,)``, int32 or int64: the row that each class is drawn from; by default one from each row.
    filter_apply_order
        ``"top_k_first"``: ``top_p`` is a share of what ``top_k`` left; ``"joint"``: of the whole row.
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
        ``check_nan`` is asked for and there is a NaN, or ``filter_apply_order`` is another word.
    """
    return draw(
        _top_k_top_p_sampling_from_probs,
        probs.float(),
        indices,
        (*top_k_numbers(top_k), *share_numbers(top_p), is_top_k_first(filter_apply_order)),
        generator,
        seed,
        offset,
        check_nan=check_nan,
        return_valid=return_valid,
    )


CONTRACT = top_k_top_p_contract(top_k_top_p_sampling_from_probs, make_probs)

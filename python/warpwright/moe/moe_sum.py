"""The sum of what a token's experts gave."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.gradient import is_recorded, write_all
from warpwright.moe._sum_rows import sum_contract

_moe_sum = torch.ops.warpwright.moe_sum.default


def moe_sum(input: torch.Tensor, output: torch.Tensor) -> torch.Tensor:  # noqa: A002  the name that callers know
    """Write the sum of each token's rows.

    ``output[t] = sum(input[t, j] for j in range(topk))``, in float32 in the order of ``j``, rounded once. Method: the
    sum over experts of Shazeer et al., "Outrageously Large Neural Networks" (arXiv:1701.06538), equation 1; interface
    of vLLM and sgl_kernel.

    Parameters
    ----------
    input
        ``(tokens, topk, hidden)``, float16, bfloat16 or float32, of any ``topk``; without rows the sum is zero. Rows
        may lie at any distances, their elements are adjacent. Sizes, starts and distances of whole 16 bytes run
        fastest.
    output
        ``(tokens, hidden)``, of the dtype of ``input``, with memory of its own. Rows may lie apart.

    Returns
    -------
    ``output``.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(output, input):
        return write_all(_moe_sum, {"output": output}, input, output)[0]
    _moe_sum(input, output)
    return output


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the sums."""
    return input.to(wide).sum(1)


def call(input: torch.Tensor, output: torch.Tensor | None = None) -> torch.Tensor:  # noqa: A002
    """Call it as a model does, with new memory for the sums where none is given."""
    return moe_sum(input, input.new_empty(input.shape[0], input.shape[2]) if output is None else output)


def peers(input: torch.Tensor, output: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    return {
        "torch": lambda: torch.sum(input, 1, out=output),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.moe_sum.default(input, output),
    }


CONTRACT = sum_contract(moe_sum, reference, call, peers)

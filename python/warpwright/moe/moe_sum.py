"""The sum of what a token's experts gave."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.gradient import is_recorded, write_all
from warpwright.moe._sum_rows import sum_contract

_moe_sum = torch.ops.warpwright.moe_sum.default


def moe_sum(input_tensor: torch.Tensor, output_tensor: torch.Tensor) -> torch.Tensor:
    """Write the sum of each token's rows.

    ``output_tensor[t] = sum(input_tensor[t, j] for j in range(topk))``, in float32 in the order of ``j``,
    rounded once. Method: the sum over experts of Shazeer et al., "Outrageously Large Neural Networks"
    (arXiv:1701.06538), equation 1; interface of vLLM and sgl_kernel.

    Parameters
    ----------
    input_tensor
        ``(tokens, topk, hidden)``, float16, bfloat16 or float32, of any ``topk``; without rows the sum is zero. Rows
        may lie at any distances, their elements are adjacent. Sizes, starts and distances of whole 16 bytes run
        fastest.
    output_tensor
        ``(tokens, hidden)``, of the dtype of ``input_tensor``, with memory of its own. Rows may lie apart.

    Returns
    -------
    ``output_tensor``.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(output_tensor, input_tensor):
        return write_all(_moe_sum, {"output_tensor": output_tensor}, input_tensor, output_tensor)[0]
    _moe_sum(input_tensor, output_tensor)
    return output_tensor


def reference(input_tensor: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return the sums."""
    return input_tensor.to(wide).sum(1)


def call(input_tensor: torch.Tensor, output_tensor: torch.Tensor | None = None) -> torch.Tensor:
    """Call it as a model does, with new memory for the sums where none is given."""
    return moe_sum(
        input_tensor,
        input_tensor.new_empty(input_tensor.shape[0], input_tensor.shape[2])
        if output_tensor is None
        else output_tensor,
    )


def peers(input_tensor: torch.Tensor, output_tensor: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    return {
        "torch": lambda: torch.sum(input_tensor, 1, out=output_tensor),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.moe_sum.default(input_tensor, output_tensor),
    }


CONTRACT = sum_contract(moe_sum, reference, call, peers)

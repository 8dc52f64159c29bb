"""The sum of what a token's experts gave, scaled."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import each, sample
from warpwright.gradient import is_recorded, write_all
from warpwright.moe._sum_rows import sum_contract

_moe_sum_reduce = torch.ops.warpwright.moe_sum_reduce.default


def moe_sum_reduce(
    input_tensor: torch.Tensor,
    output_tensor: torch.Tensor,
    routed_scaling_factor: float = 0,
) -> torch.Tensor:
    """Write the sum of each token's rows, multiplied by a factor.

    ``output_tensor[t] = routed_scaling_factor * sum(input_tensor[t, j] for j in range(topk))``, in float32 in the order
    of ``j``, rounded once. Method: the sum over experts of Shazeer et al., "Outrageously Large Neural Networks"
    (arXiv:1701.06538), equation 1; interface of vLLM and sgl_kernel.

    Parameters
    ----------
    input_tensor
        ``(tokens, topk, hidden)``, float16, bfloat16 or float32, of any ``topk``; without rows the sum is zero. Rows
        may lie at any distances, their elements are adjacent. Sizes, starts and distances of whole 16 bytes run
        fastest.
    output_tensor
        ``(tokens, hidden)``, of the dtype of ``input_tensor``, with memory of its own. Rows may lie apart.
    routed_scaling_factor
        The factor, in float32. It is 0 by default, as in sgl_kernel, and then so is the result where the sum is finite.

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
        return write_all(
            _moe_sum_reduce, {"output_tensor": output_tensor}, input_tensor, output_tensor, routed_scaling_factor
        )[0]
    _moe_sum_reduce(input_tensor, output_tensor, routed_scaling_factor)
    return output_tensor


def reference(input_tensor: torch.Tensor, routed_scaling_factor: float, wide: torch.dtype) -> torch.Tensor:
    """Return the sums, scaled."""
    return input_tensor.to(wide).sum(1) * routed_scaling_factor


def call(
    input_tensor: torch.Tensor,
    routed_scaling_factor: float,
    output_tensor: torch.Tensor | None = None,
) -> torch.Tensor:
    """Call it as a model does, with new memory for the sums where none is given."""
    out = (
        input_tensor.new_empty(input_tensor.shape[0], input_tensor.shape[2]) if output_tensor is None else output_tensor
    )
    return moe_sum_reduce(input_tensor, out, routed_scaling_factor)


def peers(
    input_tensor: torch.Tensor,
    output_tensor: torch.Tensor,
    routed_scaling_factor: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    return {
        "torch": lambda: torch.sum(input_tensor, 1, out=output_tensor).mul_(routed_scaling_factor),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.moe_sum_reduce.default(
            input_tensor, output_tensor, routed_scaling_factor
        ),
    }


CONTRACT = sum_contract(
    moe_sum_reduce,
    reference,
    call,
    peers,
    samples=(
        sample("no factor", each(routed_scaling_factor=lambda _: 0.0), tokens=3),
        sample("a negative factor", each(routed_scaling_factor=lambda _: -1.0 / 3), tokens=3, hidden=33),
    ),
    routed_scaling_factor=2.5,
)

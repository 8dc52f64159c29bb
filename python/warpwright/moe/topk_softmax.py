"""The experts of each token by a softmax of its logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import Contract, each, sample
from warpwright.gradient import is_recorded, write_all
from warpwright.moe._route import capped, check_topk, choice_of, renormalised
from warpwright.moe._route_calls import (
    TOPK_WORKLOADS,
    make_topk,
    rows_beside,
    topk_refusals,
    topk_refusals_of_indices,
    topk_samples,
)
from warpwright.moe._route_results import TOLERANCE, UNDETERMINED, settled

_topk_softmax = torch.ops.warpwright.topk_softmax.default


def topk_softmax(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool | torch.Tensor = False,
    moe_softcapping: float = 0.0,
    correction_bias: torch.Tensor | None = None,
    *,
    token_expert_indices: torch.Tensor | None = None,
) -> None:
    """Choose the ``k`` experts of each token of the largest softmax, and write their weights and numbers.

    ``weights = softmax(c * tanh(gating_output / c) + correction_bias)`` over all experts, in float32, where ``c`` is
    ``moe_softcapping``. Experts stand in the order of their weights, the lowest number first among equals. Without a
    bias the order is that of the logits themselves, which rounding does not touch. What is NaN counts as -inf for
    the choice. All weights of a token are NaN where its softmax meets, behind the capping and the bias, a NaN or +inf,
    or nothing but -inf; its experts stay different ones that there are. Method: Shazeer et al., "Outrageously Large
    Neural Networks" (arXiv:1701.06538), section 2.1, and Gemma Team, "Gemma 2" (arXiv:2408.00118), section 2, for the
    capping.

    Also called as ``topk_softmax(topk_weights, topk_ids, token_expert_indices, gating_output)``.

    Parameters
    ----------
    topk_weights
        ``(tokens, k)`` float32: the weights. Rows may lie apart, here and below; each tensor has memory of its own.
    topk_ids
        ``(tokens, k)`` int32 or int64: the experts, from 0 to ``experts - 1``.
    gating_output
        ``(tokens, experts)``, float16, bfloat16 or float32: the logits. Any number of experts, from ``k`` on; up to
        1024 are held in registers.
    renormalize
        Whether the weights of a token are divided by their sum.
    moe_softcapping
        The bound ``c`` of the logits; 0 for none.
    correction_bias
        ``(experts,)`` float32, or of the dtype of ``gating_output``, contiguous; it is added before the softmax.
    token_expert_indices
        ``(tokens, k)`` int32: ``k_index * tokens + token``, for callers that permute tokens by it.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong, or ``k`` is more than there are experts (the argument is named with
        both values), or the wheel has no code for the GPU.
    """
    if isinstance(renormalize, torch.Tensor):
        gating_output, token_expert_indices, renormalize = renormalize, gating_output, False
    given = (
        topk_weights, topk_ids, gating_output, renormalize, moe_softcapping, correction_bias, token_expert_indices
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(
        topk_weights, gating_output, correction_bias
    ):
        write_all(_topk_softmax, {"topk_weights": topk_weights}, *given)
        return
    _topk_softmax(*given)


def _numbers(gating_output: torch.Tensor, softcap: float, bias: torch.Tensor | None, wide: torch.dtype) -> torch.Tensor:
    numbers = capped(gating_output.to(wide), softcap)
    return numbers if bias is None else numbers + bias.to(wide)


def _weigh(numbers: torch.Tensor, ids: torch.Tensor, renormalize: bool) -> torch.Tensor:
    weights = numbers.softmax(dim=1).gather(1, ids)
    return renormalised(weights) if renormalize else weights


def reference(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,  # noqa: ARG001  its shape is that of the weights
    gating_output: torch.Tensor,
    renormalize: bool,
    moe_softcapping: float,
    correction_bias: torch.Tensor | None,
    token_expert_indices: torch.Tensor | None,  # noqa: ARG001
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the weights, the experts, and where they would stand if those of one rank stood side by side."""
    numbers = _numbers(gating_output, moe_softcapping, correction_bias, wide)
    ids = choice_of(gating_output if correction_bias is None else numbers, topk_weights.shape[1])
    return _weigh(numbers, ids, renormalize), ids, rows_beside(ids)


def determined(
    gating_output: torch.Tensor,
    renormalize: bool,
    moe_softcapping: float,
    correction_bias: torch.Tensor | None,
    results: tuple[torch.Tensor, ...],
) -> tuple[torch.Tensor, ...]:
    """Return all where there is no bias; see `warpwright.moe._route_results`."""
    if correction_bias is None:
        return results
    numbers = _numbers(gating_output, moe_softcapping, correction_bias, torch.float64)
    ids = choice_of(numbers, results[1].shape[1])
    right = (_weigh(numbers, ids, renormalize), ids)
    return settled(results, right, numbers, lambda found: _weigh(numbers, found, renormalize))


def peers(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool,
    moe_softcapping: float,
    correction_bias: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    k = topk_weights.shape[1]

    def by_torch() -> object:
        numbers = _numbers(gating_output, moe_softcapping, correction_bias, torch.float32)
        weights, ids = numbers.softmax(dim=-1).topk(k, dim=-1)
        return weights / weights.sum(dim=-1, keepdim=True) if renormalize else weights, ids.int()

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.topk_softmax.default(
            topk_weights, topk_ids, gating_output, renormalize, moe_softcapping, correction_bias
        ),
    }


_cap = each(moe_softcapping=lambda _: 2.0)

CONTRACT = Contract(
    function=topk_softmax,
    check=check_topk,
    reference=reference,
    make=make_topk(moe_softcapping=0.0, token_expert_indices=None),
    samples=(
        *topk_samples(),
        sample("capped", _cap, tokens=9, bias=False),
        sample("capped, with a bias", _cap, tokens=9, experts=100, renormalize=True, dtype=torch.float32),
        sample("capped, more than a warp holds", _cap, tokens=3, experts=1500, bias=False),
        sample("source rows", lambda call: {"token_expert_indices": torch.full_like(call["topk_ids"], -1)}, tokens=9),
    ),
    refusals=(
        *topk_refusals(),
        *topk_refusals_of_indices(),
    ),
    tolerance=TOLERANCE,
    workloads=TOPK_WORKLOADS,
    peers=peers,
    determined=determined,
    traits=(UNDETERMINED,),
)

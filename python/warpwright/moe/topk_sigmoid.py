"""The experts of each token by the sigmoids of its logits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import Contract
from warpwright.gradient import is_recorded, write_all
from warpwright.moe._route import check_topk, choice_of, renormalised
from warpwright.moe._route_calls import TOPK_WORKLOADS, make_topk, topk_refusals, topk_samples
from warpwright.moe._route_results import TOLERANCE, UNDETERMINED, settled

_topk_sigmoid = torch.ops.warpwright.topk_sigmoid.default


def topk_sigmoid(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool = False,
    correction_bias: torch.Tensor | None = None,
) -> None:
    """Choose the ``k`` experts of each token of the largest sigmoid, and write their weights and numbers.

    ``scores = sigmoid(gating_output)`` in float32; the experts are those of the largest ``scores + correction_bias``,
    in that order, the lowest number first among equals, and their weights are their scores. Without a bias the order is
    that of the logits themselves, which rounding does not touch. What is NaN counts as -inf for the choice; the weight
    of a NaN logit is NaN, and with ``renormalize`` all weights of its token, if it is chosen. Method: DeepSeek-AI,
    "DeepSeek-V3 Technical Report" (arXiv:2412.19437), section 2.1.2.

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
        Whether the weights of a token are divided by their sum; weights that are all zero stay so.
    correction_bias
        ``(experts,)`` float32, or of the dtype of ``gating_output``, contiguous; it has a part in the choice alone.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong, or ``k`` is more than there are experts (the argument is named with
        both values), or the wheel has no code for the GPU.
    """
    given = (topk_weights, topk_ids, gating_output, renormalize, correction_bias)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(
        topk_weights, gating_output, correction_bias
    ):
        write_all(_topk_sigmoid, {"topk_weights": topk_weights}, *given)
        return
    _topk_sigmoid(*given)


def _weigh(logits: torch.Tensor, renormalize: bool, ids: torch.Tensor) -> torch.Tensor:
    weights = logits.gather(1, ids).sigmoid()
    return renormalised(weights) if renormalize else weights


def reference(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,  # noqa: ARG001  its shape is that of the weights
    gating_output: torch.Tensor,
    renormalize: bool,
    correction_bias: torch.Tensor | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights and the experts."""
    logits = gating_output.to(wide)
    scores = logits if correction_bias is None else logits.sigmoid() + correction_bias.to(wide)
    ids = choice_of(scores, topk_weights.shape[1])
    return _weigh(logits, renormalize, ids), ids


def determined(
    gating_output: torch.Tensor,
    renormalize: bool,
    correction_bias: torch.Tensor | None,
    results: tuple[torch.Tensor, ...],
) -> tuple[torch.Tensor, ...]:
    """Return all where there is no bias; see `warpwright.moe._route_results`."""
    if correction_bias is None:
        return results
    logits = gating_output.double()
    scores, weigh = logits.sigmoid() + correction_bias.double(), partial(_weigh, logits, renormalize)
    ids = choice_of(scores, results[1].shape[1])
    return settled(results, (weigh(ids), ids), scores, weigh)


def peers(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool,
    correction_bias: torch.Tensor | None,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    k = topk_weights.shape[1]

    def by_torch() -> object:
        scores = gating_output.float().sigmoid()
        ids = (scores if correction_bias is None else scores + correction_bias).topk(k, dim=-1).indices
        weights = scores.gather(1, ids)
        return weights / weights.sum(dim=-1, keepdim=True) if renormalize else weights, ids.int()

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.topk_sigmoid.default(
            topk_weights, topk_ids, gating_output, renormalize, correction_bias
        ),
    }


CONTRACT = Contract(
    function=topk_sigmoid,
    check=check_topk,
    reference=reference,
    make=make_topk(),
    samples=topk_samples(),
    refusals=topk_refusals(),
    tolerance=TOLERANCE,
    workloads=(
        *TOPK_WORKLOADS,
        {"tokens": 64, "experts": 256, "k": 8, "renormalize": True, "dtype": torch.float32},
        {"tokens": 4096, "experts": 256, "k": 8, "renormalize": True, "dtype": torch.float32},
    ),
    peers=peers,
    determined=determined,
    traits=(UNDETERMINED,),
)

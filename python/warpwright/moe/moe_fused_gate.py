"""The experts of each token by sigmoids and a bias, out of its best groups of them, as DeepSeek-V3 has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import check as check_that
from warpwright.checks import check_at_least
from warpwright.contract import Arguments, Contract, Output
from warpwright.draw import Draw
from warpwright.gradient import call as call_operator
from warpwright.gradient import is_recorded
from warpwright.moe._gate import chosen_by_torch, scores_of, weigh
from warpwright.moe._moe_fused_gate_calls import REFUSALS, SAMPLES
from warpwright.moe._route import check_gate, check_groups, choice_of
from warpwright.moe._route_results import TOLERANCE, UNDETERMINED, settled

_moe_fused_gate = torch.ops.warpwright.moe_fused_gate.default


def moe_fused_gate(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    num_expert_group: int,
    topk_group: int,
    topk: int,
    num_fused_shared_experts: int = 0,
    routed_scaling_factor: float = 0,
    apply_routed_scaling_factor_on_output: bool = False,
    *,
    n_share_experts_fusion: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the best groups of experts for each token, and its best experts in them; return weights and numbers.

    ``scores = sigmoid(input_tensor)`` in float32. The ``topk_group`` groups are those whose two largest ``scores +
    bias`` have the largest sums, and the experts are those of the largest ``scores + bias`` in them, in that order, the
    lowest number first among equals. Their weights are their scores, divided by the sum of them; weights that are all
    zero stay so. What is NaN counts as -inf for both choices; if a NaN logit is chosen, all weights of its token are
    NaN, but for those of shared experts. Method: DeepSeek-AI, "DeepSeek-V3 Technical Report" (arXiv:2412.19437),
    section 2.1.2.

    Parameters
    ----------
    input_tensor
        ``(tokens, experts)``, float16, bfloat16 or float32: the logits. Rows may lie apart. Any number of experts;
        up to 1024, in up to 32 groups, are held in registers.
    bias
        ``(experts,)`` float32, or of the dtype of ``input_tensor``, contiguous; it has a part in the choices alone.
    num_expert_group
        The number of groups, a divisor of the number of experts: group ``g`` is the ``g``-th part of them.
    topk_group
        The number of groups that are chosen.
    topk
        The number of experts of a token, with those that are shared.
    num_fused_shared_experts
        How many of them, the last, are the experts that all tokens share, numbers ``experts`` and up. Each has the
        weight ``1 / routed_scaling_factor``.
    routed_scaling_factor
        The factor of the routed experts, 0 for none.
    apply_routed_scaling_factor_on_output
        Whether all weights are multiplied by it here, and not by the caller at the end.
    n_share_experts_fusion
        The older name: so many copies of one shared expert, of which token ``t`` has number ``t % copies`` behind its
        ``topk - 1`` others. It goes by name alone: sgl_kernel 0.1.4 had it in the sixth place, which is that of
        ``num_fused_shared_experts`` as in 0.3.21; there 0 and 1 mean the same in both. One of the two is 0.

    Returns
    -------
    ``(weights, ids)``: ``(tokens, topk)`` float32 and int32.

    Raises
    ------
    RuntimeError
        A number, dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no
        code for the GPU.
    """
    copies = n_share_experts_fusion or 0
    if copies:
        _check_copies(copies, num_fused_shared_experts)
    given = (
        input_tensor, bias, num_expert_group, topk_group, topk, 1 if copies else num_fused_shared_experts,
        routed_scaling_factor, apply_routed_scaling_factor_on_output,
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input_tensor, bias):
        weights, ids = call_operator(_moe_fused_gate, *given)
    else:
        weights, ids = _moe_fused_gate(*given)
    if copies > 1:
        ids[:, -1] += torch.arange(ids.shape[0], dtype=ids.dtype, device=ids.device) % copies
    return weights, ids


def _check_copies(copies: int, shared: int) -> None:
    """Refuse copies that there are not, and shared experts in both forms."""
    check_at_least("n_share_experts_fusion", copies, 0)
    words = ("num_fused_shared_experts is ", shared, ", expected 0 beside n_share_experts_fusion, which is ", copies)
    check_that(shared == 0, *words, ": two names for shared experts")


def check(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    num_expert_group: int,
    topk_group: int,
    topk: int,
    num_fused_shared_experts: int,
) -> None:
    """Refuse what the operator cannot take."""
    check_gate(input_tensor, bias)
    check_groups(input_tensor.shape[1], num_expert_group, topk_group, topk, num_fused_shared_experts)


def _factors(factor: float, is_applied: bool) -> tuple[float, float]:
    """Return what routed weights are multiplied by, and the weight of a shared expert."""
    factor = factor or 1.0
    return (factor, 1.0) if is_applied else (1.0, 1 / factor)


def reference(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    num_expert_group: int,
    topk_group: int,
    topk: int,
    num_fused_shared_experts: int,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights and the experts."""
    shared, experts = num_fused_shared_experts, input_tensor.shape[1]
    ids = choice_of(scores_of(input_tensor, bias, wide), topk - shared, num_expert_group, topk_group)
    factor, weight = _factors(routed_scaling_factor, apply_routed_scaling_factor_on_output)
    weights = weigh(input_tensor.to(wide), True, factor, ids)
    last = torch.arange(experts, experts + shared, device=ids.device).expand(len(ids), shared)
    return torch.cat((weights, weights.new_full((len(ids), shared), weight)), 1), torch.cat((ids, last), 1)


def determined(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    num_expert_group: int,
    topk_group: int,
    num_fused_shared_experts: int,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
    results: tuple[torch.Tensor, ...],
) -> tuple[torch.Tensor, ...]:
    """Return what every right result has; see `warpwright.moe._route_results`."""
    routed = results[1].shape[1] - num_fused_shared_experts
    scores = scores_of(input_tensor, bias, torch.float64)
    ids = choice_of(scores, routed, num_expert_group, topk_group)
    factor, _ = _factors(routed_scaling_factor, apply_routed_scaling_factor_on_output)
    weights_of = partial(weigh, input_tensor.double(), True, factor)
    own = tuple(result[:, :routed] for result in results)
    shared = (result[:, routed:].contiguous() for result in results)
    groups = (num_expert_group, topk_group)
    return (*settled(own, (weights_of(ids), ids), scores, weights_of, *groups), *shared)


def output(input_tensor: torch.Tensor, topk: int) -> tuple[Output, Output]:
    """Return what it gives."""
    shape = (input_tensor.shape[0], topk)
    return Output(shape, torch.float32), Output(shape, torch.int32)


def make(
    draw: Draw,
    tokens: int = 64,
    experts: int = 256,
    groups: int = 8,
    kept: int = 4,
    topk: int = 8,
    shared: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call."""
    return {
        "input_tensor": draw.normal(tokens, experts, dtype=dtype),
        "bias": draw.normal(experts, dtype=torch.float32, scale=0.1),
        "num_expert_group": groups,
        "topk_group": kept,
        "topk": topk,
        "num_fused_shared_experts": shared,
        "routed_scaling_factor": 2.5,
        "apply_routed_scaling_factor_on_output": False,
    }


def peers(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    num_expert_group: int,
    topk_group: int,
    topk: int,
    num_fused_shared_experts: int,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; the peer's bias is of the dtype of the logits."""
    own = bias.to(input_tensor.dtype)
    groups, options = (num_expert_group, topk_group), (routed_scaling_factor, apply_routed_scaling_factor_on_output)
    found: dict[str, Callable[[], object]] = {
        "sglang-kernel": lambda: torch.ops.sgl_kernel.moe_fused_gate.default(
            input_tensor, own, *groups, topk, num_fused_shared_experts, *options
        )
    }
    if num_fused_shared_experts == 0:
        found["torch"] = lambda: chosen_by_torch(input_tensor, bias, topk, *groups)
    return found


CONTRACT = Contract(
    function=moe_fused_gate,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=TOLERANCE,
    workloads=(
        *({"tokens": tokens} for tokens in (1, 8, 64, 512, 4096, 16_384)),
        {"tokens": 64, "experts": 128, "groups": 4, "kept": 2},
        {"tokens": 4096, "experts": 128, "groups": 4, "kept": 2},
        {"tokens": 4096, "dtype": torch.bfloat16},
        {"tokens": 4096, "topk": 9, "shared": 1},
    ),
    peers=peers,
    determined=determined,
    traits=(UNDETERMINED,),
    differs="the sixth argument is num_fused_shared_experts, as in 0.3.21; n_share_experts_fusion goes by name",
)

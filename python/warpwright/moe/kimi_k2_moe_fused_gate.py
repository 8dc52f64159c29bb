"""The experts of each token by sigmoids and a bias, without groups, as Kimi K2 has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import Arguments, Contract, Output, refuse, sample
from warpwright.draw import Draw
from warpwright.gradient import call as call_operator
from warpwright.gradient import is_recorded
from warpwright.moe._gate import chosen_by_torch, gate_refusals, gate_samples, scores_of, weigh
from warpwright.moe._route import check_gate, choice_of
from warpwright.moe._route_results import TOLERANCE, UNDETERMINED, settled

_kimi_k2_moe_fused_gate = torch.ops.warpwright.kimi_k2_moe_fused_gate.default


def kimi_k2_moe_fused_gate(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    topk: int,
    renormalize: bool = True,
    routed_scaling_factor: float = 1.0,
    apply_routed_scaling_factor_on_output: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the ``topk`` experts of each token of the largest sigmoid and bias, and return their weights and numbers.

    ``scores = sigmoid(input_tensor)`` in float32; the experts are those of the largest ``scores + bias``, in that
    order, the lowest number first among equals, and their weights are their scores. What is NaN counts as -inf for the
    choice; the weight of a NaN logit is NaN, and with ``renormalize`` all weights of its token, if it is chosen.
    Method: DeepSeek-AI, "DeepSeek-V3 Technical Report" (arXiv:2412.19437), section 2.1.2; Kimi Team, "Kimi K2"
    (arXiv:2507.20534), section 2.3, which has one group.

    Parameters
    ----------
    input_tensor
        ``(tokens, experts)``, float16, bfloat16 or float32: the logits. Rows may lie apart. Any number of experts; up
        to 1024 are held in registers.
    bias
        ``(experts,)`` float32, or of the dtype of ``input_tensor``, contiguous; it has a part in the choice alone.
    topk
        How many experts, up to all.
    renormalize
        Whether the weights of a token are divided by their sum; weights that are all zero stay so.
    routed_scaling_factor, apply_routed_scaling_factor_on_output
        What renormalised weights are multiplied by, and whether they are.

    Returns
    -------
    ``(weights, ids)``: ``(tokens, topk)`` float32 and int32.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong, or ``topk`` is more than there are experts (the argument is named
        with both values), or the wheel has no code for the GPU.
    """
    given = (
        input_tensor, bias, topk, renormalize, routed_scaling_factor, apply_routed_scaling_factor_on_output
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input_tensor, bias):
        weights, ids = call_operator(_kimi_k2_moe_fused_gate, *given)
    else:
        weights, ids = _kimi_k2_moe_fused_gate(*given)
    return weights, ids


def check(input_tensor: torch.Tensor, bias: torch.Tensor, topk: int) -> None:
    """Refuse what the operator cannot take."""
    check_gate(input_tensor, bias)
    check_at_least("topk", topk, 0)
    check_at_most("topk", topk, input_tensor.shape[1], "there are no more experts")


def reference(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    topk: int,
    renormalize: bool,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights and the experts."""
    ids = choice_of(scores_of(input_tensor, bias, wide), topk)
    factor = routed_scaling_factor if apply_routed_scaling_factor_on_output else 1.0
    return weigh(input_tensor.to(wide), renormalize, factor, ids), ids


def determined(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    renormalize: bool,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
    results: tuple[torch.Tensor, ...],
) -> tuple[torch.Tensor, ...]:
    """Return what every right result has; see `warpwright.moe._route_results`."""
    scores = scores_of(input_tensor, bias, torch.float64)
    ids = choice_of(scores, results[1].shape[1])
    factor = routed_scaling_factor if apply_routed_scaling_factor_on_output else 1.0
    weights_of = partial(weigh, input_tensor.double(), renormalize, factor)
    return settled(results, (weights_of(ids), ids), scores, weights_of)


def output(input_tensor: torch.Tensor, topk: int) -> tuple[Output, Output]:
    """Return what it gives."""
    shape = (input_tensor.shape[0], topk)
    return Output(shape, torch.float32), Output(shape, torch.int32)


def make(
    draw: Draw, tokens: int = 64, experts: int = 256, topk: int = 8, dtype: torch.dtype = torch.float32
) -> Arguments:
    """Make a call."""
    return {
        "input_tensor": draw.normal(tokens, experts, dtype=dtype),
        "bias": draw.normal(experts, dtype=torch.float32, scale=0.1),
        "topk": topk,
        "renormalize": True,
        "routed_scaling_factor": 2.827,
        "apply_routed_scaling_factor_on_output": False,
    }


def peers(
    input_tensor: torch.Tensor,
    bias: torch.Tensor,
    topk: int,
    renormalize: bool,
    routed_scaling_factor: float,
    apply_routed_scaling_factor_on_output: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    options = (renormalize, routed_scaling_factor, apply_routed_scaling_factor_on_output)
    return {
        "torch": lambda: chosen_by_torch(input_tensor, bias, topk),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.kimi_k2_moe_fused_gate.default(
            input_tensor, bias, topk, *options
        ),
    }


CONTRACT = Contract(
    function=kimi_k2_moe_fused_gate,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=(
        *gate_samples(),
        sample("smallest", tokens=1, experts=1, topk=1),
        sample("odd", tokens=7, experts=61, topk=5, dtype=torch.float16),
        sample("Kimi K2", tokens=33, experts=384),
        sample("not renormalised", lambda _: {"renormalize": False}, tokens=9),
        sample("scaled", lambda _: {"apply_routed_scaling_factor_on_output": True}, tokens=9, dtype=torch.bfloat16),
        sample("every expert", tokens=3, experts=100, topk=100),
        sample("more than a warp holds", tokens=3, experts=1500, topk=40),
        sample("no choice", tokens=9, topk=0),
        sample("largest", tokens=70_000, experts=8, topk=2),
    ),
    refusals=(
        *gate_refusals(),
        refuse("less than none", "topk is -1, expected at least 0", topk=lambda _: -1),
        refuse("too many", "topk is 257, expected at most 256: there are no more experts", topk=lambda _: 257),
    ),
    tolerance=TOLERANCE,
    workloads=(
        *({"tokens": tokens, "experts": 384} for tokens in (1, 8, 64, 512, 4096, 16_384)),
        {"tokens": 4096, "experts": 384, "dtype": torch.bfloat16},
        {"tokens": 4096, "experts": 256},
    ),
    peers=peers,
    determined=determined,
    traits=(UNDETERMINED,),
)

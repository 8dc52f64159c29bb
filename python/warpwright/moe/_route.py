"""What the operators that choose experts share: checks, in the words of csrc/moe/route.cpp, and what they mean."""

from __future__ import annotations

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_multiple,
    check_same_device,
    check_same_shape,
    check_size,
    known,
)
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

MOST = 2**31 - 1


def check_logits(name: str, logits: torch.Tensor, bias_name: str, bias: torch.Tensor | None) -> None:
    """Refuse logits, and a bias for each expert, that no operator takes."""
    check_dim(name, logits, 2)
    if bias is not None:
        check_dim(bias_name, bias, 1)
    check_dtype(name, logits.dtype, *FLOAT_TYPES)
    if bias is not None:
        check_dtype(bias_name, bias.dtype, *dict.fromkeys((torch.float32, logits.dtype)))
        check_size(bias_name, bias, 0, logits.shape[1], "one for each expert")
    check_at_most("the number of experts", logits.shape[1], MOST, "32 bits count them")
    check_inner_stride(name, logits)
    if bias is not None:
        check_contiguous(bias_name, bias)


def check_gate(input_tensor: torch.Tensor, bias: torch.Tensor) -> None:
    """Refuse tensors that an operator of its own outputs cannot take."""
    check_same_device("bias", bias, "input_tensor", input_tensor)
    check_logits("input_tensor", input_tensor, "bias", bias)


def check_groups(experts: int, groups: int, kept: int, topk: int, shared: int) -> None:
    """Refuse groups, and numbers of experts, that there are not."""
    check_at_least("num_expert_group", groups, 1)
    check_multiple("the size of input_tensor in dimension 1", experts, groups)
    check_at_least("topk_group", kept, 1)
    check_at_most("topk_group", kept, groups, "there are no more groups")
    check_at_least("num_fused_shared_experts", shared, 0)
    check_at_least("topk", topk, shared)
    why = "there are no more experts in so many groups"
    check_at_most("topk less num_fused_shared_experts", topk - shared, kept * (experts // groups), why)


def check_topk(
    topk_weights: torch.Tensor,
    topk_ids: torch.Tensor,
    gating_output: torch.Tensor,
    correction_bias: torch.Tensor | None,
    token_expert_indices: torch.Tensor | None = None,
) -> None:
    """Refuse what an operator that writes to what it is given cannot take."""
    outs = {"topk_weights": topk_weights, "topk_ids": topk_ids}
    read = {"correction_bias": correction_bias} if correction_bias is not None else {}
    if token_expert_indices is not None:
        outs["token_expert_indices"] = token_expert_indices
    for name in ("topk_weights", "topk_ids", "correction_bias", "token_expert_indices"):
        if name in (both := outs | read):
            check_same_device(name, both[name], "gating_output", gating_output)
    check_logits("gating_output", gating_output, "correction_bias", correction_bias)
    _check_outs(outs, gating_output)
    if known(topk_weights.numel() == 0):
        return
    memory = {name: rows_of(out, out_row_stride(name, out)) for name, out in outs.items()}
    inputs = [("gating_output", rows_of(gating_output, row_stride("gating_output", gating_output)))]
    inputs += [(name, span_of(tensor)) for name, tensor in read.items()]
    for name, rows in memory.items():
        check_apart(name, rows, inputs)
        inputs.append((name, rows))


def _check_outs(outs: dict[str, torch.Tensor], gating_output: torch.Tensor) -> None:
    weights, rows = outs["topk_weights"], outs.get("token_expert_indices")
    for name, out in outs.items():
        check_dim(name, out, 2)
    check_dtype("topk_weights", weights.dtype, torch.float32)
    check_dtype("topk_ids", outs["topk_ids"].dtype, torch.int32, torch.int64)
    if rows is not None:
        check_dtype("token_expert_indices", rows.dtype, torch.int32)
    check_size("topk_weights", weights, 0, gating_output.shape[0], "that of gating_output")
    for name, out in outs.items():
        if name != "topk_weights":
            check_same_shape(name, out, "topk_weights", weights)
    what, why = "the size of topk_weights in dimension 1", "there are no more experts"
    check_at_most(what, weights.shape[1], gating_output.shape[1], why)
    if rows is not None:
        check_at_most("the number of token_expert_indices", rows.numel(), MOST, "32 bits count them")
    for name, out in outs.items():
        check_inner_stride(name, out)


def capped(logits: torch.Tensor, softcap: float) -> torch.Tensor:
    """Return what stands for logits: between two bounds, where there are any."""
    return logits if softcap == 0 else softcap * torch.tanh(logits / softcap)


def choice_of(scores: torch.Tensor, count: int, groups: int = 1, kept_groups: int = 1) -> torch.Tensor:
    """Return the experts of the largest scores, in that order, the lowest first among equals; a NaN counts as -inf."""
    scores = ordered(scores)
    order = scores.sort(dim=1, descending=True, stable=True).indices
    if groups > 1:
        best = choice_of(group_scores(scores, groups), kept_groups)
        is_kept = scores.new_zeros((len(scores), groups), dtype=torch.bool).scatter_(1, best, True)
        is_left_out = ~is_kept.repeat_interleave(scores.shape[1] // groups, dim=1).gather(1, order)
        order = order.gather(1, is_left_out.to(torch.uint8).sort(dim=1, stable=True).indices)
    return order[:, :count].clone(memory_format=torch.contiguous_format)


def group_scores(scores: torch.Tensor, groups: int) -> torch.Tensor:
    """Return the sum of each group's two largest scores, or the one of a group of one."""
    by_group = ordered(scores).unflatten(1, (groups, scores.shape[1] // groups))
    return ordered(by_group.topk(min(2, by_group.shape[2]), dim=2).values.sum(dim=2))


def ordered(scores: torch.Tensor) -> torch.Tensor:
    """Return scores that have an order: a NaN counts as -inf, and -0 as 0."""
    return scores.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf) + 0.0


def renormalised(weights: torch.Tensor) -> torch.Tensor:
    """Return weights of the sum 1; those that are all zero stay so."""
    total = weights.sum(dim=1, keepdim=True)
    return torch.where(total == 0, weights, weights / total)

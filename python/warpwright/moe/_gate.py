"""What the operators that choose experts by sigmoids and a bias, and return what they chose, share."""

from __future__ import annotations

import torch

from warpwright.contract import Refusal, Sample, each, refuse, sample
from warpwright.draw import crossed, widened
from warpwright.moe._route import renormalised


def scores_of(input_tensor: torch.Tensor, bias: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return what experts are chosen by."""
    return input_tensor.to(wide).sigmoid() + bias.to(wide)


def weigh(logits: torch.Tensor, renormalize: bool, factor: float, ids: torch.Tensor) -> torch.Tensor:
    """Return the weights of chosen experts."""
    weights = logits.gather(1, ids).sigmoid()
    return renormalised(weights) * factor if renormalize else weights


def chosen_by_torch(
    input_tensor: torch.Tensor, bias: torch.Tensor, topk: int, groups: int = 1, kept: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights and experts as models compute them in torch, for the benchmark."""
    scores = input_tensor.float().sigmoid()
    biased = scores + bias
    if groups > 1:
        best = biased.unflatten(1, (groups, -1)).topk(2, dim=-1).values.sum(dim=-1).topk(kept, dim=-1, sorted=False)
        mask = torch.zeros(len(biased), groups, dtype=torch.bool, device=biased.device).scatter_(1, best.indices, True)
        each_expert = mask.repeat_interleave(biased.shape[1] // groups, dim=1)
        biased = biased.masked_fill(~each_expert, -torch.inf)
    ids = biased.topk(topk, dim=-1).indices
    weights = scores.gather(1, ids)
    return weights / weights.sum(dim=-1, keepdim=True), ids.int()


def gate_samples() -> tuple[Sample, ...]:
    """Return calls that such operators take."""
    return (
        sample("typical"),
        sample("slices", each(input_tensor=widened), tokens=9),
        sample("slices off every vector", each(input_tensor=lambda x: widened(x, 3)), tokens=9),
        sample("a bias of its dtype", each(bias=lambda x: x.bfloat16(), input_tensor=lambda x: x.bfloat16()), tokens=9),
        sample("equal", each(input_tensor=torch.zeros_like, bias=torch.zeros_like), tokens=5),
        sample("NaN", each(input_tensor=lambda x: x.masked_fill(x > 1, torch.nan)), tokens=9),
        sample("nothing but NaN", each(input_tensor=lambda x: torch.full_like(x, torch.nan)), tokens=3),
        sample("-inf", each(input_tensor=lambda x: x.masked_fill(x < 1, -torch.inf)), tokens=9),
        sample("nothing but -inf", each(input_tensor=lambda x: torch.full_like(x, -torch.inf)), tokens=3),
        sample("inf", each(input_tensor=lambda x: x.masked_fill(x > 1, torch.inf)), tokens=9),
        sample("a bias that is NaN", each(bias=lambda x: torch.full_like(x, torch.nan)), tokens=3),
        sample("empty", tokens=0),
    )


def gate_refusals() -> tuple[Refusal, ...]:
    """Return calls that such operators refuse."""
    return (
        refuse("dim", "input_tensor has 1 dimensions, shape (256,); expected 2", input_tensor=lambda x: x[0]),
        refuse("bias dim", "bias has 2 dimensions, shape (1, 256); expected 1", bias=lambda x: x[None]),
        refuse("dtype", "input_tensor has dtype int16, expected float16", input_tensor=torch.Tensor.short),
        refuse("bias dtype", "bias has dtype float16, expected float32", bias=torch.Tensor.half),
        refuse("bias size", "size 7 in dimension 0, expected 256 (one for each expert)", bias=lambda x: x[:7]),
        refuse("crossed", "input_tensor has strides (1, 64), expected 1 in the last", input_tensor=crossed),
        refuse("bias apart", "bias has shape (256,) and strides (0,)", bias=lambda x: x[:1].expand(256)),
    )

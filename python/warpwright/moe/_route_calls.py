"""Calls of the operators that choose experts and write to what they are given: taken ones, and refused ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.contract import Arguments, Change, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened

OVERLAP = "{} overlaps {} in memory, expected memory of its own: clone one of them"

TOPK_WORKLOADS: tuple[dict[str, Any], ...] = (
    *(
        {"tokens": tokens, "experts": experts, "k": k, "bias": False}
        for tokens in (1, 64, 4096)
        for experts, k in ((8, 2), (64, 6), (128, 8), (256, 8), (512, 10))
    ),
    {"tokens": 512, "experts": 384, "k": 8, "bias": False},
    {"tokens": 16_384, "experts": 8, "k": 2, "bias": False},
    {"tokens": 16_384, "experts": 64, "k": 6, "bias": False},
    {"tokens": 16_384, "experts": 256, "k": 8, "bias": False},
    {"tokens": 16_384, "experts": 256, "k": 8, "bias": False, "dtype": torch.float32},
    {"tokens": 4096, "experts": 128, "k": 8, "renormalize": True, "dtype": torch.float32},
)


def rows_beside(ids: torch.Tensor) -> torch.Tensor:
    """Return ``rank * tokens + token`` for each choice."""
    tokens, k = ids.shape
    return torch.arange(k * tokens, device=ids.device).view(k, tokens).t()


def make_topk(**more: Any) -> Callable[..., Arguments]:
    """Return the ``make`` of an operator that has these arguments too: softcapping before the bias, others behind."""

    def make(
        draw: Draw,
        tokens: int = 64,
        experts: int = 64,
        k: int = 6,
        dtype: torch.dtype = torch.bfloat16,
        bias: bool = True,
        renormalize: bool = False,
    ) -> Arguments:
        """Make a call."""
        behind = dict(more)
        capping = {name: behind.pop(name) for name in more if name == "moe_softcapping"}
        return {
            "topk_weights": draw.unwritten(tokens, k, dtype=torch.float32),
            "topk_ids": draw.unwritten(tokens, k, dtype=torch.int32),
            "gating_output": draw.normal(tokens, experts, dtype=dtype),
            "renormalize": renormalize,
            **capping,
            "correction_bias": draw.normal(experts, dtype=torch.float32, scale=0.1) if bias else None,
            **behind,
        }

    return make


def _with(value: float, every: int) -> Change:
    """Put a value in every so-manieth place of the logits."""

    def change(call: Arguments) -> Arguments:
        logits = call["gating_output"].clone()
        logits.view(-1)[::every] = value
        return {"gating_output": logits}

    return change


_bias_as_logits = each(correction_bias=lambda x: x.to(torch.bfloat16))
_apart = each(
    gating_output=widened, topk_weights=lambda x: widened(x, 4, 4), topk_ids=lambda x: widened(x, 4, 4)
)  # fmt: skip
_off_vectors = each(
    gating_output=lambda x: widened(x, 3), topk_weights=lambda x: widened(x, 1), topk_ids=lambda x: widened(x, 5)
)


def few_samples() -> tuple[Sample, ...]:
    """Return calls with so few experts that a thread holds a token's."""
    few: dict[str, Any] = {"tokens": 70, "experts": 8, "bias": False}
    return (
        sample("few experts, renormalised", **few, k=2, renormalize=True, dtype=torch.float16),
        sample("few experts, all of them", **few, k=8, renormalize=True),
        sample("few experts of float32", **few, k=3, dtype=torch.float32),
        sample("few experts, ties", each(gating_output=torch.round), **few, k=5),
        sample("few experts, NaN", _with(torch.nan, 5), **few, k=6, renormalize=True),
        sample("few experts, -inf", _with(-torch.inf, 3), **few, k=7),
        sample("few experts, nothing but -inf", _with(-torch.inf, 1), **few, k=2, dtype=torch.float32),
        sample("few experts, slices off every vector", _off_vectors, **few, k=2),
        sample("few experts, no choice", **few, k=0),
        sample("few experts with a bias", tokens=70, experts=8, k=2),
        sample("five experts", tokens=9, experts=5, k=2, bias=False, dtype=torch.float16),
        sample("four experts of float32", tokens=9, experts=4, k=4, bias=False, dtype=torch.float32),
        sample("one expert", tokens=9, experts=1, k=1, bias=False, renormalize=True),
    )


def topk_samples() -> tuple[Sample, ...]:
    """Return calls that are taken."""
    many = [
        sample(f"{experts} experts", tokens=5, experts=experts, k=min(k, experts), bias=False, dtype=dtype)
        for experts, k, dtype in (
            (8, 2, torch.bfloat16), (33, 4, torch.float16), (96, 8, torch.bfloat16), (128, 8, torch.float32),
            (160, 6, torch.bfloat16), (256, 8, torch.float16), (384, 8, torch.bfloat16), (383, 9, torch.float32),
            (512, 10, torch.float16), (1000, 8, torch.bfloat16), (1024, 33, torch.float32), (1025, 3, torch.bfloat16),
            (3000, 40, torch.float32),
        )
    ]  # fmt: skip
    return (
        sample("typical"),
        sample("smallest", tokens=1, experts=1, k=1),
        sample("odd", tokens=7, experts=61, k=5, dtype=torch.float16),
        *many,
        *few_samples(),
        sample("float32", tokens=33, dtype=torch.float32),
        sample("renormalised", tokens=33, renormalize=True),
        sample("renormalised, no bias", tokens=9, experts=128, k=8, renormalize=True, bias=False),
        sample("every expert", tokens=3, experts=100, k=100, renormalize=True, bias=False),
        sample("every expert, more than a warp holds", tokens=2, experts=1100, k=1100, renormalize=True),
        sample("a bias of 16 bits", _bias_as_logits, tokens=9, experts=256),
        sample("equal logits", each(gating_output=torch.zeros_like), tokens=5, experts=100, k=7, bias=False),
        sample("ties", each(gating_output=torch.round), tokens=33, experts=256, k=20, bias=False),
        sample("ties of float32", each(gating_output=torch.round), tokens=9, k=20, bias=False, dtype=torch.float32),
        sample("ties, more than a warp holds", each(gating_output=torch.round), tokens=3, experts=1200, bias=False),
        sample("NaN", _with(torch.nan, 5), tokens=9, k=60, bias=False),
        sample("NaN, renormalised", _with(torch.nan, 300), tokens=9, renormalize=True),
        sample("-inf", _with(-torch.inf, 3), tokens=9, experts=63, k=50, renormalize=True, bias=False),
        sample("inf", _with(torch.inf, 37), tokens=9),
        sample("nothing but -inf", _with(-torch.inf, 1), tokens=3, renormalize=True),
        sample("nothing but NaN", _with(torch.nan, 1), tokens=3, experts=1100, bias=False),
        sample("ids of 64 bits", each(topk_ids=torch.Tensor.long), tokens=9),
        sample("slices", _apart, tokens=9, experts=128),
        sample("slices off every vector", _off_vectors, tokens=9, experts=128, k=7),
        sample("no choice", tokens=9, k=0),
        sample("empty", tokens=0),
        sample("largest", tokens=70_000, experts=8, k=2),
    )


def _shared(name: str, other: str) -> Change:
    def change(call: Arguments) -> Arguments:
        memory = torch.zeros(64, 64, dtype=torch.float32, device=call[name].device)
        made = {"gating_output": memory, "topk_weights": memory[:, 8:14], "topk_ids": memory[:, 8:14].view(torch.int32)}
        return {key: made[key] for key in (name, other)}

    return change


def topk_refusals() -> tuple[Refusal, ...]:
    """Return calls that are refused."""
    return (
        refuse("dim", "gating_output has 1 dimensions, shape (64,); expected 2", gating_output=lambda x: x[0]),
        refuse("bias dim", "correction_bias has 2 dimensions, shape (1, 64)", correction_bias=lambda x: x[None]),
        refuse(
            "dtype",
            "gating_output has dtype int16, expected float16 or bfloat16 or float32",
            gating_output=torch.Tensor.short,
        ),
        refuse(
            "bias dtype",
            "correction_bias has dtype float16, expected float32 or bfloat16",
            correction_bias=torch.Tensor.half,
        ),
        refuse(
            "bias size", "size 7 in dimension 0, expected 64 (one for each expert)", correction_bias=lambda x: x[:7]
        ),
        refuse("crossed", "gating_output has strides (1, 64), expected 1 in the last", gating_output=crossed),
        refuse(
            "bias apart", "correction_bias has shape (64,) and strides (0,)", correction_bias=lambda x: x[:1].expand(64)
        ),
        refuse("weights dim", "topk_weights has 1 dimensions, shape (6,); expected 2", topk_weights=lambda x: x[0]),
        refuse("ids dim", "topk_ids has 1 dimensions, shape (6,); expected 2", topk_ids=lambda x: x[0]),
        refuse("weights dtype", "topk_weights has dtype float16, expected float32", topk_weights=torch.Tensor.half),
        refuse("ids dtype", "topk_ids has dtype int16, expected int32 or int64", topk_ids=torch.Tensor.short),
        refuse("tokens", "size 2 in dimension 0, expected 64 (that of gating_output)", topk_weights=lambda x: x[:2]),
        refuse("ids shape", "topk_ids has shape (64, 5), expected (64, 6)", topk_ids=lambda x: x[:, :5]),
        refuse(
            "too many",
            "the size of topk_weights in dimension 1 is 6, expected at most 5: there are no more experts",
            lambda call: {"gating_output": call["gating_output"][:, :5], "correction_bias": None},
        ),
        refuse("weights crossed", "topk_weights has strides (1, 64), expected 1 in the last", topk_weights=crossed),
        refuse("ids crossed", "topk_ids has strides (1, 64), expected 1 in the last", topk_ids=crossed),
        refuse("weights repeated", "expected rows that do not overlap: at least 6 elements", topk_weights=repeated),
        refuse("ids repeated", "expected rows that do not overlap: at least 6 elements apart", topk_ids=repeated),
        refuse(
            "weights there", OVERLAP.format("topk_weights", "gating_output"), _shared("topk_weights", "gating_output")
        ),
        refuse("ids there", OVERLAP.format("topk_ids", "gating_output"), _shared("topk_ids", "gating_output")),
        refuse("in one place", OVERLAP.format("topk_ids", "topk_weights"), _shared("topk_ids", "topk_weights")),
    )


def _rows(change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return lambda call: {"token_expert_indices": change(torch.zeros_like(call["topk_ids"]))}


def topk_refusals_of_indices() -> tuple[Refusal, ...]:
    """Return calls that are refused for the indices beside the experts."""
    return (
        refuse("indices dim", "token_expert_indices has 1 dimensions, shape (6,)", _rows(lambda x: x[0])),
        refuse("indices dtype", "token_expert_indices has dtype int64, expected int32", _rows(torch.Tensor.long)),
        refuse("indices shape", "has shape (64, 5), expected (64, 6), the shape of", _rows(lambda x: x[:, :5])),
        refuse("indices crossed", "token_expert_indices has strides (1, 64), expected 1 in the last", _rows(crossed)),
        refuse("indices repeated", "expected rows that do not overlap: at least 6 elements", _rows(repeated)),
        refuse(
            "indices there",
            OVERLAP.format("token_expert_indices", "topk_ids"),
            lambda call: {"token_expert_indices": call["topk_ids"]},
        ),
    )

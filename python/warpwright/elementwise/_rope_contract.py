"""What the contracts of the rotary embeddings by computed angles say: calls taken, calls refused, and peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from warpwright.contract import Arguments, Contract, Output, Refusal, Sample, each, refuse, rounded_once, sample
from warpwright.draw import Draw, widened
from warpwright.elementwise._rope import check_rope, rope, turned

TOLERANCE = rounded_once("products in float32", of_largest=2.0**-20)
"""Differences of products cancel, and a cosine or sine is right to a few units of 2^-24, whatever it is itself."""

SIZES = ((32, 8, 128), (128, 1, 128), (64, 8, 64))
WORKLOADS = tuple(
    {"tokens": tokens, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "dtype": torch.bfloat16}
    for heads, kv_heads, head_dim in SIZES
    for tokens in (1, 64, 1024, 4096, 16_384)
)


class Form(NamedTuple):
    """Which of the operators that compute angles."""

    by_segments: bool = False
    llama31: bool = False
    in_place: bool = False


def make(
    draw: Draw,
    tokens: int = 64,
    heads: int = 32,
    kv_heads: int = 8,
    head_dim: int = 128,
    dtype: torch.dtype = torch.float16,
    rotary_dim: int | None = None,
    interleave: bool = False,
    form: Form = Form(),  # noqa: B008
) -> Arguments:
    """Make a call: tokens of any positions, or of four segments, of which one is empty."""
    call = {
        "q": draw.normal(tokens, heads, head_dim, dtype=dtype),
        "k": draw.normal(tokens, kv_heads, head_dim, dtype=dtype),
    }
    if form.by_segments:
        ends = [0, tokens // 3, tokens // 3, tokens // 2, tokens]
        call["indptr"] = torch.tensor(ends, dtype=torch.int32, device=draw.device)
        call["offsets"] = draw.integers(0, 8192, 4)
    else:
        call["pos_ids"] = draw.integers(0, 8192, tokens)
    scale, theta = (8.0, 5e5) if form.llama31 else (1.0, 1e4)
    numbers = {"rotary_dim": rotary_dim, "interleave": interleave, "rope_scale": scale, "rope_theta": theta}
    factors = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "old_context_len": 8192.0}
    return call | numbers | (factors if form.llama31 else {})


def packed(one: str, other: str) -> Callable[[Arguments], Arguments]:
    """Make queries and keys slices of one tensor, which has values beside them."""

    def change(call: Arguments) -> Arguments:
        first, second = call[one], call[other]
        both = torch.cat((first, second, second), dim=1)
        end = first.shape[1] + second.shape[1]
        return {one: both[:, : first.shape[1]], other: both[:, first.shape[1] : end]}

    return change


def heads_first(x: torch.Tensor) -> torch.Tensor:
    """Return the same values with all tokens of a head side by side."""
    return x.transpose(0, 1).contiguous().transpose(0, 1)


def _both(change: Callable[[torch.Tensor], torch.Tensor], other: Any = None) -> Any:
    return each(q=change, k=other or change)


def _samples(form: Form) -> tuple[Sample, ...]:
    far: Any = "offsets" if form.by_segments else "pos_ids"
    return (
        sample("typical"),
        sample("smallest", tokens=1, heads=1, kv_heads=1, head_dim=2),
        sample("odd", tokens=7, heads=3, kv_heads=1, head_dim=66, dtype=torch.bfloat16),
        sample("float32", tokens=9, heads=5, kv_heads=2, head_dim=64, dtype=torch.float32),
        sample("interleaved", tokens=33, heads=7, kv_heads=1, interleave=True, dtype=torch.bfloat16),
        sample("interleaved float32", tokens=5, interleave=True, dtype=torch.float32),
        sample("odd interleaved", tokens=5, heads=3, kv_heads=2, head_dim=70, interleave=True),
        sample("a part", tokens=21, heads=4, kv_heads=2, rotary_dim=64, dtype=torch.bfloat16),
        sample("an interleaved part", tokens=21, heads=4, kv_heads=2, rotary_dim=32, interleave=True),
        sample("a part with one vector beside it", tokens=5, heads=4, kv_heads=2, head_dim=72, rotary_dim=64),
        sample("a part of no vectors", tokens=5, heads=4, kv_heads=2, head_dim=81, rotary_dim=36),
        sample("no part", tokens=5, heads=4, kv_heads=2, rotary_dim=0),
        sample("long heads", tokens=3, heads=2, kv_heads=1, head_dim=600, dtype=torch.float32, rotary_dim=590),
        sample("many heads", tokens=300, heads=128, kv_heads=1, head_dim=64, dtype=torch.bfloat16),
        sample("many tokens", tokens=5000, heads=6, kv_heads=2, dtype=torch.bfloat16),
        sample("slices", packed("q", "k"), tokens=9),
        sample("slices of heads", _both(widened), tokens=9),
        sample("slices off every vector", _both(lambda x: widened(x, 3), lambda x: widened(x, 5)), tokens=5, heads=3),
        sample("heads first", _both(heads_first), tokens=9),
        sample("64 bits", each(**{far: torch.Tensor.long}), tokens=20),
        sample("far away", each(**{far: lambda x: x + 5_000_000}), tokens=20),
        sample("before the start", each(**{far: lambda x: -x}), tokens=20),
        sample("scaled", each(rope_scale=lambda _: 2.5, rope_theta=lambda _: 1e6), tokens=20),
        sample("no keys", tokens=5, kv_heads=0),
        sample("empty", tokens=0),
        sample("largest", tokens=70_000, heads=4, kv_heads=1, head_dim=64),
        *(_segments() if form.by_segments else ()),
        *([sample("narrow factors", each(high_freq_factor=lambda _: 1.5), tokens=20)] if form.llama31 else []),
    )


def _segments() -> tuple[Sample, ...]:
    def ends(*given: int) -> Any:
        return each(indptr=lambda x: torch.tensor(given, dtype=x.dtype, device=x.device))

    none = each(indptr=lambda x: x[:1], offsets=lambda x: x[:0])
    return (
        sample("tokens of no segment", ends(3, 4, 8, 8, 15), tokens=20),
        sample("a part of tokens of no segment", ends(3, 4, 8, 8, 15), tokens=20, head_dim=96, rotary_dim=64),
        sample("no segments", none, tokens=5),
        sample("indptr of 64 bits", each(indptr=torch.Tensor.long), tokens=20),
    )


def _refusals(form: Form) -> tuple[Refusal, ...]:
    return (
        refuse("dtype", "q has dtype int16, expected float16 or bfloat16 or float32", q=torch.Tensor.short),
        refuse("k dtype", "k has dtype bfloat16, expected float16, the dtype of q", k=torch.Tensor.bfloat16),
        refuse("dim", "q has 2 dimensions, shape (64, 4096); expected 3", q=lambda x: x.flatten(1)),
        refuse("k dim", "k has 2 dimensions, shape (64, 1024); expected 3", k=lambda x: x.flatten(1)),
        refuse("k tokens", "size 5 in dimension 0, expected 64 (the tokens of q)", k=lambda x: x[:5]),
        refuse("k head", "size 64 in dimension 2, expected 128 (the head dimension of q)", k=lambda x: x[..., :64]),
        refuse("crossed", "expected 1 in the last dimension", q=lambda x: x.mT.contiguous().mT),
        refuse("odd part", "rotary_dim is 33, expected a multiple of 2", rotary_dim=lambda _: 33),
        refuse("wide part", "rotary_dim is 130, expected at most 128", rotary_dim=lambda _: 130),
        refuse("negative part", "rotary_dim is -2, expected at least 0", rotary_dim=lambda _: -2),
        refuse("scale", "rope_scale is 0, expected more than 0", rope_scale=lambda _: 0.0),
        refuse("theta", "rope_theta is -0.5, expected more than 0", rope_theta=lambda _: -0.5),
        *(_segment_refusals() if form.by_segments else _position_refusals()),
        *(_llama31_refusals() if form.llama31 else ()),
        *(_place_refusals() if form.in_place else ()),
    )


def _position_refusals() -> tuple[Refusal, ...]:
    return (
        refuse("pos_ids dtype", "pos_ids has dtype float32, expected int32 or int64", pos_ids=torch.Tensor.float),
        refuse("pos_ids dim", "pos_ids has 2 dimensions, shape (1, 64); expected 1", pos_ids=lambda x: x[None]),
        refuse("pos_ids size", "size 5 in dimension 0, expected 64 (the tokens of q)", pos_ids=lambda x: x[:5]),
        refuse("pos_ids stride", "expected a contiguous tensor", pos_ids=lambda x: x.repeat(2)[::2]),
    )


def _segment_refusals() -> tuple[Refusal, ...]:
    return (
        refuse("indptr dtype", "indptr has dtype int16, expected int32 or int64", indptr=torch.Tensor.short),
        refuse("indptr dim", "indptr has 2 dimensions, shape (1, 5); expected 1", indptr=lambda x: x[None]),
        refuse("indptr size", "size 4 in dimension 0, expected 5 (one more than offsets)", indptr=lambda x: x[:4]),
        refuse("offsets dtype", "offsets has dtype float32, expected int32 or int64", offsets=torch.Tensor.float),
        refuse("offsets stride", "expected a contiguous tensor", offsets=lambda x: x.repeat(2)[::2]),
    )


def _llama31_refusals() -> tuple[Refusal, ...]:
    return (
        refuse("low factor", "low_freq_factor is 0, expected more than 0", low_freq_factor=lambda _: 0.0),
        refuse(
            "high factor",
            "high_freq_factor is 1, expected more than 1, which is low_freq_factor",
            high_freq_factor=lambda _: 1.0,
        ),
    )


def _place_refusals() -> tuple[Refusal, ...]:
    words = "expected heads that do not overlap: at least 128 elements apart"
    return (
        refuse("repeated", words, q=lambda x: x[:1].expand(x.shape)),
        refuse("k repeated", words, k=lambda x: x[:, :1].expand(x.shape)),
        refuse(
            "k in q",
            "q overlaps k in memory, expected memory of its own: clone one of them",
            lambda call: {"k": call["q"][:, 3:7]},
        ),
    )


def peers(
    q: torch.Tensor,
    k: torch.Tensor,
    interleave: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it: torch turns by angles that are there already."""
    angles = torch.rand(q.shape[0], q.shape[-1] // 2, device=q.device)
    cos, sin = angles.cos().to(q.dtype), angles.sin().to(q.dtype)
    q_out, k_out = torch.empty_like(q), torch.empty_like(k)
    return {
        "torch": lambda: [turned(x, cos, sin, interleave=interleave) for x in (q, k)],
        "copy": lambda: (q_out.copy_(q), k_out.copy_(k)),
    }


def _output(q: torch.Tensor, k: torch.Tensor) -> tuple[Output, Output]:
    return Output(tuple(q.shape), q.dtype), Output(tuple(k.shape), k.dtype)


def rope_contract(function: Callable[..., Any], form: Form, *, also_in: tuple[str, ...] = ()) -> Contract:
    """Return the contract of an embedding by computed angles."""
    return Contract(
        function=function,
        check=partial(check_rope, in_place=form.in_place),
        reference=rope,
        make=partial(make, form=form),
        samples=_samples(form),
        refusals=_refusals(form),
        tolerance=TOLERANCE,
        workloads=WORKLOADS,
        output=None if form.in_place else _output,
        peers=peers,
        also_in=also_in,
    )

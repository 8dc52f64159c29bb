"""Calls of fused_qk_norm_rope: those that are taken, those that are refused, and those that are timed."""

from __future__ import annotations

import torch

from warpwright.contract import Arguments, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw, repeated, widened

WORKLOADS = tuple(
    {"tokens": tokens, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}
    for heads, kv_heads, head_dim in ((32, 8, 128), (64, 8, 128), (16, 2, 64))
    for tokens in (1, 64, 1024, 16_384)
)


def make(
    draw: Draw,
    tokens: int = 64,
    heads: int = 32,
    kv_heads: int = 8,
    head_dim: int = 128,
    dtype: torch.dtype = torch.bfloat16,
    rotary_dim: int | None = None,
    is_neox: bool = True,
) -> Arguments:
    """Make a call with YaRN's scaling."""
    return {
        "qkv": draw.normal(tokens, (heads + 2 * kv_heads) * head_dim, dtype=dtype),
        "num_heads_q": heads,
        "num_heads_k": kv_heads,
        "num_heads_v": kv_heads,
        "head_dim": head_dim,
        "eps": 1e-6,
        "q_weight": draw.normal(head_dim, dtype=dtype),
        "k_weight": draw.normal(head_dim, dtype=dtype),
        "base": 1e6,
        "is_neox": is_neox,
        "position_ids": draw.integers(0, 8192, tokens),
        "factor": 4.0,
        "low": 10.0,
        "high": 30.0,
        "attention_factor": 1.14,
        "rotary_dim": rotary_dim,
    }


SAMPLES: tuple[Sample, ...] = (
    sample("typical"),
    sample("smallest", tokens=1, heads=1, kv_heads=1, head_dim=2),
    sample("odd", tokens=7, heads=3, kv_heads=1, head_dim=66),
    sample("float16", tokens=9, heads=5, kv_heads=2, head_dim=64, dtype=torch.float16),
    sample("interleaved", tokens=33, heads=7, kv_heads=1, is_neox=False),
    sample("odd interleaved", tokens=5, heads=3, kv_heads=2, head_dim=70, is_neox=False, dtype=torch.float16),
    sample("a part", tokens=21, heads=4, kv_heads=2, rotary_dim=64),
    sample("an interleaved part of no vectors", tokens=5, heads=4, kv_heads=2, rotary_dim=38, is_neox=False),
    sample("a part of an odd head", tokens=5, heads=4, kv_heads=2, head_dim=81, rotary_dim=36),
    sample("no part", tokens=5, heads=4, kv_heads=2, rotary_dim=0),
    sample("long heads", tokens=3, heads=2, kv_heads=1, head_dim=1024),
    sample("heads of 256", tokens=5, heads=4, kv_heads=1, head_dim=256),
    sample("many tokens", tokens=3000, heads=12, kv_heads=2, head_dim=64),
    sample("slices", each(qkv=widened), tokens=9),
    sample("slices off every vector", each(qkv=lambda x: widened(x, 3)), tokens=5, heads=3),
    sample("64 bits", each(position_ids=torch.Tensor.long), tokens=20),
    sample("far away", each(position_ids=lambda x: x + 5_000_000), tokens=20),
    sample("unscaled", each(factor=lambda _: 1.0, attention_factor=lambda _: 1.0), tokens=20),
    sample("a step", each(low=lambda _: 12.0, high=lambda _: 12.0), tokens=20),
    sample("no keys and values", tokens=5, kv_heads=0),
    sample("empty", tokens=0),
    sample("largest", tokens=70_000, heads=4, kv_heads=1, head_dim=64),
)

REFUSALS: tuple[Refusal, ...] = (
    refuse("dtype", "qkv has dtype float32, expected float16 or bfloat16", qkv=torch.Tensor.float),
    refuse("dim", "qkv has 1 dimensions, shape (6144,); expected 2", qkv=lambda x: x[0]),
    refuse("size", "expected 6144 (all heads times head_dim)", qkv=lambda x: x[:, :6000]),
    refuse("crossed", "expected 1 in the last dimension", qkv=lambda x: x.t().contiguous().t()),
    refuse("repeated", "expected rows that do not overlap: at least 6144 elements apart", qkv=repeated),
    refuse("heads", "num_heads_v is -1, expected at least 0", num_heads_v=lambda _: -1),
    refuse("many heads", "num_heads_q is 1048577, expected at most 1048576", num_heads_q=lambda _: 1048577),
    refuse("long head", "head_dim is 1026, expected at most 1024: a warp holds a head", head_dim=lambda _: 1026),
    refuse("no head", "head_dim is 0, expected at least 1", head_dim=lambda _: 0),
    refuse(
        "weight dtype",
        "q_weight has dtype float16, expected bfloat16, the dtype of qkv",
        q_weight=torch.Tensor.half,
    ),
    refuse("weight size", "k_weight has shape (5,): size 5 in dimension 0, expected 128", k_weight=lambda x: x[:5]),
    refuse("weight stride", "expected a contiguous tensor", k_weight=lambda x: x.repeat(2)[::2]),
    refuse("positions dtype", "position_ids has dtype int16, expected int32", position_ids=torch.Tensor.short),
    refuse("positions size", "expected 64 (the tokens of qkv)", position_ids=lambda x: x[:5]),
    refuse("odd part", "rotary_dim is 33, expected a multiple of 2", rotary_dim=lambda _: 33),
    refuse("wide part", "rotary_dim is 130, expected at most 128: head_dim", rotary_dim=lambda _: 130),
    refuse("base", "base is 0, expected more than 0", base=lambda _: 0.0),
    refuse("factor", "factor is -4, expected more than 0", factor=lambda _: -4.0),
    refuse(
        "weight in it",
        "qkv overlaps q_weight in memory, expected memory of its own: clone one of them",
        lambda call: {"q_weight": call["qkv"][5, :128]},
    ),
)

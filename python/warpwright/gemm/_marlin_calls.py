"""Calls of products by weights of 4 bits: the samples and refusals of their contract."""

from __future__ import annotations

import torch

from warpwright.contract import Arguments, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened


def _ordered(call: Arguments) -> Arguments:
    return {"perm": Draw(call["a"].device, 1).permutation(call["a"].shape[1])}


def _by_g_idx(call: Arguments) -> Arguments:
    """Say the group of each row, groups of any size, and their order."""
    k, device = call["a"].shape[1], call["a"].device
    return _ordered(call) | {"g_idx": torch.arange(k, device=device, dtype=torch.int32) // (k // 3 + 1)}


def _among_scales(call: Arguments) -> Arguments:
    scales = torch.zeros(16, 256, dtype=torch.float16, device=call["a"].device)
    return {"b_scales": scales[:4], "out": scales}


def _among_tokens(call: Arguments) -> Arguments:
    return {"out": call["a"][:, : call["out"].shape[1]]}


SAMPLES = (
    sample("typical"),
    sample("smallest", m=1, n=64, k=16, groups=1),
    sample("odd", m=77, n=192, k=1040, groups=1, dtype=torch.bfloat16),
    sample("nine tokens", m=9, n=320, k=768, groups=24, dtype=torch.bfloat16),
    sample("forty tokens, no zero points", each(b_zeros=lambda _: None), m=40, n=192, k=256, groups=2),
    sample("many tokens", m=257, n=192, k=256, groups=4, dtype=torch.bfloat16),
    sample("an order", _ordered, m=3, groups=8),
    sample("groups by g_idx", _by_g_idx, m=5, groups=3),
    sample("slices", each(a=widened, out=widened), m=9),
    sample("slices off every vector", each(a=lambda x: widened(x, 3), out=lambda x: widened(x, 1)), m=20),
    sample("many sliced tokens", each(a=lambda x: widened(x, 3), out=widened), m=200),
    sample("empty", m=0),
    sample("no columns", n=0),
    sample("an empty sum", k=0),
    sample("largest", m=1, n=14336, k=4096, groups=32),
)

REFUSALS = (
    refuse("dtype", "a has dtype bfloat16, expected float16, the dtype of b_scales", a=torch.Tensor.bfloat16),
    refuse("out dtype", "out has dtype bfloat16, expected float16, the dtype of b_scales", out=torch.Tensor.bfloat16),
    refuse("dim", "a has 1 dimensions, shape (512,); expected 2", a=lambda x: x[0]),
    refuse("K", "a has shape (16, 16): size 16 in dimension 1, expected 512", a=lambda x: x[:, :16]),
    refuse("rows", "out has shape (3, 256): size 3 in dimension 0, expected 16 (the rows of a)", out=lambda x: x[:3]),
    refuse("columns", "out has shape (16, 64): size 64 in dimension 1, expected 256", out=lambda x: x[:, :64]),
    refuse("crossed", "a has strides (1, 16), expected 1 in the last dimension", a=crossed),
    refuse(
        "groups",
        "b_scales has 3 groups for K 512, expected groups of a multiple of 16 rows",
        b_scales=lambda x: x[:3],
        b_zeros=lambda x: x[:3],
    ),
    refuse(
        "perm size",
        "perm has shape (7,) with 7 elements, expected 512 (one for each column of a)",
        lambda call: {"perm": _ordered(call)["perm"][:7]},
    ),
    refuse(
        "perm device",
        "perm is on meta and b_q_weight on {device}",
        lambda call: {"perm": _ordered(call)["perm"].to("meta")},
    ),
    refuse("out repeated", "expected rows that do not overlap: at least 256 elements apart", out=repeated),
    refuse("out in a", "out overlaps a in memory, expected memory of its own: clone one of them", _among_tokens),
    refuse(
        "out in b_scales",
        "out overlaps b_scales in memory, expected memory of its own: clone one of them",
        _among_scales,
    ),
)

"""The RMS norm of each head of queries and keys in a packed projection, and their rotary embedding, in place."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
    check_above,
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
)
from warpwright.contract import Contract, rounded_once
from warpwright.elementwise._fused_qk_norm_rope_calls import REFUSALS, SAMPLES, WORKLOADS, make
from warpwright.elementwise._norm import rms
from warpwright.elementwise._rope import INDEX_TYPES, check_rotary_dim, turned
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, rows_of, span_of

_fused_qk_norm_rope = torch.ops.warpwright.fused_qk_norm_rope.default
MOST_HEADS = 2**20


def fused_qk_norm_rope(
    qkv: torch.Tensor,
    num_heads_q: int,
    num_heads_k: int,
    num_heads_v: int,
    head_dim: int,
    eps: float,
    q_weight: torch.Tensor,
    k_weight: torch.Tensor,
    base: float,
    is_neox: bool,
    position_ids: torch.Tensor,
    factor: float,
    low: float,
    high: float,
    attention_factor: float,
    rotary_dim: int | None = None,
) -> None:
    """Scale each head of queries and keys to a root mean square of one and by a weight, then turn its pairs, in place.

    A head becomes ``x / sqrt(mean(x ** 2) + eps) * weight``, and then each pair ``(x, y)`` of it with the number ``i``
    ``(x c - y s, y c + x s)`` with ``c = cos(a) * attention_factor``, ``s = sin(a) * attention_factor`` and
    ``a = position * f``; all in float32 with one rounding at the end. ``f`` is ``base ** (-2 i / rotary_dim)``, of
    which the part ``clamp((i - low) / (high - low), 0, 1)`` is divided by ``factor``.

    Frequencies and angles are computed in float64, and whole turns taken away there. Methods: Zhang and Sennrich, "Root
    Mean Square Layer Normalization" (arXiv:1910.07467); Su et al., "RoFormer" (arXiv:2104.09864); Peng et al., "YaRN"
    (arXiv:2309.00071).

    Parameters
    ----------
    qkv
        ``(tokens, (num_heads_q + num_heads_k + num_heads_v) * head_dim)``, float16 or bfloat16: the heads of queries,
        of keys and of values, which stay as they are. Tokens may lie apart; the elements of a token are adjacent.
    num_heads_q, num_heads_k, num_heads_v
        How many heads there are of each.
    head_dim
        The elements of a head, up to 1024. Multiples of 16 up to 512 run fastest, where ``rotary_dim`` is one too.
    eps
        Added to the mean square before the root.
    q_weight, k_weight
        ``(head_dim,)``, contiguous, of the dtype of ``qkv``.
    base
        The base of the frequencies, more than zero.
    is_neox
        Whether a pair is ``(i, i + rotary_dim / 2)``; else it is two elements side by side, ``(2 i, 2 i + 1)``.
    position_ids
        ``(tokens,)``, int32 or int64, contiguous.
    factor
        What slow frequencies are divided by, more than zero; with 1 there is no scaling.
    low, high
        The pairs between which frequencies go over from kept to divided; ``high`` is taken as 0.001 more where both are
        equal.
    attention_factor
        Factor of cosines and sines.
    rotary_dim
        How many elements of a head are turned, from the first on, an even number; all by default. The rest is normed.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, number or device is wrong (the argument is named with both values), or the wheel has no
        code for the GPU.
    """
    shape = (num_heads_q, num_heads_k, num_heads_v, head_dim)
    rest = (eps, q_weight, k_weight, base, is_neox, position_ids, factor, low, high, attention_factor, rotary_dim)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(qkv, q_weight, k_weight):
        write(_fused_qk_norm_rope, qkv, *shape, *rest)
    else:
        _fused_qk_norm_rope(qkv, *shape, *rest)


def check(
    qkv: torch.Tensor,
    num_heads_q: int,
    num_heads_k: int,
    num_heads_v: int,
    head_dim: int,
    q_weight: torch.Tensor,
    k_weight: torch.Tensor,
    base: float,
    position_ids: torch.Tensor,
    factor: float,
    rotary_dim: int | None,
) -> None:
    """Refuse what the operator cannot take."""
    weights = (("q_weight", q_weight), ("k_weight", k_weight))
    for name, tensor in (*weights, ("position_ids", position_ids)):
        check_same_device(name, tensor, "qkv", qkv)
    check_dim("qkv", qkv, 2)
    check_dtype("qkv", qkv.dtype, *FLOAT16_TYPES)
    for name, tensor in weights:
        check_same_dtype(name, tensor, "qkv", qkv)
    for name, heads in (("num_heads_q", num_heads_q), ("num_heads_k", num_heads_k), ("num_heads_v", num_heads_v)):
        check_at_least(name, heads, 0)
        check_at_most(name, heads, MOST_HEADS, "the kernel counts heads in 32 bits")
    check_at_least("head_dim", head_dim, 1)
    check_at_most("head_dim", head_dim, 1024, "a warp holds a head")
    check_size("qkv", qkv, 1, (num_heads_q + num_heads_k + num_heads_v) * head_dim, "all heads times head_dim")
    check_inner_stride("qkv", qkv)
    for name, tensor in weights:
        check_dim(name, tensor, 1)
        check_size(name, tensor, 0, head_dim, "head_dim")
        check_contiguous(name, tensor)
    check_dtype("position_ids", position_ids.dtype, *INDEX_TYPES)
    check_dim("position_ids", position_ids, 1)
    check_size("position_ids", position_ids, 0, qkv.shape[0], "the tokens of qkv")
    check_contiguous("position_ids", position_ids)
    check_rotary_dim("rotary_dim", head_dim if rotary_dim is None else rotary_dim, head_dim, "head_dim")
    check_above("base", base, 0)
    check_above("factor", factor, 0)
    if not known(qkv.numel() == 0):
        rows = rows_of(qkv, out_row_stride("qkv", qkv))
        check_apart(
            "qkv", rows, [(name, span_of(tensor)) for name, tensor in (*weights, ("position_ids", position_ids))]
        )


def reference(
    qkv: torch.Tensor,
    num_heads_q: int,
    num_heads_k: int,
    head_dim: int,
    eps: float,
    q_weight: torch.Tensor,
    k_weight: torch.Tensor,
    base: float,
    is_neox: bool,
    position_ids: torch.Tensor,
    factor: float,
    low: float,
    high: float,
    attention_factor: float,
    rotary_dim: int | None,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the projection with its queries and keys normed and turned by angles of float64."""
    pairs = (head_dim if rotary_dim is None else rotary_dim) // 2
    pair = torch.arange(pairs, dtype=torch.float64, device=qkv.device)
    part = ((pair - low) / ((high + 0.001 if high == low else high) - low)).clamp(0, 1)
    frequency = base ** (-pair / max(pairs, 1)) * (1 - part + part / factor)
    angles = position_ids.double()[:, None] * frequency
    cos, sin = ((each * attention_factor).to(wide) for each in (angles.cos(), angles.sin()))
    heads = qkv.to(wide).unflatten(-1, (-1, head_dim)) if qkv.shape[1] else qkv.to(wide)[:, None]
    q, k, v = heads.tensor_split((num_heads_q, num_heads_q + num_heads_k), dim=1)
    q, k = (
        turned(rms(x, weight.to(wide), eps), cos, sin, interleave=not is_neox)
        for x, weight in ((q, q_weight), (k, k_weight))
    )
    return torch.cat((q, k, v), dim=1).flatten(1)


def peers(
    qkv: torch.Tensor,
    num_heads_q: int,
    num_heads_k: int,
    num_heads_v: int,
    head_dim: int,
    eps: float,
    q_weight: torch.Tensor,
    k_weight: torch.Tensor,
    base: float,
    is_neox: bool,
    position_ids: torch.Tensor,
    factor: float,
    low: float,
    high: float,
    attention_factor: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; a copy moves the same bytes and those of the values."""
    other = qkv.clone()
    shape = (num_heads_q, num_heads_k, num_heads_v, head_dim)
    rest = (eps, q_weight, k_weight, base, is_neox, position_ids, factor, low, high, attention_factor, head_dim)
    return {
        "copy": lambda: other.copy_(qkv),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.fused_qk_norm_rope.default(other, *shape, *rest),
    }


def moves(qkv: torch.Tensor, num_heads_v: int, head_dim: int) -> int:
    """Return the bytes of queries and keys, read and written; weights and positions are few."""
    moved: int = 2 * qkv.shape[0] * (qkv.shape[1] - num_heads_v * head_dim) * qkv.element_size()
    return moved


CONTRACT = Contract(
    function=fused_qk_norm_rope,
    check=check,
    reference=reference,
    make=make,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=rounded_once("sums in float32, rsqrtf, and products, whose differences cancel", of_largest=2.0**-20),
    workloads=WORKLOADS,
    peers=peers,
    also_in=("moe",),
    moves=moves,
)

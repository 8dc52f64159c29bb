"""What the rotary embeddings share: checks, and what they mean, in plain torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    Size,
    check,
    check_above,
    check_at_least,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_multiple,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
)
from warpwright.elementwise._heads import heads_of, written_heads
from warpwright.rows import check_apart, span_of

INDEX_TYPES = (torch.int32, torch.int64)
Named = tuple[str, torch.Tensor]


def _check_indices(name: str, tensor: torch.Tensor) -> None:
    check_dtype(name, tensor.dtype, *INDEX_TYPES)
    check_dim(name, tensor, 1)
    check_contiguous(name, tensor)


def check_rotary_dim(what: str, rotary_dim: Size, head_dim: Size, why: str) -> None:
    """Refuse what is no number of elements in pairs of a head."""
    check_at_least(what, rotary_dim, 0)
    check_multiple(what, rotary_dim, 2)
    check(rotary_dim <= head_dim, f"{what} is ", rotary_dim, ", expected at most ", head_dim, f": {why}")


def _check_qk(q: torch.Tensor, k: torch.Tensor) -> None:
    check_dim("q", q, 3)
    check_dtype("q", q.dtype, *FLOAT_TYPES)
    check_dim("k", k, 3)
    check_same_dtype("k", k, "q", q)
    check_size("k", k, 0, q.shape[0], "the tokens of q")
    check_size("k", k, 2, q.shape[2], "the head dimension of q")
    check_inner_stride("q", q)
    check_inner_stride("k", k)


def check_rope(
    q: torch.Tensor,
    k: torch.Tensor,
    rope_scale: float,
    rope_theta: float,
    rotary_dim: int | None = None,
    pos_ids: torch.Tensor | None = None,
    indptr: torch.Tensor | None = None,
    offsets: torch.Tensor | None = None,
    low_freq_factor: float | None = None,
    high_freq_factor: float | None = None,
    in_place: bool = False,
) -> None:
    """Refuse what an embedding by computed angles cannot take."""
    given = (("pos_ids", pos_ids), ("indptr", indptr), ("offsets", offsets))
    indices = [(name, tensor) for name, tensor in given if tensor is not None]
    for name, tensor in (("k", k), *indices):
        check_same_device(name, tensor, "q", q)
    _check_qk(q, k)
    for name, tensor in indices:
        _check_indices(name, tensor)
    if pos_ids is not None:
        check_size("pos_ids", pos_ids, 0, q.shape[0], "the tokens of q")
    if indptr is not None and offsets is not None:
        check_size("indptr", indptr, 0, offsets.shape[0] + 1, "one more than offsets")
    check_rotary_dim(
        "rotary_dim", q.shape[2] if rotary_dim is None else rotary_dim, q.shape[2], "the head dimension of q"
    )
    check_above("rope_scale", rope_scale, 0)
    check_above("rope_theta", rope_theta, 0)
    if low_freq_factor is not None and high_freq_factor is not None:
        check_above("low_freq_factor", low_freq_factor, 0)
        check_above("high_freq_factor", high_freq_factor, low_freq_factor, ", which is low_freq_factor")
    if in_place:
        _check_written([("q", q), ("k", k)], 1, q.shape[2], indices)


def _check_written(heads: Sequence[Named], token_dims: int, head_dim: Size, others: Sequence[Named]) -> None:
    """Refuse heads that overlap each other, or what is read; what has no elements is nowhere."""
    places = [(name, tensor, heads_of(name, tensor, token_dims, head_dim)) for name, tensor in heads]
    rows = [
        (name, span_of(tensor) if known(tensor.numel() == 0) else written_heads(name, tensor, place))
        for name, tensor, place in places
    ]
    if len(rows) > 1:
        check_apart(rows[0][0], rows[0][1], rows[1:])
    for name, row in rows:
        check_apart(name, row, [(other, span_of(tensor)) for other, tensor in others])


def _check_cached_heads(name: str, tensor: torch.Tensor, positions: torch.Tensor, head_size: int) -> None:
    tokens = positions.dim()
    check(
        tensor.dim() in (tokens + 1, tokens + 2),
        *(f"{name} has {tensor.dim()} dimensions, shape ", tuple(tensor.shape)),
        f"; expected {tokens + 1} or {tokens + 2}",
    )
    for dim in range(tokens):
        check_size(name, tensor, dim, positions.shape[dim], "that of positions")
    if tensor.dim() == tokens + 1:
        check_multiple(f"the last dimension of {name}", tensor.shape[-1], head_size)
    else:
        check_size(name, tensor, tokens + 1, head_size, "head_size")
    check_inner_stride(name, tensor)


def check_cached_rope(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    any_shape: bool = False,
    in_place: bool = False,
) -> None:
    """Refuse what an embedding by a cache of cosines and sines cannot take."""
    heads = [("query", query), *([] if key is None else [("key", key)])]
    for name, tensor in (*heads, ("cos_sin_cache", cos_sin_cache)):
        check_same_device(name, tensor, "positions", positions)
    check_dtype("positions", positions.dtype, *INDEX_TYPES)
    if any_shape:
        check_min_dim("positions", positions, 1)
    else:
        check_dim("positions", positions, 1)
    check_contiguous("positions", positions)
    check_at_least("head_size", head_size, 1)
    check_dtype("query", query.dtype, *FLOAT_TYPES)
    _check_cached_heads("query", query, positions, head_size)
    if key is not None:
        check_same_dtype("key", key, "query", query)
        _check_cached_heads("key", key, positions, head_size)
    if not any_shape or cos_sin_cache.dtype != query.dtype:
        check_dtype("cos_sin_cache", cos_sin_cache.dtype, torch.float32)
    check_dim("cos_sin_cache", cos_sin_cache, 2)
    check_contiguous("cos_sin_cache", cos_sin_cache)
    what = "the last dimension of cos_sin_cache"
    check_rotary_dim(what, cos_sin_cache.shape[1], head_size, "head_size")
    if known(query.numel() + (0 if key is None else key.numel()) == 0):
        return
    for name, tensor in heads:
        heads_of(name, tensor, positions.dim(), head_size)
    if in_place:
        _check_written(heads, positions.dim(), head_size, [("positions", positions), ("cos_sin_cache", cos_sin_cache)])


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *, interleave: bool) -> torch.Tensor:
    """Return ``(tokens, heads, head_dim)`` with the pairs of its first part turned by angles, ``(tokens, pairs)``."""
    pairs = cos.shape[-1]
    cos, sin, part, rest = cos[:, None], sin[:, None], x[..., : 2 * pairs], x[..., 2 * pairs :]
    first, second = (part[..., ::2], part[..., 1::2]) if interleave else (part[..., :pairs], part[..., pairs:])
    new = first * cos - second * sin, second * cos + first * sin
    return torch.cat((torch.stack(new, -1).flatten(-2) if interleave else torch.cat(new, -1), rest), -1)


def frequencies(
    pairs: int,
    rope_scale: float,
    rope_theta: float,
    low_freq_factor: float | None,
    high_freq_factor: float | None,
    old_context_len: float | None,
) -> torch.Tensor:
    """Return the radians from position to position, float64; with the factors, as Llama 3.1 scales them."""
    found = rope_theta ** (-torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    if low_freq_factor is None or high_freq_factor is None or old_context_len is None:
        return found / rope_scale
    waves = old_context_len * found / (2 * math.pi)
    kept = ((waves - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0, 1)
    return kept * found + (1 - kept) * found / rope_scale


def _positions(indptr: torch.Tensor, offsets: torch.Tensor, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each token's position, and whether it belongs to a segment."""
    token = torch.arange(tokens, device=indptr.device)
    segment = torch.searchsorted(indptr.long(), token, right=True) - 1
    there = (segment >= 0) & (segment < offsets.shape[0])
    first = torch.cat((offsets.long(), offsets.new_zeros(1).long())) - indptr.long()
    return token + first[segment.clamp(min=0)], there


def rope(
    q: torch.Tensor,
    k: torch.Tensor,
    interleave: bool,
    rope_scale: float,
    rope_theta: float,
    wide: torch.dtype,
    rotary_dim: int | None = None,
    pos_ids: torch.Tensor | None = None,
    indptr: torch.Tensor | None = None,
    offsets: torch.Tensor | None = None,
    low_freq_factor: float | None = None,
    high_freq_factor: float | None = None,
    old_context_len: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return queries and keys, turned by angles of float64."""
    there = None
    if indptr is not None and offsets is not None:
        pos_ids, there = _positions(indptr, offsets, q.shape[0])
    assert pos_ids is not None  # noqa: S101
    pairs = (q.shape[-1] if rotary_dim is None else rotary_dim) // 2
    of = frequencies(pairs, rope_scale, rope_theta, low_freq_factor, high_freq_factor, old_context_len)
    angles = pos_ids.double()[:, None] * of.to(pos_ids.device)
    cos, sin = angles.cos().to(wide), angles.sin().to(wide)

    def of_heads(x: torch.Tensor) -> torch.Tensor:
        found = turned(x.to(wide), cos, sin, interleave=interleave)
        return found if there is None else torch.where(there[:, None, None], found, x.to(wide))

    return of_heads(q), of_heads(k)


def cached_rope(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return queries and keys, turned by rows of a cache; a position that it does not have gives NaN."""
    flat, last = positions.flatten(), cos_sin_cache.shape[0]
    known_rows = torch.where((flat >= 0) & (flat < last), flat, last).long()
    nan = cos_sin_cache.new_full((1, cos_sin_cache.shape[1]), torch.nan)
    rows = torch.cat((cos_sin_cache, nan))[known_rows].to(wide)
    cos, sin = rows.chunk(2, -1) if rows.shape[1] else (rows, rows)

    def of_heads(x: torch.Tensor) -> torch.Tensor:
        heads = x.to(wide).reshape(flat.shape[0], x.shape[positions.dim() :].numel() // head_size, head_size)
        return turned(heads, cos, sin, interleave=not is_neox).reshape(x.shape)

    return of_heads(query), None if key is None else of_heads(key)

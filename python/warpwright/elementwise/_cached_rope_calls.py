"""Calls of the rotary embeddings by a cache: those that are taken, and those that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from warpwright.contract import Arguments, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw, widened
from warpwright.elementwise._rope_contract import heads_first, packed

POSITIONS = 8192


class CachedForm(NamedTuple):
    """Which of the operators that read cosines and sines."""

    any_shape: bool = False
    in_place: bool = False


def make(
    draw: Draw,
    tokens: int = 64,
    heads: int = 32,
    kv_heads: int = 8,
    head_dim: int = 128,
    dtype: torch.dtype = torch.float16,
    rotary_dim: int | None = None,
    is_neox: bool = True,
    form: CachedForm = CachedForm(),  # noqa: B008
) -> Arguments:
    """Make a call of tokens of any positions."""
    rotary = head_dim if rotary_dim is None else rotary_dim
    angles = draw.uniform(POSITIONS, rotary // 2, most=2 * math.pi)
    return {
        "positions": draw.integers(0, POSITIONS, tokens, dtype=torch.int64),
        "query": draw.normal(tokens, heads * head_dim, dtype=dtype),
        "key": draw.normal(tokens, kv_heads * head_dim, dtype=dtype),
        "head_size": head_dim,
        "cos_sin_cache": torch.cat((angles.cos(), angles.sin()), -1).to(dtype if form.any_shape else torch.float32),
        "is_neox": is_neox,
    }


def _both(change: Callable[[torch.Tensor], torch.Tensor], other: Any = None) -> Any:
    return each(query=change, key=other or change)


def _heads(call: Arguments) -> Arguments:
    """Return a call whose heads have a dimension of their own."""
    return {name: call[name].unflatten(-1, (-1, call["head_size"])) for name in ("query", "key")}


def _of_heads(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Arguments], Arguments]:
    return lambda call: {name: change(heads) for name, heads in _heads(call).items()}


def _outside(positions: torch.Tensor) -> torch.Tensor:
    """Put some positions behind the cache's end, some far behind it, and some before its start."""
    which = torch.arange(positions.shape[0], device=positions.device) % 5
    for place, outside in enumerate((POSITIONS, -1, 2**31 - 1)):
        positions = torch.where(which == place, outside, positions)
    return positions


def _packed(call: Arguments) -> Arguments:
    return packed("query", "key")(call)


def _batches(call: Arguments) -> Arguments:
    """Return a call whose tokens have two dimensions, a batch and its length."""
    return {name: call[name].unflatten(0, (4, -1)) for name in ("positions", "query", "key")}


def _batches_of_heads(call: Arguments) -> Arguments:
    return _batches(call | _heads(call))


def samples(form: CachedForm) -> tuple[Sample, ...]:
    """Return calls that are taken."""
    small: dict[str, Any] = {"heads": 4, "kv_heads": 2}
    return (
        sample("typical"),
        sample("smallest", tokens=1, heads=1, kv_heads=1, head_dim=2),
        sample("odd", tokens=7, heads=3, kv_heads=1, head_dim=66, dtype=torch.bfloat16),
        sample("float32", tokens=9, heads=5, kv_heads=2, head_dim=64, dtype=torch.float32),
        sample("interleaved", tokens=33, heads=7, kv_heads=1, is_neox=False, dtype=torch.bfloat16),
        sample("interleaved float32", tokens=5, is_neox=False, dtype=torch.float32),
        sample("odd interleaved", tokens=5, heads=3, kv_heads=2, head_dim=70, is_neox=False),
        sample("a part", tokens=21, rotary_dim=64, dtype=torch.bfloat16, **small),
        sample("an interleaved part", tokens=21, rotary_dim=32, is_neox=False, **small),
        sample("a part with one vector beside it", tokens=5, head_dim=72, rotary_dim=64, **small),
        sample("a part of no vectors", tokens=5, head_dim=81, rotary_dim=36, **small),
        sample("no part", tokens=5, rotary_dim=0, **small),
        sample("long heads", tokens=3, heads=2, kv_heads=1, head_dim=600, dtype=torch.float32, rotary_dim=590),
        sample("many heads", tokens=300, heads=128, kv_heads=1, head_dim=64, dtype=torch.bfloat16),
        sample("many tokens", tokens=5000, heads=6, kv_heads=2, dtype=torch.bfloat16),
        sample("slices", _packed, tokens=9),
        sample("slices off every vector", _both(lambda x: widened(x, 3), lambda x: widened(x, 5)), tokens=5, heads=3),
        sample("heads of their own dimension", _heads, tokens=9),
        sample("slices of heads", _of_heads(widened), tokens=9),
        sample("heads first", _of_heads(heads_first), tokens=9),
        sample("32 bits", each(positions=torch.Tensor.int), tokens=20),
        sample("outside of the cache", each(positions=_outside), tokens=20),
        sample("an empty cache", each(cos_sin_cache=lambda x: x[:0]), tokens=5),
        sample("a cache off every vector", each(cos_sin_cache=_shifted), tokens=5),
        sample("no keys", each(key=lambda x: x[:, :0]), tokens=5),
        sample("empty", tokens=0),
        sample("largest", tokens=70_000, heads=4, kv_heads=1, head_dim=64),
        *(_any_shape() if form.any_shape else ()),
    )


def _shifted(cache: torch.Tensor) -> torch.Tensor:
    """Return a contiguous copy that starts one element behind a multiple of 16 bytes."""
    room = cache.new_zeros(cache.numel() + 1)[1:].view(cache.shape)
    return room.copy_(cache)


def _any_shape() -> tuple[Sample, ...]:
    return (
        sample("without keys", each(key=lambda _: None), tokens=9),
        sample("batches", _batches, tokens=24),
        sample("batches of heads", _batches_of_heads, tokens=24, dtype=torch.bfloat16),
        sample("a cache of float32", each(cos_sin_cache=torch.Tensor.float), tokens=20, dtype=torch.bfloat16),
        sample("a cache of float32, a pair a thread", each(cos_sin_cache=torch.Tensor.float), tokens=5, head_dim=70),
    )


def refusals(form: CachedForm) -> tuple[Refusal, ...]:
    """Return calls that are refused."""
    return (
        refuse("positions dtype", "positions has dtype int16, expected int32 or int64", positions=torch.Tensor.short),
        refuse("positions stride", "expected a contiguous tensor", positions=lambda x: x.repeat(2)[::2]),
        refuse("head size", "head_size is 0, expected at least 1", head_size=lambda _: 0),
        refuse("dtype", "query has dtype int16, expected float16 or bfloat16 or float32", query=torch.Tensor.short),
        refuse("dim", "query has 1 dimensions, shape (4096,); expected 2 or 3", query=lambda x: x[0]),
        refuse("tokens", "size 5 in dimension 0, expected 64 (that of positions)", query=lambda x: x[:5]),
        refuse("heads", "the last dimension of query is 100, expected a multiple of 128", query=lambda x: x[:, :100]),
        refuse("head", "size 64 in dimension 2, expected 128 (head_size)", query=lambda x: x.view(64, 64, 64)),
        refuse("crossed", "query has strides (1, 64), expected 1 in the last", query=lambda x: x.t().contiguous().t()),
        refuse("key dtype", "key has dtype bfloat16, expected float16, the dtype of query", key=torch.Tensor.bfloat16),
        refuse("key tokens", "size 5 in dimension 0, expected 64 (that of positions)", key=lambda x: x[:5]),
        refuse("key heads", "the last dimension of key is 100, expected a multiple of 128", key=lambda x: x[:, :100]),
        refuse(
            "cache dtype", "cos_sin_cache has dtype bfloat16, expected float32", cos_sin_cache=torch.Tensor.bfloat16
        ),
        refuse("cache dim", "cos_sin_cache has 1 dimensions, shape (128,); expected 2", cos_sin_cache=lambda x: x[0]),
        refuse("cache stride", "expected a contiguous tensor", cos_sin_cache=lambda x: x[:, :64]),
        refuse(
            "odd part",
            "the last dimension of cos_sin_cache is 33, expected a multiple of 2",
            cos_sin_cache=lambda x: x[:, :33].contiguous(),
        ),
        refuse(
            "wide part",
            "the last dimension of cos_sin_cache is 256, expected at most 128: head_size",
            cos_sin_cache=lambda x: x.repeat(1, 2),
        ),
        *(_place_refusals() if form.in_place else ()),
        *(_shape_refusals() if form.any_shape else _line_refusals()),
    )


def _place_refusals() -> tuple[Refusal, ...]:
    return (
        refuse(
            "repeated",
            "expected heads that do not overlap: at least 128 elements apart",
            query=lambda x: x[:1].expand(x.shape),
        ),
        refuse(
            "key in query",
            "query overlaps key in memory, expected memory of its own: clone one of them",
            lambda call: {"key": call["query"][:, 256:512]},
        ),
    )


def _line_refusals() -> tuple[Refusal, ...]:
    return (
        refuse(
            "positions dim", "positions has 2 dimensions, shape (4, 16); expected 1", positions=lambda x: x.view(4, 16)
        ),
    )


def _shape_refusals() -> tuple[Refusal, ...]:
    def apart(call: Arguments) -> Arguments:
        made = _batches(call)
        return made | {"query": made["query"].transpose(0, 1).contiguous().transpose(0, 1)}

    return (
        refuse("no positions", "positions has 0 dimensions; expected at least 1", positions=lambda x: x[0]),
        refuse("batches apart", "expected tokens at one distance from each other", apart),
    )

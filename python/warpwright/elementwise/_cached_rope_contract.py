"""The contracts of the rotary embeddings by a cache: the bytes that they move, and who else does the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from warpwright.contract import Contract, Output
from warpwright.elementwise._cached_rope_calls import CachedForm, make, refusals, samples
from warpwright.elementwise._rope import cached_rope, check_cached_rope
from warpwright.elementwise._rope_contract import TOLERANCE, WORKLOADS


def moves(positions: torch.Tensor, query: torch.Tensor, key: torch.Tensor | None, cos_sin_cache: torch.Tensor) -> int:
    """Return the bytes of queries and keys, read and written, of positions, and of the rows that they name."""
    heads = query.numel() + (0 if key is None else key.numel())
    row = cos_sin_cache.shape[1] * cos_sin_cache.element_size()
    moved: int = 2 * heads * query.element_size() + positions.numel() * (positions.element_size() + row)
    return moved


def _peers(
    positions: torch.Tensor, query: torch.Tensor, key: torch.Tensor, head_size: int, cos_sin_cache: torch.Tensor,
    is_neox: bool, *, any_shape: bool,
) -> dict[str, Callable[[], object]]:  # fmt: skip
    """Return who else does it."""
    ops, q_out, k_out = torch.ops.sgl_kernel, torch.empty_like(query), torch.empty_like(key)
    q, k = (x.view(x.shape[0], -1, head_size) for x in (query, key))

    def sglang() -> object:
        if any_shape:
            return ops.rotary_embedding.default(positions, q_out, k_out, head_size, cos_sin_cache, is_neox)
        out = [x.view(x.shape[0], -1, head_size) for x in (q_out, k_out)]
        return ops.apply_rope_pos_ids_cos_sin_cache.default(
            q, k, *out, cos_sin_cache, positions, not is_neox, False, None, None, None, None
        )

    return {
        "torch": lambda: cached_rope(positions, query, key, head_size, cos_sin_cache, is_neox, query.dtype),
        "copy": lambda: (q_out.copy_(query), k_out.copy_(key)),
        "sglang-kernel": sglang,
    }


def _output(query: torch.Tensor, key: torch.Tensor) -> tuple[Output, Output]:
    return Output(tuple(query.shape), query.dtype), Output(tuple(key.shape), key.dtype)


def cached_rope_contract(function: Callable[..., Any], form: CachedForm, *, also_in: tuple[str, ...] = ()) -> Contract:
    """Return the contract of an embedding by a cache."""
    return Contract(
        function=function,
        check=partial(check_cached_rope, any_shape=form.any_shape, in_place=form.in_place),
        reference=cached_rope,
        make=partial(make, form=form),
        samples=samples(form),
        refusals=refusals(form),
        tolerance=TOLERANCE,
        workloads=WORKLOADS,
        output=None if form.in_place else _output,
        moves=moves,
        peers=partial(_peers, any_shape=form.any_shape),
        also_in=also_in,
    )

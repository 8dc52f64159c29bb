"""The rotary embedding of queries and keys, by a cache of cosines and sines."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._cached_rope_calls import CachedForm
from warpwright.elementwise._cached_rope_contract import cached_rope_contract
from warpwright.gradient import call, is_recorded

_apply_rope_with_cos_sin_cache = torch.ops.warpwright.apply_rope_with_cos_sin_cache.default


def apply_rope_with_cos_sin_cache(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return queries and keys with their pairs turned by cosines and sines that a cache has for each position.

    Pair ``(x, y)`` with the number ``i`` of a token becomes ``(x cos - y sin, y cos + x sin)``, in float32 with one
    rounding, with ``cos = cos_sin_cache[position, i]`` and ``sin = cos_sin_cache[position, rotary_dim / 2 + i]``.

    A position that the cache does not have, before its start or behind its end, gives NaN in place of what would be
    turned: positions are on the GPU, where no call can be refused, and nothing is read outside of the cache. Method: Su
    et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (arXiv:2104.09864).

    Parameters
    ----------
    positions
        ``(tokens,)``, int32 or int64, contiguous.
    query
        ``(tokens, heads * head_size)`` or ``(tokens, heads, head_size)``, float16, bfloat16 or float32. Tokens and
        heads may lie apart (a slice of a packed projection); the elements of a head are adjacent. Vectors of 16 bytes
        run fastest.
    key
        The same of keys, with a number of heads of their own, of the dtype of ``query``.
    head_size
        The elements of a head.
    cos_sin_cache
        ``(positions, rotary_dim)``, contiguous, float32: cosines in the first half of a row, sines in the second.
        ``rotary_dim`` elements of a head are turned, from the first on; the rest is copied.
    is_neox
        Whether a pair is ``(i, i + rotary_dim / 2)``, as by default; else it is two elements side by side, ``(2 i, 2 i
        + 1)``.

    Returns
    -------
    New contiguous tensors of the shapes and dtypes of ``query`` and ``key``. No tokens give empty ones.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(query, key, cos_sin_cache):
        marked: tuple[torch.Tensor, torch.Tensor] = call(
            _apply_rope_with_cos_sin_cache, positions, query, key, head_size, cos_sin_cache, is_neox
        )
        return marked
    found: tuple[torch.Tensor, torch.Tensor] = _apply_rope_with_cos_sin_cache(
        positions, query, key, head_size, cos_sin_cache, is_neox
    )
    return found


CONTRACT = cached_rope_contract(
    apply_rope_with_cos_sin_cache,
    CachedForm(),
    also_in=("rope",),
)

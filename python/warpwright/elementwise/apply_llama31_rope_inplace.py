"""Llama 3.1's rotary embedding of queries and keys of segments, by computed angles, in place."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._rope_contract import Form, rope_contract
from warpwright.gradient import is_recorded, write_all

_apply_llama31_rope_inplace = torch.ops.warpwright.apply_llama31_rope_inplace.default


def apply_llama31_rope_inplace(
    q: torch.Tensor,
    k: torch.Tensor,
    indptr: torch.Tensor,
    offsets: torch.Tensor,
    rotary_dim: int | None = None,
    interleave: bool = False,
    rope_scale: float = 8,
    rope_theta: float = 5e5,
    low_freq_factor: float = 1,
    high_freq_factor: float = 4,
    old_context_len: int = 8192,
) -> None:
    """Turn the pairs of queries and keys by angles that grow with their positions, in place.

    Pair ``(x, y)`` with the number ``i`` of a token becomes ``(x cos a - y sin a, y cos a + x sin a)`` with ``a =
    position * frequency[i]``, in float32 with one rounding. ``frequency[i]`` is ``f = rope_theta ** (-2 i /
    rotary_dim)`` where ``old_context_len`` positions hold ``high_freq_factor`` waves of it or more, ``f / rope_scale``
    where they hold ``low_freq_factor`` waves or fewer, and a blend between, whose part of ``f`` grows evenly with the
    waves.

    Frequencies and angles are computed in float64, and whole turns taken away there: a token at position five million
    is as exact as the first. Method: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding"
    (arXiv:2104.09864); the frequencies are those of Meta's published Llama 3.1 models.

    Parameters
    ----------
    q
        ``(tokens, heads, head_dim)``, float16, bfloat16 or float32. Tokens and heads may lie apart (a slice of a packed
        projection) but do not overlap; the elements of a head are adjacent. Vectors of 16 bytes run fastest.
    k
        ``(tokens, key_heads, head_dim)``, of the dtype of ``q``, in memory that ``q`` has no part of.
    indptr
        ``(segments + 1,)``, int32 or int64, contiguous, never falling: segment ``s`` is tokens ``indptr[s]`` to
        ``indptr[s + 1] - 1``. Tokens of no segment are left as they are.
    offsets
        ``(segments,)``, int32 or int64, contiguous: the position of each segment's first token.
    rotary_dim
        How many elements of a head are turned, from the first on, an even number; all by default. The rest is left as
        it is.
    interleave
        Whether a pair is two elements side by side, ``(2 i, 2 i + 1)``; by default it is ``(i, i + rotary_dim / 2)``.
    rope_scale
        What frequencies are divided by, more than zero.
    rope_theta
        The base of the frequencies, more than zero.
    low_freq_factor, high_freq_factor
        Waves in ``old_context_len`` positions: at most so many are scaled, at least so many are kept. Both are more
        than zero, the second more than the first.
    old_context_len
        The positions that the model was first trained for.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, number or device is wrong (the argument is named with both values), or the wheel has no
        code for the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(q, k):
        write_all(
            _apply_llama31_rope_inplace,
            {"q": q, "k": k},
            q,
            k,
            indptr,
            offsets,
            rotary_dim,
            interleave,
            rope_scale,
            rope_theta,
            low_freq_factor,
            high_freq_factor,
            old_context_len,
        )
    else:
        _apply_llama31_rope_inplace(
            q,
            k,
            indptr,
            offsets,
            rotary_dim,
            interleave,
            rope_scale,
            rope_theta,
            low_freq_factor,
            high_freq_factor,
            old_context_len,
        )


CONTRACT = rope_contract(
    apply_llama31_rope_inplace,
    Form(by_segments=True, llama31=True, in_place=True),
    also_in=("rope",),
)

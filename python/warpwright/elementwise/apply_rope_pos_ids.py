"""The rotary embedding of queries and keys of given positions, by computed angles."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.elementwise._rope_contract import Form, rope_contract
from warpwright.gradient import call, is_recorded

_apply_rope_pos_ids = torch.ops.warpwright.apply_rope_pos_ids.default


def apply_rope_pos_ids(
    q: torch.Tensor,
    k: torch.Tensor,
    pos_ids: torch.Tensor,
    rotary_dim: int | None = None,
    interleave: bool = False,
    rope_scale: float = 1,
    rope_theta: float = 1e4,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return queries and keys with their pairs turned by angles that grow with their positions.

    Pair ``(x, y)`` with the number ``i`` of a token becomes ``(x cos a - y sin a, y cos a + x sin a)`` with ``a =
    position * frequency[i]``, in float32 with one rounding. ``frequency[i]`` is ``rope_theta ** (-2 i / rotary_dim) /
    rope_scale``.

    Frequencies and angles are computed in float64, and whole turns taken away there: a token at position five million
    is as exact as the first. Method: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding"
    (arXiv:2104.09864).

    Parameters
    ----------
    q
        ``(tokens, heads, head_dim)``, float16, bfloat16 or float32. Tokens and heads may lie apart (a slice of a packed
        projection); the elements of a head are adjacent. Vectors of 16 bytes run fastest.
    k
        ``(tokens, key_heads, head_dim)``, of the dtype of ``q``.
    pos_ids
        ``(tokens,)``, int32 or int64, contiguous: the position of each token, of either sign.
    rotary_dim
        How many elements of a head are turned, from the first on, an even number; all by default. The rest is copied.
    interleave
        Whether a pair is two elements side by side, ``(2 i, 2 i + 1)``; by default it is ``(i, i + rotary_dim / 2)``.
    rope_scale
        What frequencies are divided by, more than zero.
    rope_theta
        The base of the frequencies, more than zero.

    Returns
    -------
    New contiguous tensors of the shapes and dtypes of ``q`` and ``k``. No tokens give empty ones.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride, number or device is wrong (the argument is named with both values), or the wheel has no
        code for the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(q, k):
        marked: tuple[torch.Tensor, torch.Tensor] = call(
            _apply_rope_pos_ids, q, k, pos_ids, rotary_dim, interleave, rope_scale, rope_theta
        )
        return marked
    found: tuple[torch.Tensor, torch.Tensor] = _apply_rope_pos_ids(
        q, k, pos_ids, rotary_dim, interleave, rope_scale, rope_theta
    )
    return found


CONTRACT = rope_contract(
    apply_rope_pos_ids,
    Form(),
    also_in=("rope",),
)

"""The order of weights of 4 bits: GPTQ's and AWQ's words, and Marlin's order (Frantar et al., arXiv:2408.11743).

Marlin's order is that of include/warpwright/quantization/marlin_layout.h; here it is a permutation of indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

BITS = 4
ZERO_POINT = 8
"""Of weights that have none of their own."""
PACKED_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)
"""The column of eight that a nibble holds, in AWQ's words and in Marlin's."""


@lru_cache(maxsize=1)
def tile_order() -> list[int]:
    """Return, for each nibble of a tile of 16 x 64 weights in Marlin's order, the weight's index in the tile."""
    index = []
    for lane in range(32):
        for j in range(4):
            for element in PACKED_COLUMNS:
                row = 2 * (lane % 4) + element % 2 + 8 * (element // 2 % 2)
                index.append(64 * row + 16 * j + lane // 4 + 8 * (element // 4))
    return index


def grouped_scale_order() -> list[int]:
    """Return the column that each of 64 scales stands for, where there is a scale for each group of k."""
    return [i + 8 * j for i in range(8) for j in range(8)]


def single_scale_order() -> list[int]:
    """Return the column that each of 32 scales stands for, where one serves all of k."""
    return [2 * i + j for i in range(4) for j in (0, 1, 8, 9, 16, 17, 24, 25)]


def _shifts(like: torch.Tensor) -> torch.Tensor:
    """Return the first bit of each nibble of a word, beside a tensor and in its dtype."""
    return torch.arange(0, 32, BITS, dtype=like.dtype, device=like.device)


def index_beside(order: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    """Return an order as a tensor beside another one; the default device may be any."""
    return torch.tensor(order, dtype=torch.int64, device=like.device)


def unpack(words: torch.Tensor) -> torch.Tensor:
    """Return the nibbles of ``(..., W)`` words as ``(..., 8 W)`` int32, the lowest first."""
    return ((words.unsqueeze(-1) >> _shifts(words)) & 15).flatten(-2)


def pack(nibbles: torch.Tensor) -> torch.Tensor:
    """Return ``(..., 8 W)`` numbers below 16 as ``(..., W)`` words."""
    wide = (nibbles.to(torch.int64) & 15).unflatten(-1, (-1, 8))
    wide = wide << _shifts(wide)
    return wide.sum(-1).where(wide.sum(-1) < 2**31, wide.sum(-1) - 2**32).to(torch.int32)


def to_marlin(weights: torch.Tensor) -> torch.Tensor:
    """Pack ``(K, N)`` numbers below 16 into Marlin's order: ``(K / 16, 2 N)`` words."""
    k, n = weights.shape
    tiles = weights.reshape(k // 16, 16, n // 64, 64).transpose(1, 2).reshape(-1, 1024)
    return pack(tiles[:, index_beside(tile_order(), weights)]).reshape(k // 16, 2 * n)


def from_marlin(words: torch.Tensor) -> torch.Tensor:
    """Return the ``(K, N)`` numbers below 16 of weights in Marlin's order."""
    k, n = 16 * words.shape[0], words.shape[1] // 2
    tiles = torch.empty((k * n // 1024, 1024), dtype=torch.int32, device=words.device)
    tiles[:, index_beside(tile_order(), words)] = unpack(words.reshape(-1, 128))
    return tiles.reshape(k // 16, n // 64, 16, 64).transpose(1, 2).reshape(k, n)


def from_awq(words: torch.Tensor) -> torch.Tensor:
    """Return the columns of AWQ's words in their own order."""
    order = index_beside(PACKED_COLUMNS, words).argsort()
    return unpack(words).unflatten(-1, (-1, 8))[..., order].flatten(-2)


def dequantize(
    weights: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | int,
    groups: torch.Tensor,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the weights in full; ``groups`` has the group of each row, and a row of none is NaN."""
    there = (groups >= 0) & (groups < scales.shape[0])
    of_row = groups.where(there, 0).long()
    of_zero = zeros[of_row] if isinstance(zeros, torch.Tensor) else zeros
    each = scales.to(wide)[of_row].masked_fill(~there.unsqueeze(1), torch.nan)
    return (weights - of_zero).to(wide) * each


def equal_groups(rows: int, groups: int, like: torch.Tensor) -> torch.Tensor:
    """Return the group of each row where all groups are of equal size, in order."""
    return torch.arange(rows, device=like.device) // max(rows // groups, 1)

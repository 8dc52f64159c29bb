"""Weights of 4 bits as checkpoints have them, and in Marlin's order as it was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

import warpwright

K, N = 128, 192
KINDS = ["uint4b8", "uint4"]


@dataclass(frozen=True)
class Kind:
    id: int


def weights() -> torch.Tensor:
    return torch.randint(0, 16, (K, N), dtype=torch.int32)


def pack(numbers: torch.Tensor) -> torch.Tensor:
    """Pack eight numbers of a row into each word, the first in the lowest bits."""
    words = sum(numbers[:, i::8].long() << 4 * i for i in range(8))
    assert isinstance(words, torch.Tensor)
    return (words - (words >> 31 << 32)).int()


def gptq_words(numbers: torch.Tensor) -> torch.Tensor:
    return pack(numbers.t()).t().contiguous()


def awq_words(numbers: torch.Tensor) -> torch.Tensor:
    return pack(numbers.reshape(-1, 8)[:, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(numbers.shape))


def published_order() -> list[int]:
    """The permutation of 1024 weights, four blocks of 16 x 16, as tools that prepare Marlin's checkpoints define it."""
    order = []
    for i in range(32):
        rows = [2 * (i % 4), 2 * (i % 4) + 1, 2 * (i % 4 + 4), 2 * (i % 4 + 4) + 1]
        block = [16 * row + i // 4 + 8 * half for half in (0, 1) for row in rows]
        for j in range(4):
            order += [block[e] + 256 * j for e in (0, 2, 4, 6, 1, 3, 5, 7)]
    return order


def published_marlin(numbers: torch.Tensor) -> torch.Tensor:
    blocks = numbers.reshape(K // 16, 16, N // 16, 16).transpose(1, 2).reshape(-1, 1024)
    return pack(blocks[:, published_order()].reshape(K // 16, 16 * N))


def problem(m: int, group: int, kind: str, dtype: torch.dtype = torch.float16) -> tuple[dict[str, Any], torch.Tensor]:
    """Return the arguments of a product, and what it is in float64."""
    groups = 1 if group == -1 else K // group
    numbers, a = weights(), torch.randn(m, K).to(dtype)
    scales, zeros = (torch.rand(groups, N) / 16).to(dtype), torch.randint(0, 16, (groups, N), dtype=torch.int32)
    offsets = zeros if kind == "uint4" else torch.full_like(zeros, 8)
    rows = K // groups
    wide = (numbers - offsets.repeat_interleave(rows, 0)).float() * scales.float().repeat_interleave(rows, 0)
    arguments = {
        "a": a, "c": None, "b_q_weight": published_marlin(numbers),
        "b_scales": warpwright.marlin_permute_scales(scales, K, N, group), "global_scale": None,
        "b_zeros": warpwright.marlin_zero_points(zeros, groups, N, 4) if kind == "uint4" else None,
        "g_idx": None, "perm": None, "workspace": None, "b_q_type": kind, "size_m": m, "size_n": N, "size_k": K,
    }  # fmt: skip
    return arguments, a.double() @ wide.to(dtype).double()


def close(out: torch.Tensor, expected: torch.Tensor) -> None:
    """Allow the last rounding, and float32's in the sum."""
    torch.testing.assert_close(out.double(), expected, rtol=2**-10, atol=2**-16)

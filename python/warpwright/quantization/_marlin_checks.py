"""The checks of weights of 4 bits, which their operators share."""

from __future__ import annotations

import torch

from warpwright.checks import (
    FLOAT16_TYPES,
    Size,
    any_of,
    check,
    check_aligned,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_multiple,
    check_numel,
    check_same_device,
    check_size,
    known,
)
from warpwright.quantization._marlin_order import BITS

MOST = 2**30
"""Rows, and columns, of weights in Marlin's order."""


def check_repack(words: torch.Tensor, rows: Size, columns: Size, size_k: Size, size_n: Size, num_bits: int) -> None:
    """Refuse what the repack functions cannot take."""
    check(any_of(size_k >= 0), f"size_k and size_n are {size_k} and {size_n}, expected none below 0")
    check(any_of(size_n >= 0), f"size_k and size_n are {size_k} and {size_n}, expected none below 0")
    check_multiple("size_k", size_k, 16)
    check_multiple("size_n", size_n, 64)
    check_at_most("size_k", size_k, MOST, "more rows are not supported")
    check_at_most("size_n", size_n, MOST, "more columns are not supported")
    check(num_bits == BITS, f"num_bits is {num_bits}, expected 4: weights of 8 bits are not supported")
    check_dtype("b_q_weight", words.dtype, torch.int32)
    check_dim("b_q_weight", words, 2)
    check_size("b_q_weight", words, 0, rows, "by size_k")
    check_size("b_q_weight", words, 1, columns, "by size_n")
    check_contiguous("b_q_weight", words)


def check_index(name: str, index: torch.Tensor, weights: torch.Tensor, k: Size, why: str) -> None:
    """Refuse what is no list of numbers for the rows of weights; their values are not looked at."""
    check_same_device(name, index, "b_q_weight", weights)
    check_dtype(name, index.dtype, torch.int32)
    check_numel(name, index, k, why)
    check_contiguous(name, index)


def check_marlin(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> tuple[Size, Size]:
    """Refuse weights that are not in Marlin's order; return their K and N."""
    check_dtype("b_q_weight", b_q_weight.dtype, torch.int32)
    check_dim("b_q_weight", b_q_weight, 2)
    check_contiguous("b_q_weight", b_q_weight)
    check_aligned("b_q_weight", b_q_weight, 16)
    check_same_device("b_scales", b_scales, "b_q_weight", b_q_weight)
    check_dtype("b_scales", b_scales.dtype, *FLOAT16_TYPES)
    check_dim("b_scales", b_scales, 2)
    check_contiguous("b_scales", b_scales)
    check_aligned("b_scales", b_scales, 16)
    k, n, groups = 16 * b_q_weight.shape[0], b_q_weight.shape[1] // 2, b_scales.shape[0]
    check_multiple("2 N, the columns of b_q_weight,", b_q_weight.shape[1], 128)
    check_at_most("K, 16 times the rows of b_q_weight,", k, MOST, "more rows are not supported")
    check_at_most("N, half of the columns of b_q_weight,", n, MOST, "more columns are not supported")
    check_size("b_scales", b_scales, 1, n, "half of the columns of b_q_weight")
    check(groups > 0, "b_scales has no row, expected one for each group of K")
    if g_idx is None and not known(groups == 1):
        check(
            any_of(groups == 1, k % (16 * groups) == 0),
            f"b_scales has {groups} groups for K {k}, expected groups of a multiple of 16 rows: of 32, 64 or 128, or "
            "one of all",
        )
    if b_zeros is not None:
        _check_zeros(b_zeros, b_q_weight, groups, n)
    if g_idx is not None:
        check_index("g_idx", g_idx, b_q_weight, k, "the group of each row of the weights")
    return k, n


def _check_zeros(b_zeros: torch.Tensor, b_q_weight: torch.Tensor, groups: Size, n: Size) -> None:
    check_same_device("b_zeros", b_zeros, "b_q_weight", b_q_weight)
    check_dtype("b_zeros", b_zeros.dtype, torch.int32)
    check_dim("b_zeros", b_zeros, 2)
    check_size("b_zeros", b_zeros, 0, groups, "one row for each group, as b_scales has")
    check_size("b_zeros", b_zeros, 1, n // 8, "eight zero points in each word")
    check_contiguous("b_zeros", b_zeros)
    check_aligned("b_zeros", b_zeros, 16)

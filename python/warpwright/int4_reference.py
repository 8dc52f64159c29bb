"""The CPU references of the operators on 4-bit weights, their checks and their fake kernels.

Marlin's order is that of include/warpwright/quantization/marlin_layout.h; here it is a permutation of indices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch

from warpwright.checks import (
    FLOAT16_TYPES,
    Size,
    any_of,
    check,
    check_aligned,
    check_apart,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_multiple,
    check_numel,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
    out_row_stride,
    row_stride,
    rows_of,
    span_of,
)
from warpwright.reference import register_reference

BITS = 4
MOST = 2**30
"""Rows, and columns, of weights in Marlin's order."""
PACKED_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)
"""The column of eight that a nibble holds, in AWQ's words and in Marlin's."""
ZERO_POINT = 8


@lru_cache(maxsize=1)
def tile_order() -> list[int]:
    """Give, for each nibble of a tile of 16 x 64 weights in Marlin's order, the weight's index in the tile."""
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


def _index(order: Sequence[int], like: torch.Tensor) -> torch.Tensor:
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
    return pack(tiles[:, _index(tile_order(), weights)]).reshape(k // 16, 2 * n)


def from_marlin(words: torch.Tensor) -> torch.Tensor:
    """Return the ``(K, N)`` numbers below 16 of weights in Marlin's order."""
    k, n = 16 * words.shape[0], words.shape[1] // 2
    tiles = torch.empty((k * n // 1024, 1024), dtype=torch.int32, device=words.device)
    tiles[:, _index(tile_order(), words)] = unpack(words.reshape(-1, 128))
    return tiles.reshape(k // 16, n // 64, 16, 64).transpose(1, 2).reshape(k, n)


def _dequantize(
    weights: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | int, groups: torch.Tensor
) -> torch.Tensor:
    """Return the weights in full; ``groups`` has the group of each row, and a row of none is NaN."""
    there = (groups >= 0) & (groups < scales.shape[0])
    of_row = groups.where(there, 0).long()
    wide = zeros[of_row] if isinstance(zeros, torch.Tensor) else zeros
    each = scales.float()[of_row].masked_fill(~there.unsqueeze(1), torch.nan)
    return ((weights - wide).float() * each).to(scales.dtype)


def _equal_groups(rows: int, groups: int, like: torch.Tensor) -> torch.Tensor:
    """Return the group of each row where all groups are of equal size, in order."""
    return torch.arange(rows, device=like.device) // max(rows // groups, 1)


def _from_awq(words: torch.Tensor) -> torch.Tensor:
    """Return the columns of AWQ's words in their own order."""
    order = _index(PACKED_COLUMNS, words).argsort()
    return unpack(words).unflatten(-1, (-1, 8))[..., order].flatten(-2)


def check_awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> None:
    """Refuse what awq_dequantize cannot take."""
    for name, words in (("qweight", qweight), ("qzeros", qzeros)):
        check_same_device(name, words, "qweight", qweight)
        check_dim(name, words, 2)
        check_dtype(name, words.dtype, torch.int32)
        check_contiguous(name, words)
    check_same_device("scales", scales, "qweight", qweight)
    check_dim("scales", scales, 2)
    check_dtype("scales", scales.dtype, *FLOAT16_TYPES)
    check_contiguous("scales", scales)
    check_aligned("scales", scales, 16)
    (k, words_n), groups = qweight.shape, scales.shape[0]
    check_at_most("K, the rows of qweight,", k, MOST, "more rows are not supported")
    check_at_most("N, eight times the columns of qweight,", 8 * words_n, MOST, "more columns are not supported")
    check_size("scales", scales, 1, 8 * words_n, "eight times the columns of qweight")
    check_size("qzeros", qzeros, 0, groups, "one row for each group, as scales has")
    check_size("qzeros", qzeros, 1, words_n, "the columns of qweight")
    words = f"scales has {groups} rows for {k} rows of qweight, expected groups of equal size"
    check(groups > 0, words)
    check(k % groups == 0, words)


def awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    """Return ``(weight - zero) * scale`` in the dtype of the scales."""
    check_awq_dequantize(qweight, scales, qzeros)
    groups = _equal_groups(qweight.shape[0], scales.shape[0], qweight)
    return _dequantize(_from_awq(qweight), scales, _from_awq(qzeros), groups)


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


def check_gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: Size, size_n: Size, num_bits: int
) -> None:
    """Refuse what gptq_marlin_repack cannot take."""
    check_repack(b_q_weight, size_k // 8, size_n, size_k, size_n, num_bits)
    if not known(perm.numel() == 0):
        check_index("perm", perm, b_q_weight, size_k, "one for each row of k, or none")


def gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    """Return GPTQ's words in Marlin's order, their rows permuted."""
    check_gptq_marlin_repack(b_q_weight, perm, size_k, size_n, num_bits)
    weights = unpack(b_q_weight.t()).t()
    if perm.numel() == 0:
        return to_marlin(weights)
    outside = ((perm < 0) | (perm >= size_k)).flatten().nonzero()
    if outside.numel() and weights.numel():
        at = int(outside[0])
        found = int(perm.flatten()[at])
        raise RuntimeError(f"perm has {found} at position {at}, expected a row of the weights: 0 to {size_k - 1}")
    return to_marlin(weights[perm.flatten().long()])


def check_awq_marlin_repack(b_q_weight: torch.Tensor, size_k: Size, size_n: Size, num_bits: int) -> None:
    """Refuse what awq_marlin_repack cannot take."""
    check_repack(b_q_weight, size_k, size_n // 8, size_k, size_n, num_bits)


def awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Return AWQ's words in Marlin's order."""
    check_awq_marlin_repack(b_q_weight, size_k, size_n, num_bits)
    return to_marlin(_from_awq(b_q_weight))


def check_marlin(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> tuple[Size, Size]:
    """Refuse weights that are not in Marlin's order; give their K and N."""
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


def gptq_marlin_dequantize(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> torch.Tensor:
    """Return ``(weight - zero) * scale`` as a ``(K, N)`` matrix; a row whose group is not there is NaN."""
    check_marlin(b_q_weight, b_scales, b_zeros, g_idx)
    order = _index(grouped_scale_order() if b_scales.shape[0] > 1 else single_scale_order(), b_scales)
    scales = b_scales.unflatten(1, (-1, len(order)))[..., order.argsort()].flatten(1)
    zeros: torch.Tensor | int = ZERO_POINT
    if b_zeros is not None:
        grouped = _index(grouped_scale_order(), b_zeros).argsort()
        zeros = _from_awq(b_zeros).unflatten(1, (-1, 64))[..., grouped].flatten(1)
    weights = from_marlin(b_q_weight)
    groups = _equal_groups(weights.shape[0], scales.shape[0], weights) if g_idx is None else g_idx.flatten()
    return _dequantize(weights, scales, zeros, groups)


def check_gptq_marlin_gemm(
    out: torch.Tensor,
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
) -> None:
    """Refuse what gptq_marlin_gemm cannot take."""
    k, n = check_marlin(b_q_weight, b_scales, b_zeros, g_idx)
    for name, matrix in (("a", a), ("out", out)):
        check_same_device(name, matrix, "b_q_weight", b_q_weight)
    for name, matrix in (("a", a), ("out", out)):
        check_same_dtype(name, matrix, "b_scales", b_scales)
    for name, matrix in (("a", a), ("out", out)):
        check_dim(name, matrix, 2)
    check_size("a", a, 1, k, "16 times the rows of b_q_weight")
    check_size("out", out, 0, a.shape[0], "the rows of a")
    check_size("out", out, 1, n, "half of the columns of b_q_weight")
    check_inner_stride("a", a)
    check_inner_stride("out", out)
    if perm is not None:
        check_index("perm", perm, b_q_weight, k, "one for each column of a")
    if known(out.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    given = {"b_q_weight": b_q_weight, "b_scales": b_scales, "b_zeros": b_zeros, "g_idx": g_idx, "perm": perm}
    inputs = [(name, span_of(tensor)) for name, tensor in given.items() if tensor is not None]
    check_apart("out", out_rows, [("a", rows_of(a, row_stride("a", a))), *inputs])


def gather_columns(a: torch.Tensor, perm: torch.Tensor) -> torch.Tensor:
    """Return ``a[:, perm]``, with NaN for a column that ``a`` does not have."""
    columns = perm.flatten().long()
    there = (columns >= 0) & (columns < a.shape[1])
    return a[:, columns.where(there, 0)].masked_fill(~there, torch.nan)


def gptq_marlin_gemm(
    out: torch.Tensor,
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
) -> None:
    """Write the product of ``a`` and the dequantised weights, with its sum in float32."""
    check_gptq_marlin_gemm(out, a, b_q_weight, b_scales, b_zeros, g_idx, perm)
    ordered = a if perm is None else gather_columns(a, perm)
    out.copy_(ordered.float() @ gptq_marlin_dequantize(b_q_weight, b_scales, b_zeros, g_idx).float())


def _fake_awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    check_awq_dequantize(qweight, scales, qzeros)
    return scales.new_empty((qweight.shape[0], scales.shape[1]))


def _fake_gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    check_gptq_marlin_repack(b_q_weight, perm, size_k, size_n, num_bits)
    return b_q_weight.new_empty((size_k // 16, 2 * size_n))


def _fake_awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    check_awq_marlin_repack(b_q_weight, size_k, size_n, num_bits)
    return b_q_weight.new_empty((size_k // 16, 2 * size_n))


def _fake_gptq_marlin_dequantize(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> torch.Tensor:
    return b_scales.new_empty(check_marlin(b_q_weight, b_scales, b_zeros, g_idx))


FAKES: dict[Callable[..., Any], Callable[..., Any]] = {
    awq_dequantize: _fake_awq_dequantize,
    gptq_marlin_repack: _fake_gptq_marlin_repack,
    awq_marlin_repack: _fake_awq_marlin_repack,
    gptq_marlin_dequantize: _fake_gptq_marlin_dequantize,
    gptq_marlin_gemm: check_gptq_marlin_gemm,
}


def register() -> None:
    """Register the references for tensors on the CPU, and the fake kernels."""
    for function, fake in FAKES.items():
        register_reference(function)
        torch.library.register_fake(f"warpwright::{function.__name__}", fake)

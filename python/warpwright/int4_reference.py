"""The CPU references of the operators on 4-bit weights, their checks and their fake kernels.

Marlin's order is that of include/warpwright/quantization/marlin_layout.h; here it is a permutation of indices.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from warpwright.reference import FLOAT16_TYPES, _check, _check_dtype, _check_shape

NIBBLES = torch.arange(0, 32, 4, dtype=torch.int32)
PACKED_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)
"""The column of eight that a nibble holds, in AWQ's words and in Marlin's."""
ZERO_POINT = 8


@lru_cache(maxsize=1)
def tile_order() -> torch.Tensor:
    """Give, for each nibble of a tile of 16 x 64 weights in Marlin's order, the weight's index in the tile."""
    index = []
    for lane in range(32):
        for j in range(4):
            for element in PACKED_COLUMNS:
                row = 2 * (lane % 4) + element % 2 + 8 * (element // 2 % 2)
                index.append(64 * row + 16 * j + lane // 4 + 8 * (element // 4))
    return torch.tensor(index)


def grouped_scale_order() -> list[int]:
    """Give the column that each of 64 scales stands for, where there is a scale for each group of k."""
    return [i + 8 * j for i in range(8) for j in range(8)]


def single_scale_order() -> list[int]:
    """Give the column that each of 32 scales stands for, where one serves all of k."""
    return [2 * i + j for i in range(4) for j in (0, 1, 8, 9, 16, 17, 24, 25)]


def unpack(words: torch.Tensor) -> torch.Tensor:
    """Give the nibbles of ``(..., W)`` words as ``(..., 8 W)`` int32, the lowest first."""
    return ((words.unsqueeze(-1) >> NIBBLES.to(words.device)) & 15).flatten(-2)


def pack(nibbles: torch.Tensor) -> torch.Tensor:
    """Give ``(..., 8 W)`` numbers below 16 as ``(..., W)`` words."""
    wide = nibbles.to(torch.int64).unflatten(-1, (-1, 8)) << NIBBLES.to(nibbles.device, torch.int64)
    return wide.sum(-1).where(wide.sum(-1) < 2**31, wide.sum(-1) - 2**32).to(torch.int32)


def to_marlin(weights: torch.Tensor) -> torch.Tensor:
    """Pack ``(K, N)`` numbers below 16 into Marlin's order: ``(K / 16, 2 N)`` words."""
    k, n = weights.shape
    tiles = weights.reshape(k // 16, 16, n // 64, 64).transpose(1, 2).reshape(-1, 1024)
    return pack(tiles[:, tile_order().to(weights.device)]).reshape(k // 16, 2 * n)


def from_marlin(words: torch.Tensor) -> torch.Tensor:
    """Give the ``(K, N)`` numbers below 16 of weights in Marlin's order."""
    k, n = 16 * words.shape[0], words.shape[1] // 2
    tiles = torch.empty((k * n // 1024, 1024), dtype=torch.int32, device=words.device)
    tiles[:, tile_order().to(words.device)] = unpack(words.reshape(-1, 128))
    return tiles.reshape(k // 16, n // 64, 16, 64).transpose(1, 2).reshape(k, n)


def _dequantize(
    weights: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | int, dtype: torch.dtype
) -> torch.Tensor:
    rows = weights.shape[0] // scales.shape[0]
    wide = zeros.repeat_interleave(rows, 0) if isinstance(zeros, torch.Tensor) else zeros
    return ((weights - wide).float() * scales.float().repeat_interleave(rows, 0)).to(dtype)


def _from_awq(words: torch.Tensor) -> torch.Tensor:
    """Give the columns of AWQ's words in their own order."""
    order = torch.tensor(PACKED_COLUMNS, device=words.device).argsort()
    return unpack(words).unflatten(-1, (-1, 8))[..., order].flatten(-2)


def check_awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> None:
    """Refuse what awq_dequantize cannot take."""
    for name, words in (("qweight", qweight), ("qzeros", qzeros)):
        _check_dtype(name, words.dtype, (torch.int32,))
    _check_dtype("scales", scales.dtype, FLOAT16_TYPES)
    (k, words_n), groups = qweight.shape, scales.shape[0]
    _check_shape("scales", scales.shape, (groups, 8 * words_n), "eight times the columns of qweight")
    _check_shape("qzeros", qzeros.shape, (groups, words_n), "one row for each group, as scales has")
    _check(groups > 0 and k % groups == 0, f"scales has {groups} rows for {k} rows of qweight, expected equal groups")


def awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    """Give ``(weight - zero) * scale`` in the dtype of the scales."""
    check_awq_dequantize(qweight, scales, qzeros)
    return _dequantize(_from_awq(qweight), scales, _from_awq(qzeros), scales.dtype)


def check_repack(words: torch.Tensor, rows: int, columns: int, size_k: int, size_n: int, num_bits: int) -> None:
    """Refuse what the repack functions cannot take."""
    _check(size_k % 16 == 0, f"size_k is {size_k}, expected a multiple of 16")
    _check(size_n % 64 == 0, f"size_n is {size_n}, expected a multiple of 64")
    _check(num_bits == 4, f"num_bits is {num_bits}, expected 4: weights of 8 bits are not supported")
    _check_dtype("b_q_weight", words.dtype, (torch.int32,))
    _check_shape("b_q_weight", words.shape, (rows, columns), "by size_k and size_n")


def gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    """Give GPTQ's words in Marlin's order, their rows permuted."""
    check_repack(b_q_weight, size_k // 8, size_n, size_k, size_n, num_bits)
    weights = unpack(b_q_weight.t()).t()
    return to_marlin(weights[perm.long()] if perm.numel() else weights)


def awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Give AWQ's words in Marlin's order."""
    check_repack(b_q_weight, size_k, size_n // 8, size_k, size_n, num_bits)
    return to_marlin(_from_awq(b_q_weight))


def check_marlin(b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None) -> tuple[int, int]:
    """Refuse weights that are not in Marlin's order; give their K and N."""
    _check_dtype("b_q_weight", b_q_weight.dtype, (torch.int32,))
    _check_dtype("b_scales", b_scales.dtype, FLOAT16_TYPES)
    k, n, groups = 16 * b_q_weight.shape[0], b_q_weight.shape[1] // 2, b_scales.shape[0]
    _check(n % 64 == 0, f"N, half of the columns of b_q_weight, is {n}, expected a multiple of 64")
    _check_shape("b_scales", b_scales.shape, (groups, n), "half of the columns of b_q_weight")
    whole = groups == 1 or (groups > 0 and k % (16 * groups) == 0)
    _check(whole, f"b_scales has {groups} groups for K {k}, expected groups of a multiple of 16 rows")
    if b_zeros is not None:
        _check_dtype("b_zeros", b_zeros.dtype, (torch.int32,))
        _check_shape("b_zeros", b_zeros.shape, (groups, n // 8), "eight zero points in each word")
    return k, n


def gptq_marlin_dequantize(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None
) -> torch.Tensor:
    """Give ``(weight - zero) * scale`` as a ``(K, N)`` matrix."""
    check_marlin(b_q_weight, b_scales, b_zeros)
    order = torch.tensor(grouped_scale_order() if b_scales.shape[0] > 1 else single_scale_order())
    scales = b_scales.unflatten(1, (-1, len(order)))[..., order.argsort()].flatten(1)
    zeros: torch.Tensor | int = ZERO_POINT
    if b_zeros is not None:
        grouped = torch.tensor(grouped_scale_order()).argsort()
        zeros = _from_awq(b_zeros).unflatten(1, (-1, 64))[..., grouped].flatten(1)
    return _dequantize(from_marlin(b_q_weight), scales, zeros, b_scales.dtype)


def check_gptq_marlin_gemm(
    out: torch.Tensor,
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
) -> None:
    """Refuse what gptq_marlin_gemm cannot take."""
    k, n = check_marlin(b_q_weight, b_scales, b_zeros)
    for name, matrix in (("a", a), ("out", out)):
        _check_dtype(name, matrix.dtype, (b_scales.dtype,))
    _check_shape("a", a.shape, (a.shape[0], k), "16 times the rows of b_q_weight")
    _check_shape("out", out.shape, (a.shape[0], n), "the rows of a, half of the columns of b_q_weight")


def gptq_marlin_gemm(
    out: torch.Tensor,
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
) -> None:
    """Write the product of ``a`` and the dequantised weights, with its sum in float32."""
    check_gptq_marlin_gemm(out, a, b_q_weight, b_scales, b_zeros)
    out.copy_(a.float() @ gptq_marlin_dequantize(b_q_weight, b_scales, b_zeros).float())


def _fake_awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    check_awq_dequantize(qweight, scales, qzeros)
    return scales.new_empty((qweight.shape[0], scales.shape[1]))


def _fake_gptq_marlin_repack(
    b_q_weight: torch.Tensor,
    perm: torch.Tensor,  # noqa: ARG001 - the schema's
    size_k: int,
    size_n: int,
    num_bits: int,
) -> torch.Tensor:
    check_repack(b_q_weight, size_k // 8, size_n, size_k, size_n, num_bits)
    return b_q_weight.new_empty((size_k // 16, 2 * size_n))


def _fake_awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    check_repack(b_q_weight, size_k, size_n // 8, size_k, size_n, num_bits)
    return b_q_weight.new_empty((size_k // 16, 2 * size_n))


def _fake_gptq_marlin_dequantize(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None
) -> torch.Tensor:
    return b_scales.new_empty(check_marlin(b_q_weight, b_scales, b_zeros))


FAKES = {
    awq_dequantize: _fake_awq_dequantize,
    gptq_marlin_repack: _fake_gptq_marlin_repack,
    awq_marlin_repack: _fake_awq_marlin_repack,
    gptq_marlin_dequantize: _fake_gptq_marlin_dequantize,
    gptq_marlin_gemm: check_gptq_marlin_gemm,
}


def register() -> None:
    """Register the references for tensors on the CPU, and the fake kernels."""
    for function, fake in FAKES.items():
        torch.library.impl(f"warpwright::{function.__name__}", "CPU", function)
        torch.library.register_fake(f"warpwright::{function.__name__}", fake)

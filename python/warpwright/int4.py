"""Matrix products with weights of 4 bits (W4A16), and what brings checkpoints into the order that they read.

The order is Marlin's (Frantar et al., arXiv:2408.11743). A call needs weights from one of the repack functions, scales
from `marlin_permute_scales` and zero points, where there are any, from `marlin_zero_points`.
"""

from __future__ import annotations

from typing import Protocol

import torch

from warpwright import int4_reference as reference

_ops = torch.ops.warpwright

FEW_TOKENS = 128
"""Up to here the product streams 4-bit weights; beyond, it is faster to dequantise them once and to multiply then."""

UINT4, UINT4B8 = "uint4", "uint4b8"


class ScalarType(Protocol):
    """A number format as the peers describe it: its bits are in ``id``."""

    @property
    def id(self) -> int:
        """Exponent bits in the lowest 8 bits, mantissa bits in the next 8, a sign bit, and a bias of 32 bits."""
        ...


def awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    """Give AWQ weights in full: ``out[k, n] = (weight - zero) * scale`` of the group of k, rounded once.

    Parameters
    ----------
    qweight
        ``(K, N / 8)`` int32, contiguous; a word holds eight columns, in its nibbles the columns 0 2 4 6 1 3 5 7.
    scales
        ``(groups, N)`` float16 or bfloat16, contiguous; K is a multiple of groups.
    qzeros
        ``(groups, N / 8)`` int32, contiguous, packed as qweight.

    Returns
    -------
    A new ``(K, N)`` tensor in the dtype of the scales.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong; the argument is named with both values.
    """
    return _ops.awq_dequantize.default(qweight, scales, qzeros)


def gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    """Bring GPTQ weights into Marlin's order.

    Parameters
    ----------
    b_q_weight
        ``(size_k / 8, size_n)`` int32, contiguous; a word holds eight rows of k.
    perm
        ``size_k`` int32: the row that each row of the result takes (``argsort(g_idx)``); empty for none.
    size_k, size_n
        Multiples of 16 and of 64.
    num_bits
        4.

    Returns
    -------
    A new ``(size_k / 16, 2 * size_n)`` int32 tensor.

    Raises
    ------
    RuntimeError
        A size, dtype, shape or device is wrong; the argument is named with both values.
    """
    return _ops.gptq_marlin_repack.default(b_q_weight, perm, size_k, size_n, num_bits)


def awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Bring AWQ weights, ``(size_k, size_n / 8)`` int32, into Marlin's order; as `gptq_marlin_repack` otherwise."""
    return _ops.awq_marlin_repack.default(b_q_weight, size_k, size_n, num_bits)


def marlin_permute_scales(s: torch.Tensor, size_k: int, size_n: int, group_size: int) -> torch.Tensor:
    """Bring scales ``(groups, size_n)`` into Marlin's order; ``group_size`` is -1 for one scale for all of k."""
    one = group_size in (-1, size_k)
    order = reference.single_scale_order() if one else reference.grouped_scale_order()
    return s.reshape(-1, len(order))[:, order].reshape(-1, size_n).contiguous()


def marlin_zero_points(zp: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Bring zero points ``(groups, size_n)`` into Marlin's order, ``(groups, size_n / 8)``; ``size_k`` is groups."""
    if num_bits != 4:
        raise ValueError(f"num_bits is {num_bits}, expected 4: weights of 8 bits are not supported")
    grouped = zp.reshape(-1, 64)[:, reference.grouped_scale_order()]
    words = grouped.reshape(-1, 8)[:, reference.PACKED_COLUMNS]
    return reference.pack(words.reshape(size_k, size_n))


def gptq_marlin_gemm(
    a: torch.Tensor,
    c: torch.Tensor | None,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    global_scale: torch.Tensor | None,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
    workspace: torch.Tensor | None,  # noqa: ARG001 - the peers' kernels keep locks in it; none are needed here
    b_q_type: ScalarType | str,
    size_m: int,
    size_n: int,
    size_k: int,
    is_k_full: bool = True,
    use_atomic_add: bool = False,  # noqa: ARG001 - the sum is always in float32 and in a fixed order
    use_fp32_reduce: bool = False,  # noqa: ARG001
    is_zp_float: bool = False,
) -> torch.Tensor:
    """Multiply by weights of 4 bits: ``out[m, n] = cast(sum_k(a[m, k] * w[k, n]))``, ``w = (weight - zero) * scale``.

    ``w`` is rounded to the dtype of ``a``, the sum is float32. Up to 128 tokens the weights are streamed as they are
    (SM 8.0 and newer); for more tokens, and on SM 7.5, they are dequantised first, which needs ``2 * K * N`` bytes.

    Parameters
    ----------
    a
        ``(size_m, size_k)`` float16 or bfloat16; rows may be those of a wider matrix. On a GPU they start at a multiple
        of 16 bytes, and their stride is a multiple of 8.
    c
        ``(size_m, size_n)`` of the same dtype, to be written and returned; a new one where it is None.
    b_q_weight
        ``(size_k / 16, 2 * size_n)`` int32 from a repack function.
    b_scales
        ``(groups, size_n)`` of the dtype of ``a``, from `marlin_permute_scales`; groups of 32, 64 or 128 rows, or one.
    global_scale
        None; it belongs to formats that are not supported.
    b_zeros
        ``(groups, size_n / 8)`` int32 from `marlin_zero_points` for ``uint4`` (AWQ); None or empty for ``uint4b8``.
    g_idx, perm
        For GPTQ with activation order: the sorted groups, which are taken to be of equal size, and the order of k that
        `gptq_marlin_repack` was given. None or empty otherwise.
    workspace
        Not used; any tensor or None.
    b_q_type
        ``uint4b8`` (GPTQ: every zero point is 8) or ``uint4`` (AWQ): the peers' scalar type, or its name.
    size_m, size_n, size_k
        The sizes of the product.
    is_k_full
        True; with activation order, a part of k is not supported.
    use_atomic_add, use_fp32_reduce
        Not used: the sum is always in float32 and in a fixed order.
    is_zp_float
        False; zero points are numbers of 4 bits.

    Returns
    -------
    ``c``, or a new ``(size_m, size_n)`` tensor in the dtype of ``a``.

    Raises
    ------
    RuntimeError
        A format, size, dtype, shape, stride or device is wrong; the argument is named with both values.
    """
    bias = _bias_of(b_q_type)
    zeros = b_zeros if b_zeros is not None and b_zeros.numel() else None
    _refuse(bias, zeros, global_scale, is_k_full, is_zp_float, g_idx)
    if tuple(a.shape) != (size_m, size_k):
        raise RuntimeError(f"a has shape {tuple(a.shape)}, expected {(size_m, size_k)} (size_m, size_k)")
    if b_q_weight.shape[-1] != 2 * size_n:
        raise RuntimeError(f"b_q_weight has {b_q_weight.shape[-1]} columns, expected {2 * size_n} (2 * size_n)")
    if perm is not None and perm.numel():
        a = a.index_select(1, perm)
    out = a.new_empty((size_m, size_n)) if c is None else c
    if size_m > FEW_TOKENS or (a.is_cuda and torch.cuda.get_device_capability(a.device) < (8, 0)):
        return torch.mm(a, _ops.gptq_marlin_dequantize.default(b_q_weight, b_scales, zeros), out=out)
    _ops.gptq_marlin_gemm.default(out, a, b_q_weight, b_scales, zeros)
    return out


def _bias_of(kind: ScalarType | str) -> int:
    """Give the zero point that a format has built in: 8 for uint4b8, 0 for uint4."""
    if isinstance(kind, str):
        known = {UINT4: 0, UINT4B8: 8}
        if kind in known:
            return known[kind]
    else:
        is_4_bit = kind.id & 0x1FFFF == 4 << 8  # no exponent, four bits of mantissa, no sign
        bias = kind.id >> 17 & 0xFFFFFFFF
        if is_4_bit and bias in (0, 8):
            return bias
    raise RuntimeError(f"b_q_type is {kind}, expected uint4 or uint4b8: other weights are not supported")


def _refuse(
    bias: int,
    zeros: torch.Tensor | None,
    global_scale: torch.Tensor | None,
    is_k_full: bool,
    is_zp_float: bool,
    g_idx: torch.Tensor | None,
) -> None:
    if global_scale is not None and global_scale.numel():
        raise RuntimeError("global_scale is given, expected None: it belongs to formats that are not supported")
    if is_zp_float:
        raise RuntimeError("is_zp_float is True, expected False: zero points are numbers of 4 bits")
    if not is_k_full and g_idx is not None and g_idx.numel():
        raise RuntimeError("is_k_full is False and g_idx is given, expected all of k with activation order")
    if (bias == 0) != (zeros is not None):
        found = "none" if zeros is None else f"shape {tuple(zeros.shape)}"
        need = "one row for each group with uint4" if bias == 0 else "none with uint4b8, whose zero point is 8"
        raise RuntimeError(f"b_zeros has {found}, expected {need}")

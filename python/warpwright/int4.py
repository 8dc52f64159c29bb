"""Matrix products with weights of 4 bits (W4A16), and what brings checkpoints into the order that they read.

The order is Marlin's (Frantar et al., arXiv:2408.11743). A call needs weights from one of the repack functions, scales
from `marlin_permute_scales` and zero points, where there are any, from `marlin_zero_points`.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright import int4_reference as reference
from warpwright import order
from warpwright.checks import check, check_dim, check_size, name_of
from warpwright.gradient import call, is_recorded, write

_ops = torch.ops.warpwright
_awq_dequantize = _ops.awq_dequantize.default
_gptq_marlin_gemm = _ops.gptq_marlin_gemm.default

UINT4, UINT4B8 = "uint4", "uint4b8"


class ScalarType(Protocol):
    """A number format as the peers describe it: its bits are in ``id``."""

    @property
    def id(self) -> int:
        """Exponent bits in the lowest 8 bits, mantissa bits in the next 8, a sign bit, and a bias of 32 bits."""
        ...


def awq_dequantize(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> torch.Tensor:
    """Return AWQ weights in full: ``out[k, n] = (weight - zero) * scale`` of the group of k, rounded once.

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
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(scales):
        return call(_awq_dequantize, qweight, scales, qzeros)
    return _awq_dequantize(qweight, scales, qzeros)


def gptq_marlin_repack(
    b_q_weight: torch.Tensor, perm: torch.Tensor, size_k: int, size_n: int, num_bits: int
) -> torch.Tensor:
    """Bring GPTQ weights into Marlin's order.

    Parameters
    ----------
    b_q_weight
        ``(size_k / 8, size_n)`` int32, contiguous; a word holds eight rows of k.
    perm
        ``size_k`` int32: the row that each row of the result takes (``argsort(g_idx)``); empty for none. Its numbers
        are checked, for which the host waits for the GPU; in a CUDA graph they are not, and a row that is not there is
        0.
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
        A size, dtype, shape or device is wrong, or ``perm`` names a row that is not there; the argument is named with
        both values.
    """
    return _ops.gptq_marlin_repack.default(b_q_weight, perm, size_k, size_n, num_bits)


def awq_marlin_repack(b_q_weight: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Bring AWQ weights, ``(size_k, size_n / 8)`` int32, into Marlin's order; as `gptq_marlin_repack` otherwise."""
    return _ops.awq_marlin_repack.default(b_q_weight, size_k, size_n, num_bits)


def marlin_permute_scales(s: torch.Tensor, size_k: int, size_n: int, group_size: int) -> torch.Tensor:
    """Bring scales into Marlin's order.

    Parameters
    ----------
    s
        ``(groups, size_n)`` float16 or bfloat16: a row for each ``group_size`` rows of ``size_k``, or one for all.
    size_k, size_n
        The sizes of the weights that the groups are of; ``size_n`` is a multiple of 64.
    group_size
        Rows that share a scale; -1, or ``size_k`` and more, for one scale for all of k.

    Returns
    -------
    A new tensor of the same shape and dtype.

    Raises
    ------
    RuntimeError
        ``s`` has another shape than the sizes say; both are named.
    """
    is_single = group_size == -1 or group_size >= size_k
    check_dim("s", s, 2)
    check_size("s", s, 1, size_n, "size_n")
    check(is_single or (group_size > 0 and size_k % group_size == 0),
          f"group_size is {group_size}, expected -1 or a divisor of size_k, which is {size_k}")  # fmt: skip
    check_size("s", s, 0, 1 if is_single else size_k // group_size, "size_k over group_size")
    check(size_n % 64 == 0, f"size_n is {size_n}, expected a multiple of 64")
    columns = reference.single_scale_order() if is_single else reference.grouped_scale_order()
    return s.reshape(-1, len(columns))[:, columns].reshape(-1, size_n).contiguous()


def marlin_zero_points(zp: torch.Tensor, size_k: int, size_n: int, num_bits: int) -> torch.Tensor:
    """Pack zero points in Marlin's order.

    Parameters
    ----------
    zp
        ``(size_k, size_n)`` whole numbers from 0 to 15, of an integer dtype, which is checked: the host waits for the
        GPU.
    size_k
        The number of groups.
    size_n
        The columns of the weights, a multiple of 64.
    num_bits
        4.

    Returns
    -------
    A new ``(size_k, size_n / 8)`` int32 tensor.

    Raises
    ------
    RuntimeError
        A size is wrong, or a zero point has more than 4 bits; both values are named.
    """
    check(num_bits == 4, f"num_bits is {num_bits}, expected 4: weights of 8 bits are not supported")
    check_dim("zp", zp, 2)
    check_size("zp", zp, 0, size_k, "size_k, the number of groups")
    check_size("zp", zp, 1, size_n, "size_n")
    check(size_n % 64 == 0, f"size_n is {size_n}, expected a multiple of 64")
    check(not (zp.is_floating_point() or zp.is_complex()), f"zp has dtype {name_of(zp.dtype)}, expected whole numbers")
    if zp.numel() and order.has_numbers(zp):
        least, most = (int(bound) for bound in zp.aminmax())
        check(least >= 0 and most < 16, f"zp has numbers from {least} to {most}, expected 0 to 15: 4 bits")
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
    is_k_full: bool = True,  # noqa: ARG001 - g_idx says it all
    use_atomic_add: bool = False,  # noqa: ARG001 - the sum is always in float32 and in a fixed order
    use_fp32_reduce: bool = False,  # noqa: ARG001
    is_zp_float: bool = False,
) -> torch.Tensor:
    """Multiply by weights of 4 bits: ``out[m, n] = cast(sum_k(a[m, k] * w[k, n]))``, ``w = (weight - zero) * scale``.

    ``w`` is rounded to the dtype of ``a``, the sum is float32. Up to 128 tokens the weights are streamed as they are
    (SM 8.0 and newer); for more tokens, with ``g_idx``, and on SM 7.5, they are dequantised first, which needs
    ``2 * K * N`` bytes.

    Parameters
    ----------
    a
        ``(size_m, size_k)`` float16 or bfloat16; rows may be those of a wider matrix. Rows that start at multiples of
        16 bytes are read in place, others are copied first.
    c
        ``(size_m, size_n)`` of the same dtype, to be written and returned; a new one where it is None. It has memory of
        its own.
    b_q_weight
        ``(size_k / 16, 2 * size_n)`` int32 from a repack function.
    b_scales
        ``(groups, size_n)`` of the dtype of ``a``, from `marlin_permute_scales`; groups of 32, 64 or 128 rows, or one;
        of any number of rows with ``g_idx``.
    global_scale
        None; it belongs to formats that are not supported.
    b_zeros
        ``(groups, size_n / 8)`` int32 from `marlin_zero_points` for ``uint4`` (AWQ); None or empty for ``uint4b8``.
    g_idx, perm
        For GPTQ with activation order: the group of each row of ``b_q_weight``, ascending, and the order of k that
        `gptq_marlin_repack` was given, ``size_k`` int32 each. None or empty otherwise. ``perm`` alone says that the
        groups are of equal size, in order; ``g_idx`` alone is refused. Their numbers are checked once for each tensor,
        for which the host waits for the GPU; not while a CUDA graph is captured or torch.compile traces, where what
        depends on a row or a group that is not there is NaN.
    workspace
        Not used; any tensor or None.
    b_q_type
        ``uint4b8`` (GPTQ: every zero point is 8) or ``uint4`` (AWQ): the peers' scalar type, or its name.
    size_m, size_n, size_k
        The sizes of the product.
    is_k_full
        False where the weights are a part of k and their groups those of the whole: with ``g_idx``, either is right.
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
        A format, size, dtype, shape, stride, order or device is wrong; the argument is named with both values.
    """
    zeros, groups, columns = _given(b_zeros), _given(g_idx), _given(perm)
    _refuse(_bias_of(b_q_type), zeros, _given(global_scale), is_zp_float, groups, columns)
    _check_sizes(a, b_q_weight, size_m, size_n, size_k)
    if columns is not None:
        order.check_rows("perm", columns, b_q_weight, size_k)
    if groups is not None and b_scales.dim() == 2:
        order.check_groups("g_idx", groups, b_q_weight, b_scales.shape[0])
    out = a.new_empty((size_m, size_n)) if c is None else c
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, a, b_scales):
        return write(_gptq_marlin_gemm, out, a, b_q_weight, b_scales, zeros, groups, columns)
    _gptq_marlin_gemm(out, a, b_q_weight, b_scales, zeros, groups, columns)
    return out


def _given(tensor: torch.Tensor | None) -> torch.Tensor | None:
    """Return None for an empty tensor, which stands for it in the peers' calls."""
    return tensor if tensor is not None and tensor.numel() else None


def _check_sizes(a: torch.Tensor, b_q_weight: torch.Tensor, size_m: int, size_n: int, size_k: int) -> None:
    if a.shape == (size_m, size_k) and b_q_weight.dim() == 2 and b_q_weight.shape[1] == 2 * size_n:
        return  # to make words costs more than the call may
    check_dim("a", a, 2)
    check_dim("b_q_weight", b_q_weight, 2)
    check_size("a", a, 0, size_m, "size_m")
    check_size("a", a, 1, size_k, "size_k")
    check_size("b_q_weight", b_q_weight, 1, 2 * size_n, "2 * size_n")


def _bias_of(kind: ScalarType | str) -> int:
    """Return the zero point that a format has built in: 8 for uint4b8, 0 for uint4."""
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
    is_zp_float: bool,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
) -> None:
    if global_scale is not None:
        raise RuntimeError("global_scale is given, expected None: it belongs to formats that are not supported")
    if is_zp_float:
        raise RuntimeError("is_zp_float is True, expected False: zero points are numbers of 4 bits")
    if g_idx is not None and perm is None:
        raise RuntimeError(
            "g_idx is given without perm, expected both or neither: weights with activation order are repacked by "
            "perm = argsort(g_idx), and lie in the order of g_idx[perm]"
        )
    if (bias == 0) != (zeros is not None):
        found = "none" if zeros is None else f"shape {tuple(zeros.shape)}"
        need = "one row for each group with uint4" if bias == 0 else "none with uint4b8, whose zero point is 8"
        raise RuntimeError(f"b_zeros has {found}, expected {need}")

"""Scales and zero points of checkpoints, in the order that products by weights of 4 bits read."""

from __future__ import annotations

import torch

from warpwright import order
from warpwright.checks import check, check_dim, check_size, name_of
from warpwright.quantization._marlin_order import PACKED_COLUMNS, grouped_scale_order, pack, single_scale_order


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
    columns = single_scale_order() if is_single else grouped_scale_order()
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
    grouped = zp.reshape(-1, 64)[:, grouped_scale_order()]
    words = grouped.reshape(-1, 8)[:, PACKED_COLUMNS]
    return pack(words.reshape(size_k, size_n))

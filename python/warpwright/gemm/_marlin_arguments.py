"""The arguments of products by weights of 4 bits, as the peers' callers give them."""

from __future__ import annotations

from typing import Protocol

import torch

from warpwright.checks import check_dim, check_size

UINT4, UINT4B8 = "uint4", "uint4b8"


class Format(Protocol):
    """A number format, as `warpwright.scalar_type` and the peers describe it."""

    @property
    def id(self) -> int:
        """Exponent bits in the lowest 8 bits, mantissa bits in the next 8, a sign bit, and a bias of 32 bits."""
        ...


def given(tensor: torch.Tensor | None) -> torch.Tensor | None:
    """Return None for an empty tensor, which stands for it in the peers' calls."""
    return tensor if tensor is not None and tensor.numel() else None


def check_sizes(a: torch.Tensor, b_q_weight: torch.Tensor, size_m: int, size_n: int, size_k: int) -> None:
    """Refuse sizes that are not those of the matrices."""
    if a.shape == (size_m, size_k) and b_q_weight.dim() == 2 and b_q_weight.shape[1] == 2 * size_n:
        return  # to make words costs more than the call may
    check_dim("a", a, 2)
    check_dim("b_q_weight", b_q_weight, 2)
    check_size("a", a, 0, size_m, "size_m")
    check_size("a", a, 1, size_k, "size_k")
    check_size("b_q_weight", b_q_weight, 1, 2 * size_n, "2 * size_n")


def bias_of(kind: Format | str) -> int:
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


def refuse_format(
    bias: int,
    zeros: torch.Tensor | None,
    global_scale: torch.Tensor | None,
    is_zp_float: bool,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
) -> None:
    """Refuse what belongs to other formats, and zero points and orders that do not fit."""
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

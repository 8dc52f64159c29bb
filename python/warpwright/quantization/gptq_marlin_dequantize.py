"""Weights in Marlin's order, in full."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.gradient import call, is_recorded
from warpwright.quantization._marlin_checks import check_marlin
from warpwright.quantization._marlin_order import (
    ZERO_POINT,
    dequantize,
    equal_groups,
    from_awq,
    from_marlin,
    grouped_scale_order,
    index_beside,
    single_scale_order,
)

_gptq_marlin_dequantize = torch.ops.warpwright.gptq_marlin_dequantize.default


def gptq_marlin_dequantize(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> torch.Tensor:
    """Return weights of 4 bits in Marlin's order in full: ``out[k, n] = (weight - zero) * scale``, rounded once.

    It is what `gptq_marlin_gemm` multiplies by where it does not stream the weights. Marlin's order: Frantar et al.,
    arXiv:2408.11743.

    Parameters
    ----------
    b_q_weight
        ``(K / 16, 2 * N)`` int32 from a repack function.
    b_scales
        ``(groups, N)`` float16 or bfloat16, from `marlin_permute_scales`.
    b_zeros
        ``(groups, N / 8)`` int32 from `marlin_zero_points`; None where every zero point is 8.
    g_idx
        The group of each of the K rows, int32; None for groups of equal size, in order. A row whose group is not there
        is NaN.

    Returns
    -------
    A new ``(K, N)`` tensor in the dtype of the scales.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong; the argument is named with both values.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(b_scales):
        return call(_gptq_marlin_dequantize, b_q_weight, b_scales, b_zeros, g_idx)
    return _gptq_marlin_dequantize(b_q_weight, b_scales, b_zeros, g_idx)


def check(
    b_q_weight: torch.Tensor, b_scales: torch.Tensor, b_zeros: torch.Tensor | None, g_idx: torch.Tensor | None
) -> None:
    """Refuse what the operator cannot take."""
    check_marlin(b_q_weight, b_scales, b_zeros, g_idx)


def reference(
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return ``(weight - zero) * scale`` as a ``(K, N)`` matrix; a row whose group is not there is NaN."""
    order = index_beside(grouped_scale_order() if b_scales.shape[0] > 1 else single_scale_order(), b_scales)
    scales = b_scales.unflatten(1, (-1, len(order)))[..., order.argsort()].flatten(1)
    zeros: torch.Tensor | int = ZERO_POINT
    if b_zeros is not None:
        grouped = index_beside(grouped_scale_order(), b_zeros).argsort()
        zeros = from_awq(b_zeros).unflatten(1, (-1, 64))[..., grouped].flatten(1)
    weights = from_marlin(b_q_weight)
    groups = equal_groups(weights.shape[0], scales.shape[0], weights) if g_idx is None else g_idx.flatten()
    return dequantize(weights, scales, zeros, groups, wide)


def output(b_q_weight: torch.Tensor, b_scales: torch.Tensor) -> Output:
    """Return what it gives."""
    return Output((16 * b_q_weight.shape[0], b_scales.shape[1]), b_scales.dtype)


def make(draw: Draw, tiles: int = 16, n: int = 128, groups: int = 1, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call with 16 rows of weights for each of ``tiles``."""
    return {
        "b_q_weight": draw.words(tiles, 2 * n),
        "b_scales": draw.uniform(groups, n, dtype=dtype, least=0.1),
        "b_zeros": draw.words(groups, n // 8),
        "g_idx": None,
    }


def _by_g_idx(call: Arguments) -> Arguments:
    """Say the group of each row: groups of 100 rows, in order."""
    rows = 16 * call["b_q_weight"].shape[0]
    return {"g_idx": torch.arange(rows, device=call["b_q_weight"].device, dtype=torch.int32) // 100}


def _outside(call: Arguments) -> Arguments:
    return {"g_idx": _by_g_idx(call)["g_idx"] - 1}


CONTRACT = Contract(
    function=gptq_marlin_dequantize,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", tiles=1, n=64),
        sample("odd", tiles=13, n=192, groups=13, dtype=torch.bfloat16),
        sample("groups of 64 rows", tiles=16, n=320, groups=4),
        sample("no zero points", each(b_zeros=lambda _: None), groups=2, dtype=torch.bfloat16),
        sample("groups by g_idx", _by_g_idx, groups=3),
        sample("groups that are not there", _outside, groups=3),
        sample("empty", tiles=0),
        sample("no columns", n=0),
        sample("largest", tiles=32, n=14336, groups=4),
    ),
    refusals=(
        refuse("odd", "2 N, the columns of b_q_weight, is 255, expected", b_q_weight=lambda x: x[:, :255].contiguous()),
        refuse("part", "is 192, expected a multiple of 128", b_q_weight=lambda x: x[:, :192].contiguous()),
        refuse("dtype", "b_scales has dtype float32, expected float16 or bfloat16", b_scales=torch.Tensor.float),
        refuse(
            "groups",
            "b_scales has 3 groups for K 256, expected groups of a multiple of 16 rows",
            b_scales=lambda x: x.repeat(3, 1),
            b_zeros=lambda x: x.repeat(3, 1),
        ),
        refuse(
            "no group",
            "b_scales has no row, expected one for each group of K",
            b_scales=lambda x: x[:0],
            b_zeros=lambda x: x[:0],
        ),
        refuse(
            "g_idx size",
            "g_idx has shape (7,) with 7 elements, expected 256 (the group of each row",
            lambda call: {"g_idx": _by_g_idx(call)["g_idx"][:7]},
        ),
        refuse(
            "g_idx dtype",
            "g_idx has dtype int64, expected int32",
            lambda call: {"g_idx": _by_g_idx(call)["g_idx"].long()},
        ),
        refuse(
            "zeros",
            "b_zeros has shape (1, 8): size 8 in dimension 1, expected 16",
            b_zeros=lambda x: x[:, :8].contiguous(),
        ),
        refuse(
            "start",
            "b_scales starts 2 bytes past a multiple of 16",
            b_scales=lambda x: x.repeat(2, 1).flatten()[1 : 1 + x.numel()].view(x.shape),
        ),
    ),
    tolerance=EXACT,
    workloads=tuple(
        {"tiles": k // 16, "n": n, "groups": k // 128} for k, n in ((4096, 4096), (4096, 28672), (14336, 4096))
    ),
    traits=(Trait(TraitKind.NEVER_SLICED, "packed weights are contiguous, as checkpoints have them"),),
)

"""AWQ weights in full."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
    check_aligned,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_same_device,
    check_size,
)
from warpwright.checks import check as check_that
from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, refuse, sample
from warpwright.draw import Draw, crossed
from warpwright.gradient import call, is_recorded
from warpwright.quantization._marlin_checks import MOST
from warpwright.quantization._marlin_order import dequantize, equal_groups, from_awq

_awq_dequantize = torch.ops.warpwright.awq_dequantize.default


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


def check(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
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
    check_that(groups > 0, words)
    check_that(k % groups == 0, words)


def reference(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return ``(weight - zero) * scale``."""
    groups = equal_groups(qweight.shape[0], scales.shape[0], qweight)
    return dequantize(from_awq(qweight), scales, from_awq(qzeros), groups, wide)


def output(qweight: torch.Tensor, scales: torch.Tensor) -> Output:
    """Return what it gives."""
    return Output((qweight.shape[0], scales.shape[1]), scales.dtype)


def make(draw: Draw, rows: int = 128, n: int = 256, groups: int = 2, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call of groups of so many rows."""
    return {
        "qweight": draw.words(rows * groups, n // 8),
        "scales": draw.uniform(groups, n, dtype=dtype, least=0.1),
        "qzeros": draw.words(groups, n // 8),
    }


def peers(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    return {"sglang-kernel": lambda: torch.ops.sgl_kernel.awq_dequantize.default(qweight, scales, qzeros)}


CONTRACT = Contract(
    function=awq_dequantize,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, n=8, groups=1),
        sample("odd", rows=9, n=136, groups=7, dtype=torch.bfloat16),
        sample("one group", rows=384, n=192, groups=1, dtype=torch.bfloat16),
        sample("a row a group", rows=1, n=64, groups=16),
        sample("empty", rows=0),
        sample("no columns", n=0),
        sample("largest", rows=64, n=14336, groups=8),
    ),
    refusals=(
        refuse("dtype", "qweight has dtype float32, expected int32", qweight=torch.Tensor.float),
        refuse("scales dtype", "scales has dtype float32, expected float16 or bfloat16", scales=torch.Tensor.float),
        refuse(
            "stride", "qweight has shape (256, 32) and strides (1, 256), expected a contiguous tensor", qweight=crossed
        ),
        refuse(
            "size",
            "scales has shape (2, 128): size 128 in dimension 1, expected 256",
            scales=lambda x: x[:, :128].contiguous(),
        ),
        refuse("zeros", "qzeros has shape (1, 32): size 1 in dimension 0, expected 2", qzeros=lambda x: x[:1]),
        refuse(
            "groups",
            "scales has 3 rows for 256 rows of qweight, expected groups of equal size",
            scales=lambda x: x.repeat(2, 1)[:3],
            qzeros=lambda x: x.repeat(2, 1)[:3],
        ),
        refuse("no group", "scales has 0 rows for 256 rows of qweight", scales=lambda x: x[:0], qzeros=lambda x: x[:0]),
        refuse(
            "start",
            "scales starts 2 bytes past a multiple of 16",
            scales=lambda x: x.repeat(2, 1).flatten()[1 : 1 + x.numel()].view(x.shape),
        ),
    ),
    tolerance=EXACT,
    workloads=tuple({"rows": 128, "n": n, "groups": k // 128} for k, n in ((4096, 4096), (4096, 28672), (14336, 4096))),
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "packed weights are contiguous, as checkpoints have them"),),
    also_in=("gemm",),
)

"""The gate of a SwiGLU, quantised by scales of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import known
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw
from warpwright.fused._silu_quant import WORKLOADS, refusals, samples
from warpwright.gradient import is_recorded, write_all
from warpwright.quantization._group_quant import gated
from warpwright.quantization._group_scales import check_group_scales, each_of
from warpwright.quantization._quantize import (
    BOUNDS,
    GATED_TOLERANCE,
    check_memory,
    check_quantized,
    check_row_scales,
    largest_of,
    quantized,
    scale_of,
)

_silu_and_mul_dynamic_quant = torch.ops.warpwright.silu_and_mul_dynamic_quant.default


def silu_and_mul_dynamic_quant(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    group_size: int | None = None,
    enable_pdl: bool | None = None,
) -> None:
    """Gate the second half of each row by the SiLU of the first half, and quantise it by scales of its own.

    With ``x[..., i] = silu(input[..., i]) * input[..., hidden + i]`` and ``silu(x) = x / (1 + exp(-x))``, a scale is
    ``max(abs(x)) / 448``, or ``/ 127`` for int8, of a row or of a group of its elements, and ``out = x / scale``; in
    float32 with one rounding at the end, to the nearest. A scale that would be less than ``2**-126`` is zero, and so
    are its elements. A NaN makes its scale NaN, and elements in int8 zero. Method: the SwiGLU of Shazeer, "GLU Variants
    Improve Transformer" (arXiv:2002.05202).

    Parameters
    ----------
    out
        ``(..., hidden)``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    scales
        float32, with memory of its own: contiguous, one element for each row, such as ``(..., 1)``; or, with
        ``group_size``, ``(..., hidden / group_size)`` in any strides.
    input
        ``(..., 2 * hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    group_size
        How many elements of a row have one scale, a divisor of ``hidden``; by default, all of them. Powers of two from
        16 to 256 run fastest.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, scales, input):
        outs = {"out": out, "scales": scales}
        write_all(_silu_and_mul_dynamic_quant, outs, out, scales, input, group_size, enable_pdl)
        return
    _silu_and_mul_dynamic_quant(out, scales, input, group_size, enable_pdl)


def check(out: torch.Tensor, scales: torch.Tensor, input: torch.Tensor, group_size: int | None) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_quantized(input, "out", out, "scales", scales, gated=True)
    if group_size is None:
        check_row_scales("scales", scales, out)
    else:
        check_group_scales("scales", scales, "out", out, group_size)
    if not known(out.numel() == 0):
        check_memory(input, "out", out, "scales", scales)


def reference(
    out: torch.Tensor,
    scales: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    group_size: int | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the quotients and their scales; without elements, both outputs as they are."""
    if out.numel() == 0:
        return out.to(wide), scales
    x, bounds = gated(input.to(wide)), BOUNDS[out.dtype]
    found = scale_of(largest_of(x, group_size), bounds[1])
    of_each = found if group_size is None else each_of(found, group_size)
    return quantized(x, of_each, out.dtype, bounds), found.reshape(scales.shape)


def make(
    draw: Draw,
    rows: int = 64,
    hidden: int = 2048,
    dtype: torch.dtype = torch.float16,
    to: torch.dtype = torch.float8_e4m3fn,
    group: int | None = None,
) -> Arguments:
    """Make a call."""
    return {
        "out": draw.unwritten(rows, hidden, dtype=to),
        "scales": draw.unwritten(rows, 1 if group is None else hidden // group, dtype=torch.float32),
        "input": draw.normal(rows, 2 * hidden, dtype=dtype),
        "group_size": group,
        "enable_pdl": None,
    }


def peers(out: torch.Tensor, input: torch.Tensor, group_size: int | None) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    gate, value = input.chunk(2, dim=-1)

    def in_torch() -> torch.Tensor:
        x = torch.nn.functional.silu(gate) * value
        parts = x.unflatten(-1, (-1, group_size or x.shape[-1]))
        return (parts / (parts.abs().amax(dim=-1, keepdim=True).float() / 448)).to(out.dtype).view(x.shape)

    return {"torch": in_torch}


CONTRACT = Contract(
    function=silu_and_mul_dynamic_quant,
    check=check,
    reference=reference,
    make=make,
    samples=(
        *samples(),
        sample("flat scales", each(scales=torch.Tensor.flatten), rows=5),
        sample("groups", rows=33, hidden=7168, group=128, dtype=torch.bfloat16),
        sample("groups of int8", rows=9, hidden=4096, group=64, to=torch.int8),
        sample("groups of any size", rows=9, hidden=60, group=12),
        sample("groups by columns", each(scales=lambda x: x.t().contiguous().t()), rows=9, group=128),
    ),
    refusals=(
        *refusals("scales"),
        refuse(
            "scales",
            "scales has shape (7, 1) with 7 elements, expected 64 (one scale for each row)",
            scales=lambda x: x[:7],
        ),
        refuse("group", "group_size is 96, expected a divisor of 2048", group_size=lambda _: 96),
        refuse(
            "scales of groups",
            "size 1 in dimension 1, expected 16 (one scale for each group)",
            group_size=lambda _: 128,
        ),
    ),
    tolerance=GATED_TOLERANCE,
    workloads=(*WORKLOADS, *({**sizes, "group": 128} for sizes in WORKLOADS[::3])),
    peers=peers,
)

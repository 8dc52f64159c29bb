"""Quantisation of rows to float8, with a scale for each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import known
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.gradient import is_recorded, write_all
from warpwright.quantization._quantize import (
    BOUNDS,
    NEVER_IN_PLACE,
    OVERLAP,
    TOLERANCE,
    WORKLOADS,
    check_memory,
    check_quantized,
    check_row_scales,
    largest_of,
    quantized,
    row_samples,
    scale_of,
)

_sgl_per_token_quant_fp8 = torch.ops.warpwright.sgl_per_token_quant_fp8.default


def sgl_per_token_quant_fp8(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    output_q: torch.Tensor,
    output_s: torch.Tensor,
) -> None:
    """Quantise each row to float8_e4m3fn by a scale of its own.

    ``output_s[r] = max(abs(input[r, :])) / 448`` and ``output_q[r, i] = input[r, i] / output_s[r]``, in float32 with
    one rounding at the end, to the nearest. A row of zeros has the scale zero, and so has one whose scale would be less
    than ``2**-126``; their elements are zero. A NaN makes its row NaN. Method: Micikevicius et al., "FP8 Formats for
    Deep Learning" (arXiv:2209.05433).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    output_q
        Of the shape of ``input``, float8_e4m3fn, with memory of its own. Rows may lie apart.
    output_s
        float32, contiguous, one element for each row, such as ``(...,)`` or ``(..., 1)``; with memory of its own.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input, output_q, output_s):
        outs = {"output_q": output_q, "output_s": output_s}
        write_all(_sgl_per_token_quant_fp8, outs, input, output_q, output_s)
        return
    _sgl_per_token_quant_fp8(input, output_q, output_s)


def check(input: torch.Tensor, output_q: torch.Tensor, output_s: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_quantized(input, "output_q", output_q, "output_s", output_s, out_types=(torch.float8_e4m3fn,))
    check_row_scales("output_s", output_s, output_q)
    if not known(output_q.numel() == 0):
        check_memory(input, "output_q", output_q, "output_s", output_s)


def reference(input: torch.Tensor, output_s: torch.Tensor, wide: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: A002
    """Return the quotients and their scales, in the shape of ``output_s``, which stays as it is without elements."""
    x, dtype = input.to(wide), torch.float8_e4m3fn
    if x.numel() == 0:
        return x, output_s
    scales = scale_of(largest_of(x), BOUNDS[dtype][1])
    return quantized(x, scales, dtype, BOUNDS[dtype]), scales.reshape(output_s.shape)


def make(draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {
        "input": draw.normal(rows, hidden, dtype=dtype),
        "output_q": draw.unwritten(rows, hidden, dtype=torch.float8_e4m3fn),
        "output_s": draw.unwritten(rows, 1, dtype=torch.float32),
    }


def call(
    input: torch.Tensor,  # noqa: A002
    output_s: torch.Tensor,
    output_q: torch.Tensor | None = None,
) -> torch.Tensor:
    """Call the function as a model does, which makes the output itself."""
    out = torch.empty_like(input, dtype=torch.float8_e4m3fn) if output_q is None else output_q
    sgl_per_token_quant_fp8(input, out, output_s)
    return out


def peers(input: torch.Tensor, output_q: torch.Tensor, output_s: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        scales = input.abs().amax(dim=-1, keepdim=True).float() / 448
        return (input / scales).to(torch.float8_e4m3fn)

    return {
        "torch": in_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.sgl_per_token_quant_fp8.default(input, output_q, output_s),
    }


CONTRACT = Contract(
    function=sgl_per_token_quant_fp8,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        *row_samples(),
        sample("flat scales", each(output_s=torch.Tensor.flatten), rows=5),
        sample("slices", each(input=widened, output_q=widened), rows=5, hidden=128),
        sample("slices off", each(input=lambda x: widened(x, 3), output_q=lambda x: widened(x, 5)), rows=5),
        sample("zeros", each(input=torch.zeros_like), rows=3, hidden=64),
        sample("three dimensions", each(input=lambda x: x.view(2, 3, -1), output_q=lambda x: x.view(2, 3, -1)), rows=6),
    ),
    refusals=(
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse("out dtype", "output_q has dtype int8, expected float8_e4m3fn", output_q=lambda x: x.view(torch.int8)),
        refuse("scale dtype", "output_s has dtype float16, expected float32", output_s=torch.Tensor.half),
        refuse(
            "scales",
            "output_s has shape (7, 1) with 7 elements, expected 64 (one scale for each row)",
            output_s=lambda x: x[:7],
        ),
        refuse("scales apart", "expected a contiguous tensor", output_s=lambda x: x.repeat(1, 2)[:, :1]),
        refuse(
            "shape",
            "output_q has shape (2, 2048), expected (64, 2048), the shape of input",
            output_q=lambda x: x[:2],
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 2048 elements apart", output_q=repeated),
        refuse(
            "in place",
            OVERLAP.format("output_q", "input"),
            lambda call: {"output_q": call["input"].view(torch.float8_e4m3fn)[:, :2048]},
        ),
        refuse(
            "scales in it",
            OVERLAP.format("output_s", "input"),
            lambda call: {"output_s": call["input"].view(torch.float32)[0, :64]},
        ),
    ),
    tolerance=TOLERANCE,
    workloads=WORKLOADS,
    peers=peers,
    traits=(NEVER_IN_PLACE,),
    also_in=("gemm",),
)

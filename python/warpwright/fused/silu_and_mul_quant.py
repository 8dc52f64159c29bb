"""The gate of a SwiGLU, quantised by a given scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import known
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw
from warpwright.fused._silu_quant import WORKLOADS, refusals, samples
from warpwright.gradient import is_recorded, write
from warpwright.quantization._group_quant import gated
from warpwright.quantization._quantize import (
    BOUNDS,
    GATED_TOLERANCE,
    check_memory,
    check_quantized,
    check_tensor_scale,
    quantized,
)

_silu_and_mul_quant = torch.ops.warpwright.silu_and_mul_quant.default


def silu_and_mul_quant(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002  the name that callers know
    scale: torch.Tensor,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Gate the second half of each row by the SiLU of the first half, and quantise it by a scale that is given.

    ``out[..., i] = silu(input[..., i]) * input[..., hidden + i] / scale`` with ``silu(x) = x / (1 + exp(-x))``, held
    between -448 and 448, or between -128 and 127, in float32 with one rounding at the end, to the nearest. A scale of
    less than ``2**-126`` counts as zero, and gives zeros. NaN is zero in int8. Method: the SwiGLU of Shazeer, "GLU
    Variants Improve Transformer" (arXiv:2002.05202).

    Parameters
    ----------
    out
        ``(..., hidden)``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    input
        ``(..., 2 * hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    scale
        float32, one element, for the whole tensor.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Returns
    -------
    ``out``.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, scale):
        return write(_silu_and_mul_quant, out, input, scale, enable_pdl)
    _silu_and_mul_quant(out, input, scale, enable_pdl)
    return out


def check(out: torch.Tensor, input: torch.Tensor, scale: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_quantized(input, "out", out, "scale", scale, gated=True)
    check_tensor_scale("scale", scale)
    if not known(out.numel() == 0):
        check_memory(input, "out", out, "scale", scale, is_static=True)


def reference(out: torch.Tensor, input: torch.Tensor, scale: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the quotients, as the dtype of the output has them."""
    return quantized(gated(input.to(wide)), scale.to(wide).reshape(()), out.dtype, BOUNDS[out.dtype])


def make(
    draw: Draw,
    rows: int = 64,
    hidden: int = 2048,
    dtype: torch.dtype = torch.float16,
    to: torch.dtype = torch.float8_e4m3fn,
) -> Arguments:
    """Make a call."""
    return {
        "out": draw.unwritten(rows, hidden, dtype=to),
        "input": draw.normal(rows, 2 * hidden, dtype=dtype),
        "scale": draw.uniform(1, least=0.005, most=0.02),
        "enable_pdl": None,
    }


def call(out: torch.Tensor, input: torch.Tensor, scale: torch.Tensor, enable_pdl: bool | None) -> None:  # noqa: A002
    """Call the function for what it writes: the output counts as read, since the reference reads its dtype."""
    silu_and_mul_quant(out, input, scale, enable_pdl)


def peers(out: torch.Tensor, input: torch.Tensor, scale: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    gate, value = input.chunk(2, dim=-1)
    return {"torch": lambda: (torch.nn.functional.silu(gate) * value / scale).to(out.dtype)}


CONTRACT = Contract(
    function=silu_and_mul_quant,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(*samples(), sample("a scale without a dimension", each(scale=lambda x: x[0]), rows=5)),
    refusals=(
        *refusals("scale"),
        refuse(
            "scales",
            "scale has shape (2,) with 2 elements, expected 1 (one scale for the tensor)",
            scale=lambda x: x.repeat(2),
        ),
    ),
    tolerance=GATED_TOLERANCE,
    workloads=WORKLOADS,
    peers=peers,
)

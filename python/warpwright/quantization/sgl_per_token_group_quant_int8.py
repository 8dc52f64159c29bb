"""Quantisation of groups of a row's elements to int8, with a scale for each group."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.gradient import is_recorded, write_all
from warpwright.quantization._group_quant import group_contract, group_quant
from warpwright.quantization._group_quant_calls import refusals

_sgl_per_token_group_quant_int8 = torch.ops.warpwright.sgl_per_token_group_quant_int8.default


def sgl_per_token_group_quant_int8(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
    int8_min: float | None = None,
    int8_max: float | None = None,
    scale_ue8m0: bool = False,
    fuse_silu_and_mul: bool = False,
    masked_m: torch.Tensor | None = None,
    enable_v2: bool | None = None,  # noqa: ARG001
    *,
    fp8_min: float | None = None,
    fp8_max: float | None = None,
) -> None:
    """Quantise each group of ``group_size`` elements of a row by a scale of its own.

    ``scale = max(max(abs(x)), eps) / int8_max`` and ``output_q = x / scale``, held between the bounds, in float32 with
    one rounding at the end, to the nearest. A scale that would be less than ``2**-126`` is zero, and so are its
    elements; with ``scale_ue8m0`` it is ``2**-126``. A NaN makes the scale of its
    group NaN, and its elements zero in int8. Method: DeepSeek-AI,
    "DeepSeek-V3 Technical Report" (arXiv:2412.19437), section 3.3; OCP Microscaling Formats 1.0 for the exponents.

    Parameters
    ----------
    input
        ``(..., hidden)``, or ``(..., 2 * hidden)`` with ``fuse_silu_and_mul``; float16, bfloat16 or float32. Rows may
        lie apart; the elements of a row may not.
    output_q
        ``(..., hidden)``, int8, with memory of its own. Rows may lie apart.
    output_s
        ``(..., hidden / group_size)`` float32 in any strides, so that the scales of one group may be side by side; in
        three dimensions, experts may lie apart. With ``scale_ue8m0`` it may be int32, ``(..., ceil(groups / 4))``: byte
        ``g % 4`` of word ``g / 4`` is the exponent byte of group ``g``, and bytes of no group are zero. It has memory
        of its own.
    group_size
        A divisor of ``hidden``; powers of two from 16 to 256 run fastest.
    eps
        The least magnitude that a group counts as having.
    int8_min, int8_max
        The bounds of the output; the scale of a group takes its largest magnitude to ``int8_max``. Newer callers know
        them by the names ``fp8_min`` and ``fp8_max``, which are taken as well.
    scale_ue8m0
        Whether scales are rounded up to powers of two.
    fuse_silu_and_mul
        Whether what is quantised is ``silu(input[..., i]) * input[..., hidden + i]``.
    masked_m
        ``(experts,)`` int32, contiguous, for an ``output_q`` of ``(experts, tokens, hidden)``: of each expert the first
        so many rows are quantised, and of the others the outputs stay as they are. By default, all are.
    enable_v2
        Is taken and ignored: there is one implementation here.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    int8_min = fp8_min if int8_min is None else int8_min
    int8_max = fp8_max if int8_max is None else int8_max
    if int8_min is None or int8_max is None:
        raise TypeError("sgl_per_token_group_quant_int8 needs the bounds int8_min and int8_max, such as -128 and 127")
    given = (
        input, output_q, output_s, group_size, eps, int8_min, int8_max, scale_ue8m0, fuse_silu_and_mul, masked_m
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input, output_q, output_s):
        write_all(_sgl_per_token_group_quant_int8, {"output_q": output_q, "output_s": output_s}, *given)
        return
    _sgl_per_token_group_quant_int8(*given)


def reference(
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
    int8_min: float,
    int8_max: float,
    scale_ue8m0: bool,
    fuse_silu_and_mul: bool,
    masked_m: torch.Tensor | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the quotients and the scales."""
    bounds = (int8_min, int8_max)
    return group_quant(
        input, output_q, output_s, group_size, eps, bounds, scale_ue8m0, fuse_silu_and_mul, masked_m, wide
    )


CONTRACT = group_contract(
    sgl_per_token_group_quant_int8,
    (torch.int8,),
    refusals("int8", torch.uint8),
    bounds=("int8_min", "int8_max"),
    reference=reference,
    also_in=("gemm",),
)

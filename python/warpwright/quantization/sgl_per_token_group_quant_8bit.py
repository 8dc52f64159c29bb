"""Quantisation of groups of a row's elements to 8 bits, with a scale for each group."""

from __future__ import annotations

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.contract import sample
from warpwright.gradient import is_recorded, write_all
from warpwright.quantization._group_quant import group_contract
from warpwright.quantization._group_quant_calls import packed_words, refusals
from warpwright.quantization._quantize import QUANTIZED_TYPES

_sgl_per_token_group_quant_8bit = torch.ops.warpwright.sgl_per_token_group_quant_8bit.default


def sgl_per_token_group_quant_8bit(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
    fp8_min: float,
    fp8_max: float,
    scale_ue8m0: bool = False,
    fuse_silu_and_mul: bool = False,
    masked_m: torch.Tensor | None = None,
    enable_v2: bool | None = None,  # noqa: ARG001
) -> None:
    """Quantise each group of ``group_size`` elements of a row by a scale of its own.

    ``scale = max(max(abs(x)), eps) / fp8_max`` and ``output_q = x / scale``, held between the bounds, in float32 with
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
        ``(..., hidden)``, float8_e4m3fn or int8, with memory of its own. Rows may lie apart.
    output_s
        ``(..., hidden / group_size)`` float32 in any strides, so that the scales of one group may be side by side; in
        three dimensions, experts may lie apart. With ``scale_ue8m0`` it may be int32, ``(..., ceil(groups / 4))``: byte
        ``g % 4`` of word ``g / 4`` is the exponent byte of group ``g``, and bytes of no group are zero. It has memory
        of its own.
    group_size
        A divisor of ``hidden``; powers of two from 16 to 256 run fastest.
    eps
        The least magnitude that a group counts as having.
    fp8_min, fp8_max
        The bounds of the output, such as -448 and 448; the scale of a group takes its largest magnitude to ``fp8_max``.
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
    given = (
        input, output_q, output_s, group_size, eps, fp8_min, fp8_max, scale_ue8m0, fuse_silu_and_mul, masked_m
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input, output_q, output_s):
        write_all(_sgl_per_token_group_quant_8bit, {"output_q": output_q, "output_s": output_s}, *given)
        return
    _sgl_per_token_group_quant_8bit(*given)


CONTRACT = group_contract(
    sgl_per_token_group_quant_8bit,
    QUANTIZED_TYPES,
    refusals("float8_e4m3fn or int8", torch.uint8),
    more=(sample("int8", rows=33, to=torch.int8), sample("int8, packed", packed_words, rows=9, to=torch.int8)),
    also_in=("gemm",),
)

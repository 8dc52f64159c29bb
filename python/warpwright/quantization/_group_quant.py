"""What the operators that quantise groups of a row's elements share, whatever their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from warpwright.checks import (
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_same_device,
    check_size,
    known,
)
from warpwright.contract import Contract, Refusal, Sample
from warpwright.quantization._group_quant_calls import make_group_quant, samples
from warpwright.quantization._group_scales import check_group_scales, each_of, exponent_of, packed, power_of
from warpwright.quantization._quantize import (
    BOUNDS,
    GATED_TOLERANCE,
    WORKLOADS,
    check_memory,
    check_quantized,
    largest_of,
    quantized,
    scale_of,
)
from warpwright.rows import check_apart, out_row_stride, rows_of, span_of

MOST_EXPERT_ROWS = 2**31 - 1


def check_group_quant(
    out_types: Sequence[torch.dtype],
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    scale_ue8m0: bool,
    fuse_silu_and_mul: bool,
    masked_m: torch.Tensor | None,
) -> None:
    """Refuse what such an operator cannot take."""
    names = (input, "output_q", output_q, "output_s", output_s)
    check_quantized(*names, out_types=out_types, gated=fuse_silu_and_mul)
    if masked_m is not None:
        check_same_device("masked_m", masked_m, "output_q", output_q)
        check_dtype("masked_m", masked_m.dtype, torch.int32)
        check_dim("output_q", output_q, 3)
        check_dim("masked_m", masked_m, 1)
        check_size("masked_m", masked_m, 0, output_q.shape[0], "one number for each expert")
        check_contiguous("masked_m", masked_m)
    check_group_scales("output_s", output_s, "output_q", output_q, group_size, power_of_two=scale_ue8m0)
    if known(output_q.numel() == 0):
        return
    check_memory(*names)
    if masked_m is not None:
        span = span_of(masked_m)
        check_apart("output_q", rows_of(output_q, out_row_stride("output_q", output_q)), [("masked_m", span)])
        check_apart("output_s", span_of(output_s), [("masked_m", span)])
        rows = output_q.shape[0] * output_q.shape[1]
        check_at_most("the rows of all experts", rows, MOST_EXPERT_ROWS, "32 bits count them")


def group_quant(
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
    bounds: tuple[float, float],
    scale_ue8m0: bool,
    fuse_silu_and_mul: bool,
    masked_m: torch.Tensor | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the quotients and the scales, and of rows that a mask leaves out, what the outputs hold."""
    if output_q.numel() == 0:
        return output_q.to(wide), output_s
    x = gated(input.to(wide)) if fuse_silu_and_mul else input.to(wide)
    largest = largest_of(x, group_size)
    if scale_ue8m0:
        exponents = exponent_of(largest, bounds[1], eps)
        scales = torch.where(largest.isinf(), torch.inf, power_of(exponents).to(wide))
        written = packed(exponents) if output_s.dtype == torch.int32 else scales
    else:
        written = scales = scale_of(largest, bounds[1], eps)
    rounded = quantized(x, each_of(scales, group_size), output_q.dtype, bounds)
    if masked_m is None:
        return rounded, written
    counts = torch.arange(output_q.shape[1], device=input.device) < masked_m[:, None]
    kept_q, kept_s = output_q.to(rounded.dtype), output_s.to(written.dtype)
    return torch.where(counts[..., None], rounded, kept_q), torch.where(counts[..., None], written, kept_s)


def gated(x: torch.Tensor) -> torch.Tensor:
    """Return the second half of each row, gated by the SiLU of the first."""
    gate, value = x.chunk(2, dim=-1)
    return gate / (1 + (-gate).exp()) * value


def reference(
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
    fp8_min: float,
    fp8_max: float,
    scale_ue8m0: bool,
    fuse_silu_and_mul: bool,
    masked_m: torch.Tensor | None,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the quotients and the scales."""
    bounds = (fp8_min, fp8_max)
    return group_quant(
        input, output_q, output_s, group_size, eps, bounds, scale_ue8m0, fuse_silu_and_mul, masked_m, wide
    )


def peers(
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    group_size: int,
    eps: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it, with the bounds that `make_group_quant` gives."""
    bounds = BOUNDS[output_q.dtype]

    def in_torch() -> torch.Tensor:
        groups = input.unflatten(-1, (-1, group_size))
        scales = groups.abs().amax(dim=-1, keepdim=True).float().clamp(min=eps) / bounds[1]
        return (groups / scales).clamp(*bounds).to(output_q.dtype).view(input.shape)

    sgl = torch.ops.sgl_kernel
    return {
        "torch": in_torch,
        "sglang-kernel": lambda: sgl.sgl_per_token_group_quant_8bit.default(
            input, output_q, output_s, group_size, eps, *bounds, False
        ),
        "sglang-kernel v2": lambda: sgl.sgl_per_token_group_quant_8bit_v2.default(
            input, output_q, output_s, group_size, eps, *bounds, False, False, None
        ),
    }


def group_contract(
    function: Callable[..., Any],
    types: Sequence[torch.dtype],
    refused: tuple[Refusal, ...],
    more: tuple[Sample, ...] = (),
    bounds: tuple[str, str] = ("fp8_min", "fp8_max"),
    reference: Callable[..., Any] = reference,
    also_in: tuple[str, ...] = (),
) -> Contract:
    """Return the contract of such an operator, which calls its bounds by these names and gives these dtypes."""
    return Contract(
        function=function,
        check=partial(check_group_quant, types),
        reference=reference,
        make=make_group_quant(bounds, types),
        samples=(*samples(), *more),
        refusals=refused,
        tolerance=GATED_TOLERANCE,
        workloads=WORKLOADS,
        peers=peers,
        also_in=also_in,
    )

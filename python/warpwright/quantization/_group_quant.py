"""What the operators that quantise groups of a row's elements share, whatever their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from warpwright.contract import Arguments, Contract, Refusal, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.quantization._quantize import (
    BOUNDS,
    GATED_TOLERANCE,
    OVERLAP,
    WORKLOADS,
    check_group_scales,
    check_memory,
    check_quantized,
    each_of,
    exponent_of,
    largest_of,
    packed,
    power_of,
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


def make_group_quant(names: tuple[str, str], dtypes: Sequence[torch.dtype]) -> Callable[..., Arguments]:
    """Return the ``make`` of an operator that calls its bounds by these names, and gives these dtypes."""

    def make(
        draw: Draw,
        rows: int = 64,
        hidden: int = 2048,
        group: int = 128,
        dtype: torch.dtype = torch.float16,
        to: torch.dtype = dtypes[0],
        halves: int = 1,
    ) -> Arguments:
        """Make a call."""
        return {
            "input": draw.normal(rows, halves * hidden, dtype=dtype),
            "output_q": draw.unwritten(rows, hidden, dtype=to),
            "output_s": draw.unwritten(rows, hidden // group, dtype=torch.float32),
            "group_size": group,
            "eps": 1e-10,
            **dict(zip(names, BOUNDS[to], strict=True)),
            "scale_ue8m0": False,
            "fuse_silu_and_mul": halves == 2,
            "masked_m": None,
        }

    return make


def _by_columns(scales: torch.Tensor) -> torch.Tensor:
    """Return scales of which those of one group are side by side, with room for four more rows."""
    rows, groups = scales.shape
    return scales.new_full((groups, rows + 4), -1).t()[:rows]


def packed_words(call: Arguments) -> Arguments:
    rows, groups = call["output_s"].shape
    words = torch.full((-(-groups // 4), rows + 4), -1, dtype=torch.int32, device=call["output_s"].device)
    return {"scale_ue8m0": True, "output_s": words.t()[:rows]}


def _gated_words(call: Arguments) -> Arguments:
    """Make one product of each group 20 * 1.5, in float32 as in float64, and the largest: far from powers of two."""
    changed = call["input"].clone()
    half, group = changed.shape[-1] // 2, call["group_size"]
    changed[:, :half:group], changed[:, half::group] = 20.0, 1.5
    return packed_words(call) | {"input": changed}


def _experts(*counts: int, by_column: bool = False) -> Callable[[Arguments], Arguments]:
    def change(call: Arguments) -> Arguments:
        number = len(counts)
        made = {name: call[name].view(number, -1, call[name].shape[-1]) for name in ("input", "output_q", "output_s")}
        if by_column:
            made["output_s"] = made["output_s"].transpose(1, 2).contiguous().transpose(1, 2)
        return {**made, "masked_m": torch.tensor(counts, dtype=torch.int32, device=call["input"].device)}

    return change


def _in_experts(call: Arguments) -> Arguments:
    """Experts whose scales are by columns, and of which all rows count."""
    return _experts(3, 3, by_column=True)(call) | {"masked_m": None}


def samples() -> tuple[Any, ...]:
    """Return calls that are taken."""
    return (
        sample("typical"),
        sample("smallest", rows=1, hidden=1, group=1),
        sample("odd", rows=7, hidden=4097, group=17, dtype=torch.bfloat16),
        sample("float32", rows=9, hidden=3072, dtype=torch.float32),
        sample("groups of 16", rows=33, hidden=7168, group=16, dtype=torch.bfloat16),
        sample("groups of 8", rows=5, hidden=64, group=8),
        sample("groups of 256", rows=12, hidden=4096, group=256),
        sample("groups of three quarters of a warp", rows=5, hidden=384, group=192),
        sample("groups of more than a warp", rows=5, hidden=2048, group=1024),
        sample("several rows a block", rows=1003, hidden=128, group=64, dtype=torch.bfloat16),
        sample("many vectors a thread", rows=3, hidden=24_576, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=70_016, group=64),
        sample("zeros", each(input=torch.zeros_like), rows=3),
        sample("by columns", each(output_s=_by_columns), rows=9),
        sample("powers of two", each(scale_ue8m0=lambda _: True), rows=9),
        sample("packed", packed_words, rows=9),
        sample("packed words that no group fills", packed_words, rows=9, hidden=768),
        sample("packed, one element at a time", packed_words, rows=9, hidden=36, group=6),
        sample("gated", rows=9, halves=2),
        sample("gated, packed", _gated_words, rows=9, halves=2),
        sample("gated, one element at a time", rows=9, hidden=60, group=12, halves=2, dtype=torch.bfloat16),
        sample("experts", _experts(2, 0, 5), rows=15),
        sample("experts by columns", _experts(1, 4, by_column=True), rows=8, hidden=512, dtype=torch.bfloat16),
        sample("experts of whom all rows count", _in_experts, rows=6, hidden=512),
        sample("experts, one element at a time", _experts(2, 3, by_column=True), rows=8, hidden=36, group=12),
        sample("slices", each(input=widened, output_q=widened, output_s=lambda x: widened(x, 1, 2)), rows=5),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), output_q=widened), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=16, group=16),
    )


def refusals(out_words: str, wrong: torch.dtype) -> tuple[Refusal, ...]:
    """Return calls that are refused; ``wrong`` is no dtype of the output."""
    return (
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse("out dtype", f"expected {out_words}", output_q=lambda x: torch.zeros_like(x, dtype=wrong)),
        refuse("scale dtype", "output_s has dtype float16, expected float32", output_s=torch.Tensor.half),
        refuse("words", "output_s has dtype int32, expected float32", output_s=torch.Tensor.int),
        refuse("group", "group_size is 96, expected a divisor of 2048", group_size=lambda _: 96),
        refuse("no group", "group_size is 0, expected at least 1", group_size=lambda _: 0),
        refuse("scales dim", "output_s has 1 dimensions, shape (16,); expected 2", output_s=lambda x: x[0]),
        refuse("scales rows", "size 7 in dimension 0, expected 64", output_s=lambda x: x[:7]),
        refuse(
            "scales",
            "size 3 in dimension 1, expected 16 (one scale for each group)",
            output_s=lambda x: x[:, :3],
        ),
        refuse(
            "few words",
            "size 16 in dimension 1, expected 4 (one word for four groups)",
            lambda call: {"scale_ue8m0": True, "output_s": call["output_s"].int()},
        ),
        refuse("scales repeated", "expected elements that do not overlap", output_s=repeated),
        refuse("shape", "output_q has shape (2, 2048), expected (64, 2048)", output_q=lambda x: x[:2]),
        refuse(
            "no halves",
            "size 2048 in dimension 1, expected 1024 (half of the last dimension of input)",
            fuse_silu_and_mul=lambda _: True,
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 2048 elements apart", output_q=repeated),
        refuse(
            "mask of no experts",
            "output_q has 2 dimensions, shape (64, 2048); expected 3",
            lambda call: {"masked_m": torch.ones(4, dtype=torch.int32, device=call["input"].device)},
        ),
        refuse(
            "mask size",
            "masked_m has shape (4,): size 4 in dimension 0, expected 8 (one number for each expert)",
            lambda call: _experts(*[1] * 8)(call)
            | {"masked_m": torch.ones(4, dtype=torch.int32, device=call["input"].device)},
        ),
        refuse(
            "mask dtype",
            "masked_m has dtype int64, expected int32",
            lambda call: {"masked_m": torch.ones(4, dtype=torch.int64, device=call["input"].device)},
        ),
        refuse(
            "scales in it",
            OVERLAP.format("output_s", "input"),
            lambda call: {"output_s": call["input"].view(torch.float32)[:, :16]},
        ),
        refuse(
            "in place",
            OVERLAP.format("output_q", "input"),
            lambda call: {"output_q": call["input"].view(call["output_q"].dtype)[:, :2048]},
        ),
    )


def group_contract(
    function: Callable[..., Any],
    check: Callable[..., None],
    reference: Callable[..., Any],
    make: Callable[..., Arguments],
    peers: Callable[..., Any],
    refused: tuple[Refusal, ...],
    more: tuple[Any, ...] = (),
) -> Contract:
    """Return the contract of such an operator."""
    return Contract(
        function=function,
        check=check,
        reference=reference,
        make=make,
        samples=(*samples(), *more),
        refusals=refused,
        tolerance=GATED_TOLERANCE,
        workloads=WORKLOADS,
        peers=peers,
    )

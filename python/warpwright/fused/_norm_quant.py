"""What the norms share whose result is quantised: checks, references, calls, and what their contracts say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from warpwright.checks import (
    FLOAT16_TYPES,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    known,
)
from warpwright.contract import Arguments, Contract, Refusal, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.elementwise._norm import check_weight_shape
from warpwright.quantization._quantize import (
    BOUNDS,
    NEVER_IN_PLACE,
    OVERLAP,
    TOLERANCE,
    WORKLOADS,
    check_group_scales,
    check_memory,
    check_quantized,
    check_row_scales,
    check_tensor_scale,
    each_of,
    largest_of,
    quantized,
    scale_of,
)
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

Named = tuple[str, torch.Tensor]
CANCELLED = "and what cancels in float32 where a bias is added, or a sum of many squares is rounded"


def check_norm_quant(
    out: torch.Tensor,
    scales: Named,
    input: torch.Tensor,  # noqa: A002
    weights: Sequence[Named],
    residual: torch.Tensor | None = None,
    group_size: int | None = None,
) -> None:
    """Refuse what a norm that quantises cannot take; ``scales`` are named ``scale`` where one is read."""
    for name, weight in weights:
        check_same_device(name, weight, "input", input)
    if residual is not None:
        check_same_device("residual", residual, "input", input)
    check_quantized(input, "out", out, *scales)
    _check_weights(input, weights)
    if residual is not None:
        check_same_dtype("residual", residual, "input", input)
        check_same_shape("residual", residual, "input", input)
        check_inner_stride("residual", residual)
    if scales[0] == "scale":
        check_tensor_scale(*scales)
    elif group_size is None:
        check_row_scales(*scales, out)
    else:
        check_group_scales(*scales, "out", out, group_size)
    if not known(input.numel() == 0):
        _check_memory(out, scales, input, weights, residual)


def _check_weights(input: torch.Tensor, weights: Sequence[Named]) -> None:  # noqa: A002
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    (name, weight), *bias = weights
    if not bias or weight.dtype != torch.float32:
        check_same_dtype(name, weight, "input", input)
    check_weight_shape(name, weight, input)
    for other_name, other in bias:
        check_same_dtype(other_name, other, name, weight)
        check_weight_shape(other_name, other, input)


def _check_memory(
    out: torch.Tensor,
    scales: Named,
    input: torch.Tensor,  # noqa: A002
    weights: Sequence[Named],
    residual: torch.Tensor | None,
) -> None:
    check_memory(input, "out", out, *scales, is_static=scales[0] == "scale")
    out_rows = rows_of(out, out_row_stride("out", out))
    check_apart("out", out_rows, [(name, span_of(weight)) for name, weight in weights])
    if residual is None:
        return
    residual_rows = rows_of(residual, out_row_stride("residual", residual))
    input_rows = rows_of(input, row_stride("input", input))
    check_apart("out", out_rows, [("residual", residual_rows)])
    others = [("input", input_rows), *((name, span_of(each)) for name, each in (*weights, scales))]
    check_apart("residual", residual_rows, others)


def by_scale(x: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return rows quantised by one scale that is given."""
    return quantized(x, scale.to(x.dtype).reshape(()), dtype, BOUNDS[dtype])


def by_own_scales(
    x: torch.Tensor, out: torch.Tensor, scales: torch.Tensor, group_size: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows quantised by scales of their own, and those; without elements, both outputs as they are."""
    if out.numel() == 0:
        return out.to(x.dtype), scales
    bounds = BOUNDS[out.dtype]
    found = scale_of(largest_of(x, group_size), bounds[1])
    of_each = found if group_size is None else each_of(found, group_size)
    return quantized(x, of_each, out.dtype, bounds), found.reshape(scales.shape)


def maker(names: Sequence[str], *, dynamic: bool) -> Callable[..., Arguments]:
    """Return what makes calls of an operator whose arguments are these."""

    def make(
        draw: Draw,
        rows: int = 64,
        hidden: int = 4096,
        dtype: torch.dtype = torch.float16,
        to: torch.dtype = torch.float8_e4m3fn,
        group: int | None = None,
    ) -> Arguments:
        """Make a call."""
        groups = 1 if group is None else hidden // group
        made: dict[str, Callable[[], Any]] = {
            "out": lambda: draw.unwritten(rows, hidden, dtype=to),
            "scales": lambda: draw.unwritten(rows, groups, dtype=torch.float32),
            "input": lambda: draw.normal(rows, hidden, dtype=dtype),
            "residual": lambda: draw.normal(rows, hidden, dtype=dtype),
            "weight": lambda: draw.normal(hidden, dtype=dtype),
            "gemma": lambda: draw.normal(hidden, dtype=torch.float32),
            "beta": lambda: draw.normal(hidden, dtype=torch.float32),
            "scale": lambda: draw.uniform(1, least=0.005, most=0.02),
            "eps": lambda: 1e-6,
            "group_size": lambda: group,
            "enable_pdl": lambda: None,
        }
        return {name: made[name]() for name in names}

    return make if dynamic else _without_groups(make)


def _without_groups(make: Callable[..., Arguments]) -> Callable[..., Arguments]:
    def make_static(
        draw: Draw,
        rows: int = 64,
        hidden: int = 4096,
        dtype: torch.dtype = torch.float16,
        to: torch.dtype = torch.float8_e4m3fn,
    ) -> Arguments:
        """Make a call."""
        return make(draw, rows, hidden, dtype, to)

    return make_static


def _samples(names: Sequence[str], weight: str, *, dynamic: bool) -> tuple[Any, ...]:
    rows = [name for name in ("out", "input", "residual") if name in names]
    sliced = each(**dict.fromkeys(rows, widened))
    off = each(**{name: widened if name == "out" else _off_every_vector for name in rows})
    three = each(**{name: lambda x: x.view(2, 3, -1) for name in rows})
    found = [
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("int8", rows=9, to=torch.int8),
        sample("several rows a block", rows=1003, hidden=128, dtype=torch.bfloat16),
        sample("two vectors a thread", rows=5, hidden=8192, dtype=torch.bfloat16),
        sample("four vectors for some threads", rows=5, hidden=11_000, dtype=torch.bfloat16),
        sample("many rows", rows=2200, hidden=1536, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=70_000),
        sample("slices", sliced, rows=5, hidden=128),
        sample("slices off every vector", off, rows=5),
        sample("three dimensions", three, rows=6),
        sample("without dependent launch", each(enable_pdl=lambda _: False), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    ]
    if weight == "gemma":
        half = each(gemma=torch.Tensor.half, beta=torch.Tensor.half)
        found.append(sample("weights of the input's dtype", half, rows=9))
    if dynamic:
        found += [
            sample("flat scales", each(scales=torch.Tensor.flatten), rows=5),
            sample("groups", rows=33, hidden=7168, group=128, dtype=torch.bfloat16),
            sample("groups of int8", rows=9, hidden=4096, group=64, to=torch.int8),
            sample("groups of any size", rows=9, hidden=60, group=12),
            sample("groups by columns", each(scales=lambda x: x.t().contiguous().t()), rows=9, group=128),
        ]
    return tuple(found)


def _refusals(names: Sequence[str], weight: str, *, dynamic: bool) -> tuple[Refusal, ...]:
    scales = "scales" if dynamic else "scale"
    found = [
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16", input=torch.Tensor.short),
        refuse("float32", "input has dtype float32, expected float16 or bfloat16", input=torch.Tensor.float),
        refuse("out dtype", "out has dtype uint8, expected float8_e4m3fn or int8", out=lambda x: x.view(torch.uint8)),
        refuse("scale dtype", f"{scales} has dtype float16, expected float32", **{scales: torch.Tensor.half}),
        refuse("weight dtype", f"{weight} has dtype bfloat16, expected float16", **{weight: torch.Tensor.bfloat16}),
        refuse("weight size", f"{weight} has shape (32,): size 32 in", **{weight: lambda x: x[:32]}),
        refuse("weight stride", "expected a contiguous tensor", **{weight: lambda x: x.repeat(2)[::2]}),
        refuse("out shape", "out has shape (2, 4096), expected (64, 4096)", out=lambda x: x[:2]),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 4096 elements apart", out=repeated),
        refuse("in place", OVERLAP.format("out", "input"), _in_place),
    ]
    if "residual" in names:
        found += [
            refuse("residual shape", "residual has shape (2, 4096), expected (64, 4096)", residual=lambda x: x[:2]),
            refuse("residual is input", OVERLAP.format("residual", "input"), lambda call: {"residual": call["input"]}),
        ]
    if "beta" in names:
        found.append(refuse("beta dtype", "beta has dtype float16, expected float32", beta=torch.Tensor.half))
    if dynamic:
        found += [
            refuse("scales", "with 7 elements, expected 64 (one scale for each row)", scales=lambda x: x[:7]),
            refuse("group", "group_size is 96, expected a divisor of 4096", group_size=lambda _: 96),
        ]
    else:
        found.append(refuse("scales", "with 2 elements, expected 1 (one scale for", scale=lambda x: x.repeat(2)))
    return tuple(found)


def _off_every_vector(x: torch.Tensor) -> torch.Tensor:
    return widened(x, 3)


def _in_place(call: Arguments) -> Arguments:
    return {"out": call["input"].view(call["out"].dtype)[:, : call["out"].shape[-1]]}


def norm_quant_contract(
    function: Callable[..., Any],
    names: Sequence[str],
    check: Callable[..., None],
    reference: Callable[..., Any],
    peers: Callable[..., Any],
    *,
    also_in: tuple[str, ...] = (),
) -> Contract:
    """Return the contract of a norm that quantises; ``names`` are the arguments of its schema."""
    dynamic, weight = "scales" in names, "gemma" if "gemma" in names else "weight"
    return Contract(
        function=function,
        check=check,
        reference=reference,
        make=maker(names, dynamic=dynamic),
        samples=_samples(names, weight, dynamic=dynamic),
        refusals=_refusals(names, weight, dynamic=dynamic),
        tolerance=replace(TOLERANCE, of_largest=2.0**-20, origin=f"{TOLERANCE.origin}; {CANCELLED}"),
        workloads=(*WORKLOADS, *({**sizes, "group": 128} for sizes in WORKLOADS[::3] if dynamic)),
        peers=peers,
        traits=() if dynamic else (NEVER_IN_PLACE,),
        also_in=also_in,
    )

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
from warpwright.contract import Arguments, Contract
from warpwright.draw import Draw
from warpwright.elementwise._norm import check_weight_shape
from warpwright.fused._norm_quant_calls import refusals, samples
from warpwright.quantization._group_scales import check_group_scales, each_of
from warpwright.quantization._quantize import (
    BOUNDS,
    NEVER_IN_PLACE,
    TOLERANCE,
    WORKLOADS,
    check_memory,
    check_quantized,
    check_row_scales,
    check_tensor_scale,
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
        samples=samples(names, weight, dynamic=dynamic),
        refusals=refusals(names, weight, dynamic=dynamic),
        tolerance=replace(TOLERANCE, of_largest=2.0**-20, origin=f"{TOLERANCE.origin}; {CANCELLED}"),
        workloads=(*WORKLOADS, *({**sizes, "group": 128} for sizes in WORKLOADS[::3] if dynamic)),
        peers=peers,
        traits=() if dynamic else (NEVER_IN_PLACE,),
        also_in=also_in,
    )

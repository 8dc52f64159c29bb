"""Calls of the norms whose result is quantised: those that are taken, and those that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from warpwright.contract import Arguments, Refusal, each, refuse, sample
from warpwright.draw import crossed, repeated, widened
from warpwright.quantization._quantize import OVERLAP


def samples(names: Sequence[str], weight: str, *, dynamic: bool) -> tuple[Any, ...]:
    """Return calls that are taken, of an operator whose arguments are these."""
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


def refusals(names: Sequence[str], weight: str, *, dynamic: bool) -> tuple[Refusal, ...]:
    """Return calls that are refused."""
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

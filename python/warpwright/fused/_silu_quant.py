"""What the operators that quantise gated halves share."""

from __future__ import annotations

from typing import Any

import torch

from warpwright.contract import Arguments, Refusal, each, refuse, sample
from warpwright.draw import crossed, repeated, widened
from warpwright.quantization._quantize import OVERLAP

WORKLOADS = tuple(
    {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
    for rows, hidden in (
        (1, 14_336), (16, 14_336), (256, 14_336), (4096, 14_336), (1, 2048), (64, 2048), (4096, 2048), (16_384, 2048),
        (7, 18_944), (2048, 18_944), (16_384, 768), (4096, 8192),
    )
)  # fmt: skip


def samples() -> tuple[Any, ...]:
    """Return calls that are taken."""
    three = each(input=lambda x: x.view(2, 3, -1), out=lambda x: x.view(2, 3, -1))
    return (
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("int8", rows=9, to=torch.int8),
        sample("float32", rows=9, hidden=3072, dtype=torch.float32),
        sample("several rows a block", rows=1003, hidden=128, dtype=torch.bfloat16),
        sample("two vectors a thread", rows=5, hidden=16_384, dtype=torch.bfloat16),
        sample("four vectors for some threads", rows=5, hidden=24_584, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=70_000),
        sample("zeros", each(input=torch.zeros_like), rows=3, hidden=64),
        sample("slices", each(input=widened, out=widened), rows=5, hidden=128),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), out=widened), rows=5),
        sample("three dimensions", three, rows=6),
        sample("without dependent launch", each(enable_pdl=lambda _: False), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    )


def refusals(scales: str) -> tuple[Refusal, ...]:
    """Return calls that are refused; ``scales`` names the scale or the scales."""
    return (
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse("out dtype", "out has dtype uint8, expected float8_e4m3fn or int8", out=lambda x: x.view(torch.uint8)),
        refuse("scale dtype", f"{scales} has dtype float16, expected float32", **{scales: torch.Tensor.half}),
        refuse("odd", "the last dimension of input is 33, expected a multiple of 2", input=lambda x: x[:, :33]),
        refuse("out rows", "out has shape (2, 2048): size 2 in dimension 0, expected 64", out=lambda x: x[:2]),
        refuse(
            "out size",
            "size 7 in dimension 1, expected 2048 (half of the last dimension of input)",
            out=lambda x: x[:, :7],
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 2048 elements apart", out=repeated),
        refuse("in place", OVERLAP.format("out", "input"), _in_place),
    )


def _in_place(call: Arguments) -> Arguments:
    return {"out": call["input"].view(call["out"].dtype)[:, : call["out"].shape[-1]]}

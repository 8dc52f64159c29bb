"""Calls of the norms: those that are taken, those that are refused, and those that are timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.contract import Arguments, Refusal, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened

WORKLOADS = tuple(
    {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
    for rows, hidden in (
        (1, 4096), (64, 4096), (1024, 4096), (16_384, 4096), (1, 8192), (64, 8192), (1024, 8192), (8192, 8192),
        (257, 3584), (7, 18_944), (512, 18_944), (4096, 128), (128, 128), (16_384, 1536), (648_720, 128),
    )
)  # fmt: skip
OVERLAP = "{} overlaps {} in memory, expected memory of its own: clone one of them"


def make_norm(draw: Draw, rows: int = 64, hidden: int = 4096, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call of a norm that writes an output."""
    return {
        "out": draw.unwritten(rows, hidden, dtype=dtype),
        "input": draw.normal(rows, hidden, dtype=dtype),
        "weight": draw.normal(hidden, dtype=dtype),
        "eps": 1e-6,
        "enable_pdl": None,
    }


def make_add_norm(draw: Draw, rows: int = 64, hidden: int = 4096, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call of a norm of a sum."""
    return {
        "input": draw.normal(rows, hidden, dtype=dtype),
        "residual": draw.normal(rows, hidden, dtype=dtype),
        "weight": draw.normal(hidden, dtype=dtype),
        "eps": 1e-6,
        "enable_pdl": None,
    }


def _shifted(other: str) -> Callable[[Arguments], Arguments]:
    """Put another tensor 8 columns behind the input."""

    def change(call: Arguments) -> Arguments:
        wide = torch.zeros(64, 4104, dtype=torch.float16, device=call["input"].device)
        return {"input": wide[:, :4096], other: wide[:, 8:]}

    return change


def _a_row_on(other: str) -> Callable[[Arguments], Arguments]:
    def change(call: Arguments) -> Arguments:
        rows = torch.zeros(65, 4096, dtype=torch.float16, device=call["input"].device)
        return {"input": rows[:64], other: rows[1:]}

    return change


def _beside(other: str) -> Callable[[Arguments], Arguments]:
    def change(call: Arguments) -> Arguments:
        wide = call["input"].repeat(1, 2)
        return {"input": wide[:, : wide.shape[1] // 2], other: wide[:, wide.shape[1] // 2 :]}

    return change


def _both(other: str, make: Callable[[torch.Tensor], torch.Tensor], other_make: Any = None) -> Any:
    return each(**{"input": make, other: other_make or make})


def samples(other: str) -> tuple[Any, ...]:
    """Return calls that are taken; ``other`` names the tensor that has the input's shape."""
    four = _both(other, lambda x: x.view(2, 3, 4, -1))
    return (
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("float32", rows=9, hidden=3072, dtype=torch.float32),
        sample("more than the registers hold", rows=3, hidden=40_000),
        sample("several rows a block", rows=1003, hidden=128, dtype=torch.bfloat16),
        sample("rows of no power of two of vectors", rows=77, hidden=24),
        sample("two vectors a thread", rows=5, hidden=16_384, dtype=torch.bfloat16),
        sample("two vectors for some threads", rows=3, hidden=8200),
        sample("four vectors a thread", rows=3, hidden=18_944),
        sample("four vectors for some threads", rows=5, hidden=24_584, dtype=torch.bfloat16),
        sample("many rows", rows=700, hidden=5120, dtype=torch.bfloat16),
        sample("slices", _both(other, widened), rows=5, hidden=128),
        sample("slices off every vector", _both(other, lambda x: widened(x, 3), lambda x: widened(x, 5)), rows=5),
        sample("beside", _beside(other), rows=9),
        sample("four dimensions", four, rows=24),
        sample("without dependent launch", each(enable_pdl=lambda _: False), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    )


def refusals(other: str, weight: str = "weight") -> tuple[Refusal, ...]:
    """Return calls that are refused; ``weight`` names the weight, which is float32 under another name."""
    apart = _both(other, lambda x: x.view(4, 16, -1).transpose(0, 1), lambda x: x.view(16, 4, -1))
    overlap = ("out", "input") if other == "out" else ("input", "residual")
    return (
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse(
            "weight dtype",
            f"{weight} has dtype bfloat16, expected float16, the dtype of input",
            **{weight: torch.Tensor.bfloat16},
        ),
        refuse(
            f"{other} dtype",
            f"{other} has dtype bfloat16, expected float16, the dtype of input",
            **{other: torch.Tensor.bfloat16},
        ),
        refuse("weight dim", f"{weight} has 2 dimensions, shape (1, 4096); expected 1", **{weight: lambda x: x[None]}),
        refuse(
            "weight size",
            f"{weight} has shape (32,): size 32 in dimension 0, expected 4096",
            **{weight: lambda x: x[:32]},
        ),
        refuse("weight stride", "expected a contiguous tensor", **{weight: lambda x: x.repeat(2)[::2]}),
        refuse(
            f"{other} shape",
            f"{other} has shape (2, 4096), expected (64, 4096), the shape of input",
            **{other: lambda x: x[:2]},
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("rows apart", "expected rows at one distance from each other", apart),
        refuse(
            f"{other} repeated", "expected rows that do not overlap: at least 4096 elements apart", **{other: repeated}
        ),
        refuse("shifted", OVERLAP.format(*overlap), _shifted(other)),
        refuse("a row on", OVERLAP.format(*overlap), _a_row_on(other)),
        refuse("weight in it", OVERLAP.format(other, weight), lambda call: {weight: _of_memory(call[other], weight)}),
    )


def _of_memory(other: torch.Tensor, weight: str) -> torch.Tensor:
    """Return a weight that lies where another tensor does: float32 under another name."""
    return other[5] if weight == "weight" else other[4:6].view(-1).view(torch.float32)

"""Calls of the operators that draw: arguments, samples, refusals and workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from warpwright.contract import Arguments, Change, Refusal, Sample, Tolerance, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw, crossed, widened

WORKLOADS: tuple[Mapping[str, Any], ...] = (
    *({"rows": rows, "classes": 128_256} for rows in (1, 8, 32, 128, 512)),
    {"rows": 128, "classes": 32_000},
    {"rows": 128, "classes": 151_936},
    {"rows": 64, "classes": 128_256, "spread": 3.0},
)
TOLERANCE = Tolerance({}, 0.0, "a sample is one of the classes that may be drawn, and valid where there is one")
UNDETERMINED = Trait(
    TraitKind.UNDETERMINED, "a class is drawn by chance: the GPU and the reference sum in different orders"
)
SLACK = 1e-5
"""How far the kernels' sums in float32 may be from the exact ones, relative: it decides for classes at a bound."""


def make_probs(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    spread: float = 1.0,
    long: bool | None = None,
    seeded: bool = False,
) -> Arguments:
    """Make the arguments that all have: probabilities of normal logits, and numbers to draw by."""
    logits = draw.normal(rows, classes, dtype=torch.float32, scale=spread)
    return _arguments("probs", logits.softmax(-1), draw, rows, long, seeded)


def make_logits(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    spread: float = 1.0,
    dtype: torch.dtype = torch.float32,
    long: bool | None = None,
    seeded: bool = False,
) -> Arguments:
    """Make the same with logits."""
    return _arguments("logits", draw.normal(rows, classes, dtype=dtype, scale=spread), draw, rows, long, seeded)


def _arguments(name: str, scores: torch.Tensor, draw: Draw, rows: int, long: bool | None, seeded: bool) -> Arguments:
    indices = None if long is None else draw.integers(0, rows, rows, dtype=torch.int64 if long else torch.int32)
    numbers = [draw.integers(-(2**62), 2**62, rows, dtype=torch.int64) for _ in range(2)] if seeded else [None, None]
    return {name: scores, "indices": indices, "seed": 1234, "offset": 8, "seeds": numbers[0], "offsets": numbers[1]}


def with_filters(call: Arguments, filters: Arguments) -> Arguments:
    """Put an operator's own arguments behind the scores and indices, as its schema has them."""
    (name, scores), (_, indices), *numbers = call.items()
    return {name: scores, "indices": indices, **filters, **dict(numbers)}


def set_row(name: str, value: float) -> Change:
    """Set all of the first row, half of the second and one of the third."""

    def change(call: Arguments) -> Arguments:
        scores = call[name].clone()
        scores[0] = value
        scores[1, : scores.shape[1] // 2] = value
        scores[2, -1] = value
        return {name: scores}

    return change


def beyond_weights(name: str) -> Change:
    """Put numbers into every row beyond what is told apart of probabilities: an infinite one, and a large one."""

    def change(call: Arguments) -> Arguments:
        scores = call[name].clone()
        scores[:, 5] = min(2.0**110, torch.finfo(scores.dtype).max)
        scores[1:, 7] = torch.inf
        return {name: scores}

    return change


def samples_of(name: str, *own: Sample) -> tuple[Sample, ...]:
    """Return the samples that all have, and an operator's own."""
    return (
        sample("typical"),
        sample("smallest", rows=1, classes=1),
        sample("odd", rows=3, classes=4099),
        sample("two classes", rows=33, classes=2),
        sample("111 classes", rows=5, classes=111),
        sample("a vocabulary", rows=2, classes=151_936),
        sample("a peak", rows=5, classes=32_000, spread=6.0),
        sample("indices", long=False),
        sample("long indices", rows=7, long=True),
        sample("indices of no row", lambda call: {"indices": call["indices"] - 3}, long=True),
        sample("seeds of their own", rows=9, seeded=True),
        sample(
            "one seed on the device",
            lambda call: {"seeds": call["seeds"][:1], "offsets": call["offsets"][:1]},
            seeded=True,
        ),
        sample("NaN", set_row(name, torch.nan)),
        sample("infinite", set_row(name, torch.inf)),
        sample("infinite and negative", set_row(name, -torch.inf)),
        sample("beyond 2^100", beyond_weights(name), rows=5),
        sample("zeros", set_row(name, 0.0)),
        sample("many zeros", each(**{name: torch.zeros_like}), rows=3, classes=20_000),
        sample("equals", lambda call: {name: torch.full_like(call[name], 0.001)}, rows=4, classes=5000),
        sample("slices", each(**{name: widened}), rows=5, classes=128),
        sample("slices off every vector", each(**{name: lambda x: widened(x, 3)}), rows=5, classes=777),
        sample("one row for all", each(**{name: lambda x: x[:1].expand(x.shape)}), rows=6),
        sample("empty", rows=0),
        sample("largest", rows=3, classes=1 << 20),
        *own,
    )


def refusals_of(name: str, *own: Refusal) -> tuple[Refusal, ...]:
    """Return the refusals that all have, and an operator's own."""
    types = "float32" if name == "probs" else "float16 or bfloat16 or float32"
    return (
        refuse("dtype", f"{name} has dtype int32, expected {types}", **{name: torch.Tensor.int}),
        refuse("dim", f"{name} has 1 dimensions, shape (1000,); expected 2", **{name: lambda x: x[0]}),
        refuse("no class", f"the columns of {name} is 0, expected at least 1", **{name: lambda x: x[:, :0]}),
        refuse(
            "many classes",
            f"the columns of {name} is 1048577, expected at most 1048576: the kernels' sums are exact up to there",
            **{name: lambda x: x[:, :1].expand(16, 1_048_577)},
        ),
        refuse("crossed", f"{name} has strides (1, 16), expected 1 in the last dimension", **{name: crossed}),
        refuse("indices dtype", "indices has dtype int16, expected int32 or int64", _put("indices", torch.int16)),
        refuse(
            "indices dim",
            "indices has 2 dimensions, shape (4, 4); expected 1",
            lambda call: {"indices": _numbers(call, torch.int32).view(4, 4)},
        ),
        refuse(
            "indices stride",
            "indices has shape (8,) and strides (2,), expected a contiguous tensor",
            lambda call: {"indices": _numbers(call, torch.int32)[::2]},
        ),
        refuse("seeds dtype", "seeds has dtype int32, expected int64", _put("seeds", torch.int32)),
        refuse(
            "seeds size",
            "seeds has shape (3,): size 3 in dimension 0, expected 16 (one for each row, or one for all)",
            _put("seeds", torch.int64, 3),
        ),
        refuse(
            "offsets dim",
            "offsets has 2 dimensions, shape (1, 16); expected 1",
            lambda call: {"offsets": _numbers(call, torch.int64).view(1, 16)},
        ),
        *own,
    )


def number_refusals(name: str, dtype: torch.dtype, wrong: torch.dtype) -> tuple[Refusal, ...]:
    """Return the refusals of a filter's number for each draw."""
    words = f"{name} has dtype {str(wrong).removeprefix('torch.')}, expected {str(dtype).removeprefix('torch.')}"
    return (
        refuse(f"{name} dtype", words, _put(name, wrong)),
        refuse(
            f"{name} size",
            f"{name} has shape (5,): size 5 in dimension 0, expected 16 (one for each draw)",
            _put(name, dtype, 5),
        ),
    )


def _put(name: str, dtype: torch.dtype, count: int = 16) -> Change:
    return lambda call: {name: _numbers(call, dtype)[:count].clone()}


def _numbers(call: Arguments, dtype: torch.dtype) -> torch.Tensor:
    return torch.ones(16, dtype=dtype, device=next(iter(call.values())).device)

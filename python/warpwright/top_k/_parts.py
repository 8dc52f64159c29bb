"""Selections from a part of each row: what a row's part is, what is taken of it, and calls to try them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import Arguments, Change, Output, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.top_k._pairs import EDGES
from warpwright.top_k._selection import AN_INDEX, MOST_COLUMNS, check_of_rows, check_rows, in_order


def check_parts(score: torch.Tensor, lengths: torch.Tensor, topk: int, row_starts: torch.Tensor | None) -> None:
    """Refuse parts that the operators cannot take."""
    check_rows("score", score)
    check_of_rows("lengths", lengths, score)
    if row_starts is not None:
        check_of_rows("row_starts", row_starts, score)
    check_at_least("topk", topk, 0)
    check_at_most("topk", topk, MOST_COLUMNS, AN_INDEX)


def chosen(score: torch.Tensor, lengths: torch.Tensor, topk: int, row_starts: torch.Tensor | None) -> torch.Tensor:
    """Return the indices that are taken of each row, ascending, and -1 behind the last, int64."""
    rows, columns = score.shape
    places = torch.arange(max(columns, topk), device=score.device)
    starts = torch.zeros_like(lengths) if row_starts is None else row_starts.clamp(0, columns)
    is_short = lengths <= topk
    found = lengths.where(is_short, torch.minimum(lengths, columns - starts)).clamp(min=0)
    result = places[:topk].expand(rows, topk)
    if 0 < topk < columns:
        where = (starts[:, None] + places[:columns]).clamp(max=columns - 1)
        keys = in_order(score.gather(1, where)).where(places[:columns] < found[:, None], -torch.inf)
        order = torch.sort(keys, dim=1, descending=True, stable=True).indices[:, :topk].sort(dim=1).values
        result = order.where((found > topk)[:, None], result)
    return result.where(result < found.clamp(max=topk).where(found <= topk, columns)[:, None], -1)


def places_output(score: torch.Tensor, topk: int) -> Output:
    """Return what the operators give."""
    return Output((score.shape[0], topk), torch.int32)


def make_parts(
    draw: Draw, rows: int, columns: int, topk: int, dtype: torch.dtype, *, is_full: bool = False
) -> Arguments:
    """Make rows and their parts: all of each row, or parts of which some leave their rows and some are short."""
    score = draw.normal(rows, columns, dtype=dtype)
    if is_full:
        lengths = torch.full((rows,), columns, dtype=torch.int32, device=draw.device)
        return {"score": score, "lengths": lengths, "topk": topk, "row_starts": None}
    lengths = draw.integers(-2, columns + columns // 4 + 2, rows)
    return {"score": score, "lengths": lengths, "topk": topk, "row_starts": draw.integers(-2, columns // 2 + 2, rows)}


def moves(score: torch.Tensor, topk: int) -> int:
    """Return the bytes of the rows, and of the indices that are written."""
    return int(score.numel() * score.element_size() + score.shape[0] * topk * 4)


def _filled(value: int) -> Callable[[Any], torch.Tensor]:
    return lambda numbers: torch.full_like(numbers, value)


def _without_starts(**replaced: Callable[[Any], Any]) -> Change:
    return each(**replaced, row_starts=lambda _: None)


def samples() -> tuple[Sample, ...]:
    """Return the samples that all selections of parts have."""
    whole = {"lengths": _filled(10_000), "row_starts": _filled(0)}
    return (
        sample("typical"),
        sample("smallest", rows=1, columns=1, topk=1),
        sample("odd", rows=7, columns=1037, topk=33, dtype=torch.bfloat16),
        sample("float16", rows=5, columns=2000, topk=50, dtype=torch.float16),
        sample("parts that begin with their rows", _without_starts(), rows=5),
        sample("none of them", rows=3, topk=0),
        sample("more than a row has", rows=5, topk=400),
        sample("as many as a row has", each(**whole), rows=3, topk=300),
        sample("short parts that nothing reads", each(lengths=_filled(16), row_starts=_filled(10**6)), rows=3),
        sample("lengths beyond and below", each(lengths=lambda x: (x.long() * 10**9).int()), rows=6),
        sample("starts beyond and below", each(lengths=_filled(100), row_starts=lambda x: x * 10**7 - 10**9), rows=6),
        *(sample(kind, each(score=change, **whole), rows=6) for kind, change in EDGES.items()),
        sample("slices", each(score=widened), rows=5, columns=331),
        sample("slices off every vector", each(score=lambda x: widened(x, 3, 2)), rows=5, columns=700),
        sample("rows that blocks share", rows=3, columns=40_000, topk=100),
        sample("ties that blocks share", each(score=torch.Tensor.round), rows=3, columns=40_000, topk=2048),
        sample("empty", rows=0),
        sample("no elements", columns=0),
        sample("largest", rows=3, columns=3_000_001, topk=2048),
    )


def refusals() -> tuple[Refusal, ...]:
    """Return the refusals that all selections of parts have."""
    return (
        refuse("dtype", "score has dtype float64, expected float16 or bfloat16 or float32", score=torch.Tensor.double),
        refuse("dim", "score has 1 dimensions, shape (300,); expected 2", score=lambda x: x[0]),
        refuse("crossed", "score has strides (1, 64), expected 1 in the last dimension", score=crossed),
        refuse("lengths dtype", "lengths has dtype int64, expected int32", lengths=torch.Tensor.long),
        refuse("lengths dim", "lengths has 2 dimensions, shape (64, 1); expected 1", lengths=lambda x: x[:, None]),
        refuse("lengths", "lengths has shape (2,): size 2 in dimension 0, expected 64", lengths=lambda x: x[:2]),
        refuse("lengths apart", "lengths has shape (64,) and strides (2,)", lengths=lambda x: x.repeat(2)[::2]),
        refuse("row_starts dtype", "row_starts has dtype int64, expected int32", row_starts=torch.Tensor.long),
        refuse("row_starts", "row_starts has shape (2,): size 2 in dimension 0", row_starts=lambda x: x[:2]),
        refuse("less than none", "topk is -1, expected at least 0", topk=lambda _: -1),
        refuse("too many", "topk is 4294967296, expected at most 2147483647", topk=lambda _: 2**32),
    )


WORKLOADS = tuple(
    {"rows": rows, "columns": columns, "topk": 2048, "is_full": True}
    for rows, columns in (
        (1, 4096), (16, 4096), (1024, 4096), (1, 16_384), (128, 16_384), (1024, 16_384),
        (1, 65_536), (16, 65_536), (128, 65_536), (1, 131_072), (16, 131_072), (128, 131_072), (1024, 131_072),
    )
)  # fmt: skip

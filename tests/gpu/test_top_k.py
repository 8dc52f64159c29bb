"""Selections of every plan, of rows of any length: one block, clusters, all held in shared memory or a part."""

from __future__ import annotations

import pytest
import torch
from selections import *  # noqa: F403
from selections import DTYPES

import warpwright
from warpwright.top_k._selection import largest
from warpwright.top_k.top_k import top_k

pytestmark = pytest.mark.operator("top_k")

COLUMNS = [1, 31, 127, 1025, 4096, 8195, 16_384, 33_333, 65_536, 131_072, 500_001]


def rows_of(kind: str, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    """Draw rows that a selection finds easy, full of ties, close together, or already in order."""
    x = torch.randn(rows, columns, device="cuda")
    if kind == "tied":
        x = x.mul(4).round()
    if kind == "close":
        x = 54 + 34 * x.sigmoid()
    if kind == "rising":
        x = x.sort(dim=1).values
    return x.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", ["normal", "tied", "close", "rising"])
@pytest.mark.parametrize("rows", [1, 3, 150])
@pytest.mark.parametrize("columns", COLUMNS)
def test_the_largest_are_found_and_stand_in_order(columns: int, rows: int, kind: str, dtype: torch.dtype) -> None:
    x = rows_of(kind, rows, columns, dtype)
    for k in sorted({1, min(50, columns), min(2048, columns), columns // 2 + 1}):
        expected = largest(x, k)
        found = top_k(x, k)
        assert torch.equal(found[1], expected.sort(dim=1).values), k
        assert torch.equal(found[0], x.gather(1, found[1])), k
        if k <= 2048:
            values, indices = warpwright.fast_topk(x, k, dim=-1)
            assert torch.equal(indices, expected), k
            assert torch.equal(values, x.gather(1, expected)), k


@pytest.mark.operator("fast_topk_v2")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", ["normal", "tied"])
@pytest.mark.parametrize("rows", [1, 16, 200])
@pytest.mark.parametrize("columns", [3000, 16_384, 70_001, 131_072])
def test_parts_of_rows_are_found(columns: int, rows: int, kind: str, dtype: torch.dtype) -> None:
    score = rows_of(kind, rows, columns, dtype)
    lengths = torch.randint(0, columns + 1, (rows,), dtype=torch.int32, device="cuda")
    starts = torch.randint(0, 999, (rows,), dtype=torch.int32, device="cuda")
    found = warpwright.fast_topk_v2(score, lengths, 2048, starts)
    for row, (length, start) in enumerate(zip(lengths.tolist(), starts.tolist(), strict=True)):
        part = score[row : row + 1, start : start + length]
        count = length if length <= 2048 else min(part.shape[1], 2048)
        expected = torch.arange(count, device="cuda")[None]
        if count == 2048 and part.shape[1] > 2048:
            expected = largest(part, 2048).sort(dim=1).values
        assert torch.equal(found[row, :count].long(), expected[0]), row
        assert bool((found[row, count:] == -1).all()), row

"""Selections of the k largest, as their callers write them: any dimension, any k, and the order of equal elements."""

from __future__ import annotations

import pytest
import torch
from selections import *  # noqa: F403

from warpwright.top_k.fast_topk import fast_topk
from warpwright.top_k.fast_topk_transform_fused import fast_topk_transform_fused
from warpwright.top_k.fast_topk_v2 import fast_topk_v2
from warpwright.top_k.top_k import top_k


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("topk", [0, 1, 3])
def test_fast_topk_takes_any_dimension_as_torch_does(dim: int, topk: int) -> None:
    x = torch.randn(3, 5, 4)
    found, expected = fast_topk(x, topk, dim), torch.topk(x, topk, dim=dim)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("shape", [(7,), (1, 7), (2, 0, 7), (2, 3, 1, 7)], ids=str)
def test_fast_topk_keeps_all_other_dimensions(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    found = fast_topk(x, 2, dim=-1)
    assert [tuple(each.shape) for each in found] == [(*shape[:-1], 2)] * 2
    assert torch.equal(found[0], torch.topk(x, 2).values)


def test_the_largest_alone_is_torchs_max_with_its_dimension_kept() -> None:
    x = torch.randn(4, 9)
    found, expected = fast_topk(x, 1, dim=0), torch.max(x, dim=0, keepdim=True)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("topk", [2048, 2049, 5000])
def test_more_than_a_kernel_sorts_are_sorted_too(topk: int) -> None:
    x = (torch.randn(2, 5000) * 100).round()
    values, indices = fast_topk(x, topk, dim=1)
    expected = torch.sort(x, dim=1, descending=True, stable=True)
    assert torch.equal(values, expected.values[:, :topk])
    assert torch.equal(indices, expected.indices[:, :topk])


@pytest.mark.parametrize("dim", [1, -1])
@pytest.mark.parametrize("topk", [3, 2100])
def test_rows_whose_elements_lie_apart_are_copied(topk: int, dim: int) -> None:
    x = torch.randn(2200, 3).t()
    found, expected = fast_topk(x, topk, dim), torch.topk(x, topk, dim=dim)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("topk", [-1, 11, 2049])
def test_more_than_a_row_has_is_refused_by_the_callers_name(topk: int) -> None:
    with pytest.raises(RuntimeError, match=f"^topk is {topk}, expected at "):
        fast_topk(torch.zeros(3, 10), topk, 1)


@pytest.mark.parametrize("topk", [1, 2049])
@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.int64, torch.uint8], ids=str)
def test_a_dtype_is_refused_by_the_callers_name(dtype: torch.dtype, topk: int) -> None:
    with pytest.raises(RuntimeError, match="^values has dtype"):
        fast_topk(torch.zeros(3, 3000, dtype=dtype), topk, 1)


def test_a_tensor_without_dimensions_is_refused_in_words() -> None:
    with pytest.raises(RuntimeError, match="values has 0 dimensions; expected at least 1"):
        fast_topk(torch.tensor(1.0), 1, 0)


@pytest.mark.parametrize("k", [3, 2500])
def test_larger_indices_come_first_where_they_are_preferred(k: int) -> None:
    x = torch.ones(1, 3000)
    assert top_k(x, k, sorted=True, tie_break=2)[1].tolist() == [list(range(2999, 2999 - k, -1))]
    assert top_k(x, k, sorted=True, tie_break=1)[1].tolist() == [list(range(k))]
    assert top_k(x, k, tie_break=2)[1].tolist() == [list(range(3000 - k, 3000))]


def test_what_is_preferred_may_be_a_member_of_an_enumeration() -> None:
    from enum import IntEnum

    class TopKTieBreak(IntEnum):
        LARGE = 2

    assert top_k(torch.ones(1, 9), 1, tie_break=TopKTieBreak.LARGE)[1].tolist() == [[8]]


def test_a_part_is_read_where_it_is_longer_than_topk_alone() -> None:
    score = torch.tensor([[5.0, 1.0, 4.0, 3.0, 2.0, 6.0]]).repeat(5, 1)
    lengths = torch.tensor([6, 3, 2, -1, 99], dtype=torch.int32)
    starts = torch.tensor([0, 1, 77, 0, 4], dtype=torch.int32)
    found = fast_topk_v2(score, lengths, 2, starts)
    assert found.tolist() == [[0, 5], [1, 2], [0, 1], [-1, -1], [0, 1]]


def test_a_row_reads_the_table_of_its_request() -> None:
    score, lengths = torch.tensor([[3.0, 1.0, 2.0]]).repeat(4, 1), torch.full((4,), 3, dtype=torch.int32)
    table = torch.tensor([[10, 11, 12], [20, 21, 22]], dtype=torch.int32)
    starts = torch.tensor([0, 3, 4], dtype=torch.int32)
    found = fast_topk_transform_fused(score, lengths, table, starts, 2)
    assert found.tolist() == [[10, 12], [10, 12], [10, 12], [20, 22]]
    decoded = fast_topk_transform_fused(score[:2], lengths[:2], table, starts, 2)
    assert decoded.tolist() == [[10, 12], [20, 22]]

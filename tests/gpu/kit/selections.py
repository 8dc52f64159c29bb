"""Selections of more than a kernel sorts, which torch sorts: the same order on whatever device a suite has."""

from __future__ import annotations

import pytest
import torch

import warpwright
from warpwright.top_k._pairs import with_special_values
from warpwright.top_k._selection import largest
from warpwright.top_k.top_k import top_k

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("tie_break", [0, 2], ids=["first", "last"])
def test_special_values_are_in_order_among_more_than_a_kernel_sorts(
    tie_break: int, dtype: torch.dtype, device: str
) -> None:
    """NaNs of either sign come first and in the order of their indices, and both zeros are equal."""
    x = with_special_values(torch.randn(3, 5003).round()).to(dtype)
    x[1] = torch.where(x[1].isnan(), -x[1].abs(), x[1])
    expected = largest(x, 3000, prefers_last=tie_break == 2)
    values, indices = top_k(x.to(device), 3000, sorted=True, tie_break=tie_break)
    assert torch.equal(indices.cpu(), expected)
    found, taken = values.cpu(), x.gather(1, expected)
    assert torch.equal(found.isnan(), taken.isnan())
    # On a CPU torch gathers a bfloat16 NaN with other bits than it has.
    compared = ~taken.isnan() if dtype == torch.bfloat16 else torch.ones_like(expected, dtype=torch.bool)
    assert torch.equal(found.signbit()[compared], taken.signbit()[compared])
    assert torch.equal(found[~taken.isnan()], taken[~taken.isnan()])
    if tie_break == 0:
        assert torch.equal(warpwright.fast_topk(x.to(device), 3000, dim=-1)[1].cpu(), expected)

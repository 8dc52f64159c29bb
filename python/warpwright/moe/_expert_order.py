"""What the operators that order elements by their experts share: checks, and the order itself."""

from __future__ import annotations

from typing import NamedTuple

import torch

from warpwright.checks import (
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_same_device,
)
from warpwright.contract import Arguments
from warpwright.draw import widened
from warpwright.rows import check_apart, span_of

ID_TYPES = (torch.int32, torch.int64)
MOST_EXPERTS, MOST_ELEMENTS, MOST_BLOCK_SIZE = 4096, 2**30, 65536


def check_expert_ids(topk_ids: torch.Tensor, num_experts: int) -> None:
    """Refuse ids that are not contiguous whole numbers, and more of them or of experts than an int32 counts."""
    check_dtype("topk_ids", topk_ids.dtype, *ID_TYPES)
    check_contiguous("topk_ids", topk_ids)
    check_at_most("the number of elements of topk_ids", topk_ids.numel(), MOST_ELEMENTS, "more are not counted")
    check_at_least("num_experts", num_experts, 1)
    check_at_most("num_experts", num_experts, MOST_EXPERTS, "a block counts for all of them")


def check_order_output(name: str, out: torch.Tensor, topk_ids: torch.Tensor, dim: int) -> None:
    """Refuse an output that is not contiguous int32 of so many dimensions, beside the ids."""
    check_same_device(name, out, "topk_ids", topk_ids)
    check_dtype(name, out.dtype, torch.int32)
    check_dim(name, out, dim)
    check_contiguous(name, out)


def check_orders_apart(topk_ids: torch.Tensor, **outs: torch.Tensor) -> None:
    """Refuse outputs that have a byte in common with the ids, or with each other."""
    earlier = [("topk_ids", span_of(topk_ids))]
    for name, out in outs.items():
        check_apart(name, span_of(out), earlier)
        earlier.append((name, span_of(out)))


class Order(NamedTuple):
    """Elements by expert: counts, and of each element that has an expert, in order, that expert and its rank there."""

    counts: torch.Tensor
    elements: torch.Tensor
    expert: torch.Tensor
    rank: torch.Tensor


def order_of(topk_ids: torch.Tensor, num_experts: int, first_id: int = 0, least_id: int = 0) -> Order:
    """Return the order of elements by expert, in which those of one expert keep theirs."""
    ids = topk_ids.flatten().long()
    has_expert = (ids >= least_id) & (ids < num_experts + first_id)
    expert = torch.where(has_expert, ids - first_id, num_experts)
    counts = torch.bincount(expert, minlength=num_experts + 1)[:num_experts]
    elements = expert.argsort(stable=True)[: int(counts.sum())]
    rank = torch.arange(len(elements), device=ids.device) - before(counts)[expert[elements]]
    return Order(counts, elements, expert[elements], rank)


def before(counts: torch.Tensor) -> torch.Tensor:
    """Return the sums of all counts before each, and of all."""
    return torch.nn.functional.pad(counts.cumsum(0), (1, 0))


def beyond_experts(call: Arguments) -> Arguments:
    """Put ids of no expert among the others: just beyond them, and as far as the dtype reaches."""
    changed, far = call["topk_ids"].clone(), torch.iinfo(call["topk_ids"].dtype)
    flat = changed.view(-1)
    for place, value in enumerate((-1, call["num_experts"], -2, far.max, far.min, call["num_experts"] - 1, -1)):
        flat[place * 5 :: 41] = value
    return {"topk_ids": changed}


def one_expert(call: Arguments) -> Arguments:
    """Let all tokens choose the same expert."""
    return {"topk_ids": torch.full_like(call["topk_ids"], 2)}


def part_of_more(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same values as a part of a longer tensor, which starts at no multiple of 16 bytes."""
    return widened(tensor.flatten(), 3, 5).view(tensor.shape)

"""Elements of the router's choice by expert, padded to the blocks of a grouped product."""

from __future__ import annotations

import torch

from warpwright.checks import Size, any_of, check_at_least, check_at_most, check_numel
from warpwright.checks import check as check_that
from warpwright.contract import EXACT, Contract, Trait, TraitKind
from warpwright.moe._align_calls import REFUSALS, SAMPLES, WORKLOADS, make, moves, peers
from warpwright.moe._expert_order import (
    MOST_BLOCK_SIZE,
    before,
    check_expert_ids,
    check_order_output,
    check_orders_apart,
    order_of,
)

_moe_align_block_size = torch.ops.warpwright.moe_align_block_size.default


def moe_align_block_size(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    num_tokens_post_pad: torch.Tensor,
    cumsum_buffer: torch.Tensor,
    pad_sorted_token_ids: bool | torch.Tensor = False,
    ignore_invalid_expert: bool = False,
    *,
    token_cnts_buffer: torch.Tensor | None = None,
) -> None:
    """Order the elements of a router's choice by expert, each expert's padded to whole blocks.

    Element ``i`` is ``topk_ids.flatten()[i]``. Those of one expert stand in ``sorted_token_ids`` one after the other in
    their own order, experts in theirs, and each begins at a multiple of ``block_size``: a block of a grouped product
    has elements of one expert alone. The same ids give the same order in every run and on every GPU. Method: a counting
    sort with padded counts, as in Trevor Gale et al., "MegaBlocks" (arXiv:2211.15841), section 5.1; interface of vLLM
    and sgl_kernel.

    Ids are those of the local experts, from 0 to ``num_experts - 2``, and -1 for what belongs to another GPU: the
    elements of -1 stand first, in blocks of expert -1. Callers of sgl_kernel 0.1.4 hand over ``token_cnts_buffer``
    before ``cumsum_buffer``, or by name: for them ids go from 0 to ``num_experts - 1``. An element of any other id has
    no place.

    Parameters
    ----------
    topk_ids
        Expert ids, int32 or int64, contiguous, of any shape, up to 2**30 elements.
    num_experts
        How many ids there are, from 1 to 4096: with -1 among them one more than experts, without it (0.1.4) as many.
    block_size
        From 1 to 65,536.
    sorted_token_ids
        ``(places,)`` int32, contiguous: the elements by expert. Room for ``topk_ids.numel()`` blocks, or for
        ``topk_ids.numel() + num_experts * (block_size - 1)`` elements, holds every choice; less is refused.
    experts_ids
        ``(blocks,)`` int32, contiguous, with room as above: the expert of each block. What is behind the last one
        stays.
    num_tokens_post_pad
        ``(1,)`` int32: the number of places up to the end of the last block.
    cumsum_buffer
        At least ``num_experts + 1`` int32: where the elements of each expert begin, and the end of all.
    pad_sorted_token_ids
        Whether places of no element, up to the end of ``sorted_token_ids``, are filled with ``topk_ids.numel()``;
        otherwise they stay, and the caller has filled them. A tensor here is the ``cumsum_buffer`` of 0.1.4.
    ignore_invalid_expert
        Whether an element of -1 has no place either: there are no blocks of expert -1. Behind the ``cumsum_buffer`` of
        0.1.4 it is ``pad_sorted_token_ids``, which versions after that have there; in that form -1 has no place anyway.
    token_cnts_buffer
        Says that the call is of 0.1.4; it is not used.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if isinstance(pad_sorted_token_ids, torch.Tensor):
        token_cnts_buffer, cumsum_buffer = cumsum_buffer, pad_sorted_token_ids
        pad_sorted_token_ids, ignore_invalid_expert = ignore_invalid_expert, False
    first_id = -1 if token_cnts_buffer is None else 0
    _moe_align_block_size(
        topk_ids, num_experts, block_size, sorted_token_ids, experts_ids, num_tokens_post_pad, cumsum_buffer,
        pad_sorted_token_ids, ignore_invalid_expert, first_id,
    )  # fmt: skip


def check(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    num_tokens_post_pad: torch.Tensor,
    cumsum_buffer: torch.Tensor,
    first_id: int,
) -> None:
    """Refuse what the operator cannot take."""
    check_expert_ids(topk_ids, num_experts)
    check_at_least("block_size", block_size, 1)
    check_at_most("block_size", block_size, MOST_BLOCK_SIZE, "places have to be counted in int32")
    check_at_least("first_id", first_id, -1)
    check_at_most("first_id", first_id, 0, "ids begin at 0, or at -1 for elements of other GPUs")
    outs = {
        "sorted_token_ids": sorted_token_ids,
        "experts_ids": experts_ids,
        "num_tokens_post_pad": num_tokens_post_pad,
        "cumsum_buffer": cumsum_buffer,
    }
    for name, out in outs.items():
        check_order_output(name, out, topk_ids, 1)
    _check_room("sorted_token_ids", sorted_token_ids.shape[0] // block_size, topk_ids, num_experts, block_size)
    _check_room("experts_ids", experts_ids.shape[0], topk_ids, num_experts, block_size)
    check_numel("num_tokens_post_pad", num_tokens_post_pad, 1, "the number of places")
    check_at_least("the size of cumsum_buffer", cumsum_buffer.shape[0], num_experts + 1)
    check_orders_apart(topk_ids, **outs)


def _check_room(name: str, blocks: Size, topk_ids: torch.Tensor, num_experts: int, block_size: int) -> None:
    """Refuse an output without room for all blocks that ids can fill."""
    elements = topk_ids.numel()
    most = (elements + num_experts * (block_size - 1)) // block_size
    check_that(
        any_of(blocks >= elements, blocks >= most),
        *(f"{name} has room for ", blocks, f" blocks of {block_size}, expected room for ", elements, " or for ", most),
        ": one for each element of topk_ids, or what num_experts experts can fill",
    )


def reference(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    cumsum_buffer: torch.Tensor,
    pad_sorted_token_ids: bool,
    ignore_invalid_expert: bool,
    first_id: int,
) -> tuple[torch.Tensor, ...]:
    """Return places, experts of blocks, the number of places and where experts begin."""
    order = order_of(topk_ids, num_experts, first_id, 0 if ignore_invalid_expert else first_id)
    blocks = (order.counts + block_size - 1) // block_size
    starts = before(blocks) * block_size
    places, experts, cumsum = sorted_token_ids.clone(), experts_ids.clone(), cumsum_buffer.clone()
    if pad_sorted_token_ids:
        places.fill_(topk_ids.numel())
    places[starts[order.expert] + order.rank] = order.elements.int()
    of_blocks = torch.arange(num_experts, device=topk_ids.device).repeat_interleave(blocks) + first_id
    experts[: len(of_blocks)] = of_blocks.int()
    cumsum[: num_experts + 1] = starts.int()
    return places, experts, starts[-1:].int(), cumsum


def call(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    cumsum_buffer: torch.Tensor,
    pad_sorted_token_ids: bool,
    ignore_invalid_expert: bool,
    num_tokens_post_pad: torch.Tensor | None = None,
) -> torch.Tensor:
    """Call it as an engine does."""
    total = cumsum_buffer.new_empty(1) if num_tokens_post_pad is None else num_tokens_post_pad
    moe_align_block_size(
        topk_ids, num_experts, block_size, sorted_token_ids, experts_ids, total, cumsum_buffer,
        pad_sorted_token_ids, ignore_invalid_expert,
    )  # fmt: skip
    return total


CONTRACT = Contract(
    function=moe_align_block_size,
    check=check,
    reference=reference,
    make=make,
    call=call,
    moves=moves,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=EXACT,
    workloads=WORKLOADS,
    peers=peers,
    traits=(
        Trait(
            TraitKind.NEVER_IN_PLACE, "the number of places and where experts begin have the memory of no expert's ids"
        ),
    ),
)

"""Calls of moe_align_block_size: those that are taken, those that are refused, and those that are timed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import Arguments, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw
from warpwright.moe._expert_order import beyond_experts, one_expert, part_of_more


def make(
    draw: Draw,
    tokens: int = 64,
    topk: int = 4,
    experts: int = 16,
    block_size: int = 16,
    dtype: torch.dtype = torch.int32,
    first_id: int = -1,
    pads: bool = True,
    tight: bool = False,
) -> Arguments:
    """Make a call; ``tight`` outputs have the room that an engine gives them, others a block for each element."""
    elements, ids = tokens * topk, experts - first_id
    places = elements + ids * (block_size - 1) if tight and elements >= ids else elements * block_size
    return {
        "topk_ids": draw.integers(0, experts, tokens, topk, dtype=dtype),
        "num_experts": ids,
        "block_size": block_size,
        "sorted_token_ids": draw.unwritten(places, dtype=torch.int32).fill_(elements),
        "experts_ids": draw.unwritten(-(-places // block_size), dtype=torch.int32),
        "num_tokens_post_pad": draw.unwritten(1, dtype=torch.int32),
        "cumsum_buffer": draw.unwritten(ids + 1, dtype=torch.int32),
        "pad_sorted_token_ids": pads,
        "ignore_invalid_expert": False,
        "first_id": first_id,
    }


def moves(topk_ids: torch.Tensor, sorted_token_ids: torch.Tensor, experts_ids: torch.Tensor) -> int:
    """Count the bytes of ids, places and experts."""
    return int(topk_ids.nbytes + sorted_token_ids.nbytes + experts_ids.nbytes)


def peers(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    num_tokens_post_pad: torch.Tensor,
    cumsum_buffer: torch.Tensor,
    pad_sorted_token_ids: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    blocks = torch.arange(experts_ids.shape[0], device=topk_ids.device)
    elements = torch.arange(topk_ids.numel(), device=topk_ids.device)
    experts = torch.arange(num_experts, device=topk_ids.device)

    def by_torch() -> None:
        expert, order = (topk_ids.flatten() + 1).sort(stable=True)
        ends = torch.searchsorted(expert, experts.to(expert.dtype), right=True)
        counts = torch.diff(ends, prepend=ends.new_zeros(1))
        block_ends = ((counts + block_size - 1) // block_size).cumsum(0)
        starts = torch.nn.functional.pad(block_ends, (1, 0)) * block_size
        sorted_token_ids.fill_(topk_ids.numel())
        sorted_token_ids[starts[expert] + elements - (ends - counts)[expert]] = order.int()
        experts_ids.copy_(torch.searchsorted(block_ends, blocks, right=True) - 1)
        num_tokens_post_pad.copy_(starts[-1:])

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.moe_align_block_size.default(
            topk_ids, num_experts, block_size, sorted_token_ids, experts_ids, num_tokens_post_pad, cumsum_buffer,
            pad_sorted_token_ids,
        ),
    }  # fmt: skip


def _ignored(call: Arguments) -> Arguments:
    return {**beyond_experts(call), "ignore_invalid_expert": True}


OUTS = ("sorted_token_ids", "experts_ids", "num_tokens_post_pad", "cumsum_buffer")

ENGINE = {"topk": 8, "experts": 256, "block_size": 128, "tight": True}

SAMPLES: tuple[Sample, ...] = (
    sample("typical"),
    sample("smallest", tokens=1, topk=1, experts=1, block_size=1),
    sample("odd", tokens=7, topk=3, experts=13, block_size=7),
    sample("int64", tokens=33, dtype=torch.int64),
    sample("all ids have experts", first_id=0),
    sample("without padding", tokens=33, pads=False),
    sample("ids of no expert", beyond_experts),
    sample("ids of no expert, int64", beyond_experts, dtype=torch.int64, first_id=0),
    sample("ids of no expert ignored", _ignored),
    sample("no element has a place", each(topk_ids=lambda x: x.fill_(99)), tokens=5),
    sample("one expert", one_expert, tokens=700),
    sample("one token", tokens=1, topk=8, experts=256, block_size=128, tight=True),
    sample("an engine's room", tokens=200, topk=8, experts=64, block_size=64, tight=True),
    sample("more room", each(cumsum_buffer=lambda x: x.repeat(2)), tokens=9),
    sample("several blocks count alone", tokens=1000, topk=8, experts=128, block_size=16, tight=True),
    sample("counted before", tokens=2100, topk=8, experts=128, block_size=32, tight=True),
    sample("a thousand experts", tokens=300, topk=8, experts=1024, block_size=8, tight=True),
    sample("several turns of few warps", tokens=3000, experts=4000, block_size=4, tight=True),
    sample("counted before for one expert", one_expert, tokens=5000, experts=600, block_size=4, tight=True),
    sample("slices", each(topk_ids=part_of_more, **dict.fromkeys(OUTS, part_of_more)), tokens=21),
    sample("empty", tokens=0),
    sample("nothing is chosen", topk=0),
    sample("largest", tokens=60_000, topk=8, experts=256, block_size=64, tight=True),
)

REFUSALS: tuple[Refusal, ...] = (
    refuse("dtype", "topk_ids has dtype int16, expected int32 or int64", topk_ids=torch.Tensor.short),
    refuse("crossed", "expected a contiguous tensor", topk_ids=lambda x: x.t().contiguous().t()),
    refuse("no experts", "num_experts is 0, expected at least 1", num_experts=lambda _: 0),
    refuse("many experts", "num_experts is 4097, expected at most 4096", num_experts=lambda _: 4097),
    refuse("no block", "block_size is 0, expected at least 1", block_size=lambda _: 0),
    refuse("large block", "block_size is 65537, expected at most 65536", block_size=lambda _: 65537),
    refuse("first id", "first_id is 1, expected at most 0", first_id=lambda _: 1),
    refuse("lower first id", "first_id is -2, expected at least -1", first_id=lambda _: -2),
    *(refuse(f"{name} dtype", f"{name} has dtype int64, expected int32", **{name: torch.Tensor.long}) for name in OUTS),
    *(refuse(f"{name} dim", f"{name} has 2 dimensions", **{name: lambda x: x[None]}) for name in OUTS),
    refuse(
        "places apart",
        "sorted_token_ids has shape (2048,) and strides (2,), expected a contiguous tensor",
        sorted_token_ids=lambda x: x[::2],
    ),
    refuse(
        "few places",
        "sorted_token_ids has room for 30 blocks of 16, expected room for 256 or for 31",
        sorted_token_ids=lambda x: x[:495],
    ),
    refuse(
        "few blocks",
        "experts_ids has room for 30 blocks of 16, expected room for 256 or for 31: one for each element",
        experts_ids=lambda x: x[:30],
    ),
    refuse(
        "two totals",
        "with 2 elements, expected 1 (the number of places)",
        num_tokens_post_pad=lambda x: x.repeat(2),
    ),
    refuse("few sums", "the size of cumsum_buffer is 17, expected at least 18", cumsum_buffer=lambda x: x[:17]),
    refuse(
        "overlap",
        "sorted_token_ids overlaps topk_ids in memory",
        lambda call: {"topk_ids": call["sorted_token_ids"][:256].view(64, 4)},
    ),
    refuse(
        "two outputs in one place",
        "cumsum_buffer overlaps experts_ids in memory",
        lambda call: {"cumsum_buffer": call["experts_ids"][:18]},
    ),
)

WORKLOADS = (
    *(ENGINE | {"tokens": tokens} for tokens in (1, 16, 128, 1024, 4096, 16_384)),
    *(ENGINE | {"tokens": tokens, "block_size": block} for tokens in (16, 1024) for block in (16, 64)),
    *(ENGINE | {"tokens": tokens, "experts": experts} for tokens in (16, 4096) for experts in (8, 64, 512)),
)

"""Calls of prepare_moe_input: those that are taken, those that are refused, and those that are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from warpwright.contract import Arguments, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw
from warpwright.moe._expert_order import beyond_experts, one_expert, part_of_more


def make(
    draw: Draw,
    tokens: int = 64,
    topk: int = 4,
    experts: int = 16,
    n: int = 768,
    k: int = 512,
    dtype: torch.dtype = torch.int32,
) -> Arguments:
    """Make a call."""
    outs = outputs(tokens * topk, experts)
    return {
        "topk_ids": draw.integers(0, experts, tokens, topk, dtype=dtype),
        **{name: draw.unwritten(*sizes, dtype=torch.int32) for name, sizes in outs.items()},
        "num_experts": experts,
        "n": n,
        "k": k,
    }


def outputs(elements: int, experts: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all outputs, in the schema's order."""
    return {
        "expert_offsets": (experts + 1,),
        "blockscale_offsets": (experts + 1,),
        "problem_sizes1": (experts, 3),
        "problem_sizes2": (experts, 3),
        "input_permutation": (elements,),
        "output_permutation": (elements,),
    }


def peers(
    topk_ids: torch.Tensor,
    expert_offsets: torch.Tensor,
    blockscale_offsets: torch.Tensor,
    problem_sizes1: torch.Tensor,
    problem_sizes2: torch.Tensor,
    input_permutation: torch.Tensor,
    output_permutation: torch.Tensor,
    num_experts: int,
    n: int,
    k: int,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    experts = torch.arange(num_experts + 1, device=topk_ids.device)
    places = torch.arange(topk_ids.numel(), device=topk_ids.device, dtype=torch.int32)

    def by_torch() -> None:
        expert, order = topk_ids.flatten().sort(stable=True)
        expert_offsets.copy_(torch.searchsorted(expert, experts.to(expert.dtype)))
        counts = expert_offsets.diff()
        problem_sizes1.copy_(torch.nn.functional.pad(counts[:, None], (0, 2)))
        problem_sizes2.copy_(torch.nn.functional.pad(counts[:, None], (0, 2)))
        torch.cumsum((counts + 127) // 128 * 128, 0, out=blockscale_offsets[1:])
        torch.div(order, topk_ids.shape[1], rounding_mode="floor", out=input_permutation)
        output_permutation[order] = places

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.prepare_moe_input.default(
            topk_ids, expert_offsets, blockscale_offsets, problem_sizes1, problem_sizes2, input_permutation,
            output_permutation, num_experts, n, k,
        ),
    }  # fmt: skip


OUTS = tuple(outputs(0, 0))
DEEPSEEK = {"topk": 8, "experts": 256, "n": 2048, "k": 7168}

SAMPLES: tuple[Sample, ...] = (
    sample("typical"),
    sample("smallest", tokens=1, topk=1, experts=1, n=1, k=1),
    sample("odd", tokens=7, topk=3, experts=13, n=5, k=11),
    sample("int64", tokens=33, dtype=torch.int64),
    sample("no offsets of scales", each(blockscale_offsets=lambda _: None), tokens=9),
    sample("ids of no expert", beyond_experts),
    sample("no element has a place", each(topk_ids=lambda x: x.fill_(99)), tokens=5),
    sample("one expert", one_expert, tokens=700),
    sample("one token", tokens=1, topk=8, experts=256),
    sample("several blocks count alone", tokens=1000, topk=8, experts=128),
    sample("counted before", tokens=2100, topk=8, experts=128),
    sample("several turns of few warps", tokens=3000, experts=4096),
    sample("counted before, ids of no expert", beyond_experts, tokens=5000, experts=600),
    sample("slices", each(topk_ids=part_of_more, **dict.fromkeys(OUTS, part_of_more)), tokens=21),
    sample("empty", tokens=0),
    sample("nothing is chosen", topk=0),
    sample("largest", tokens=60_000, topk=8, experts=256),
)


def _refusals_of_sizes() -> Iterator[Refusal]:
    """Make refusals of a dimension more and of a row less, for every output of the typical call."""
    for name, (rows, *columns) in outputs(64 * 4, 16).items():
        dim, found = 1 + len(columns), (rows - 1, *columns)
        yield refuse(f"{name} dim", f"{name} has {dim + 1} dimensions, shape (1, ", **{name: lambda x: x[None]})
        words = f"{name} has shape {found}: size {rows - 1} in dimension 0, expected {rows} (one "
        yield refuse(f"{name} size", words, **{name: lambda x: x[:-1]})


def _refusals_of_places(*names: str) -> Iterator[Refusal]:
    """Make refusals of offsets of scales that lie where these outputs do."""
    for name in names:

        def there(call: Arguments, name: str = name) -> Arguments:
            return {"blockscale_offsets": call[name].view(-1)[: call["num_experts"] + 1]}

        yield refuse(f"{name} in the place of offsets", f"{name} overlaps blockscale_offsets in memory", there)


REFUSALS: tuple[Refusal, ...] = (
    refuse("dtype", "topk_ids has dtype int16, expected int32 or int64", topk_ids=torch.Tensor.short),
    refuse("crossed", "expected a contiguous tensor", topk_ids=lambda x: x.t().contiguous().t()),
    refuse("one dimension", "topk_ids has 1 dimensions", topk_ids=torch.Tensor.flatten),
    refuse("no experts", "num_experts is 0, expected at least 1", num_experts=lambda _: 0),
    refuse("many experts", "num_experts is 4097, expected at most 4096", num_experts=lambda _: 4097),
    refuse("n", "n is -1, expected at least 0", n=lambda _: -1),
    refuse("k", "k is -1, expected at least 0", k=lambda _: -1),
    refuse("large n", "n is 1073741824, expected at most 1073741823: sizes have", n=lambda _: 2**30),
    refuse("large k", "k is 1073741824, expected at most 1073741823: sizes have", k=lambda _: 2**30),
    *(refuse(f"{name} dtype", f"{name} has dtype int64, expected int32", **{name: torch.Tensor.long}) for name in OUTS),
    *_refusals_of_sizes(),
    refuse("columns", "size 2 in dimension 1, expected 3 (M, N and K)", problem_sizes1=lambda x: x[:, :2].clone()),
    refuse(
        "crossed sizes",
        "problem_sizes2 has shape (16, 3) and strides",
        problem_sizes2=lambda x: x.t().contiguous().t(),
    ),
    refuse(
        "overlap",
        "input_permutation overlaps topk_ids in memory",
        lambda call: {"topk_ids": call["input_permutation"].view(64, 4)},
    ),
    refuse(
        "two outputs in one place",
        "blockscale_offsets overlaps expert_offsets in memory",
        lambda call: {"blockscale_offsets": call["expert_offsets"]},
    ),
    *_refusals_of_places("problem_sizes1", "output_permutation"),
)

WORKLOADS = (
    *(DEEPSEEK | {"tokens": tokens} for tokens in (1, 16, 128, 1024, 4096, 16_384)),
    *(DEEPSEEK | {"tokens": tokens, "experts": experts} for tokens in (16, 4096) for experts in (8, 64, 512)),
)

"""The problems of grouped products for a router's choice, and the order of tokens in them."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.checks import check_at_least, check_at_most, check_dim, check_size
from warpwright.contract import EXACT, Arguments, Contract, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.moe._expert_order import (
    before,
    beyond_experts,
    check_expert_ids,
    check_order_output,
    check_orders_apart,
    one_expert,
    order_of,
    part_of_more,
)

_prepare_moe_input = torch.ops.warpwright.prepare_moe_input.default

MOST_SIZE = 2**30 - 1


def prepare_moe_input(
    topk_ids: torch.Tensor,
    expert_offsets: torch.Tensor,
    problem_sizes1: torch.Tensor,
    problem_sizes2: torch.Tensor,
    input_permutation: torch.Tensor,
    output_permutation: torch.Tensor,
    num_experts: int,
    n: int,
    k: int,
    blockscale_offsets: torch.Tensor | None = None,
) -> None:
    """Write the sizes of the two grouped products of a mixture of experts, and the order of tokens in them.

    Elements of ``topk_ids`` are ordered by expert, those of one expert in their own order: place ``p`` of the products'
    rows has token ``input_permutation[p]``, and element ``i`` has place ``output_permutation[i]``. The same ids give
    the same order in every run and on every GPU. An element whose id is of no expert has no place: its entry is -1, and
    so are the entries of as many places at the end; `shuffle_rows` and `apply_shuffle_mul_sum` give zeros for them.
    Method: a counting sort; interface of sgl_kernel.

    Parameters
    ----------
    topk_ids
        ``(tokens, topk)`` int32 or int64, contiguous: expert ids from 0 to ``num_experts - 1``.
    expert_offsets
        ``(num_experts + 1,)`` int32: the place of each expert's first element, and the end of all.
    problem_sizes1, problem_sizes2
        ``(num_experts, 3)`` int32: ``(count, 2 * n, k)`` and ``(count, k, n)`` for the elements of each expert.
    input_permutation, output_permutation
        ``(tokens * topk,)`` int32.
    num_experts
        From 1 to 4096.
    n, k
        The sizes of an expert's weights: ``2 * n`` rows of ``k`` in the first product, ``k`` rows of ``n`` in the
        second.
    blockscale_offsets
        ``(num_experts + 1,)`` int32: sums of the counts, each rounded up to a multiple of 128. None by default.

    All outputs are contiguous and have memory of their own.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    _prepare_moe_input(
        topk_ids, expert_offsets, blockscale_offsets, problem_sizes1, problem_sizes2, input_permutation,
        output_permutation, num_experts, n, k,
    )  # fmt: skip


def check(
    topk_ids: torch.Tensor,
    expert_offsets: torch.Tensor,
    blockscale_offsets: torch.Tensor | None,
    problem_sizes1: torch.Tensor,
    problem_sizes2: torch.Tensor,
    input_permutation: torch.Tensor,
    output_permutation: torch.Tensor,
    num_experts: int,
    n: int,
    k: int,
) -> None:
    """Refuse what the operator cannot take."""
    check_expert_ids(topk_ids, num_experts)
    check_dim("topk_ids", topk_ids, 2)
    for name, size in (("n", n), ("k", k)):
        check_at_least(name, size, 0)
        check_at_most(name, size, MOST_SIZE, "sizes have to be int32")
    _check_offsets("expert_offsets", expert_offsets, topk_ids, num_experts)
    if blockscale_offsets is not None:
        _check_offsets("blockscale_offsets", blockscale_offsets, topk_ids, num_experts)
    sizes = {"problem_sizes1": problem_sizes1, "problem_sizes2": problem_sizes2}
    for name, out in sizes.items():
        check_order_output(name, out, topk_ids, 2)
        check_size(name, out, 0, num_experts, "one for each expert")
        check_size(name, out, 1, 3, "M, N and K")
    permutations = {"input_permutation": input_permutation, "output_permutation": output_permutation}
    for name, out in permutations.items():
        check_order_output(name, out, topk_ids, 1)
        check_size(name, out, 0, topk_ids.numel(), "one for each element of topk_ids")
    check_orders_apart(topk_ids, expert_offsets=expert_offsets, **sizes, **permutations)
    if blockscale_offsets is not None:
        check_orders_apart(topk_ids, expert_offsets=expert_offsets, blockscale_offsets=blockscale_offsets)


def _check_offsets(name: str, offsets: torch.Tensor, topk_ids: torch.Tensor, num_experts: int) -> None:
    check_order_output(name, offsets, topk_ids, 1)
    check_size(name, offsets, 0, num_experts + 1, "one more than experts")


def reference(topk_ids: torch.Tensor, num_experts: int, n: int, k: int) -> tuple[torch.Tensor, ...]:
    """Return offsets, those of scales, the sizes of both products, and both directions of the order."""
    order, topk = order_of(topk_ids, num_experts), max(topk_ids.shape[1], 1)
    places = before(order.counts)[order.expert] + order.rank
    inputs, outputs = (topk_ids.new_full((topk_ids.numel(),), -1) for _ in range(2))
    inputs[places] = (order.elements // topk).to(inputs.dtype)
    outputs[order.elements] = places.to(outputs.dtype)
    rounded = (order.counts + 127) // 128 * 128

    def sizes(rows: int, columns: int) -> torch.Tensor:
        same = order.counts.new_tensor([[rows, columns]]).expand(num_experts, -1)
        return torch.cat((order.counts[:, None], same), dim=1)

    found = (before(order.counts), before(rounded), sizes(2 * n, k), sizes(k, n), inputs, outputs)
    return tuple(each.int() for each in found)


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


def call(
    topk_ids: torch.Tensor,
    num_experts: int,
    n: int,
    k: int,
    expert_offsets: torch.Tensor | None = None,
    blockscale_offsets: torch.Tensor | None = None,
    problem_sizes1: torch.Tensor | None = None,
    problem_sizes2: torch.Tensor | None = None,
    input_permutation: torch.Tensor | None = None,
    output_permutation: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ...]:
    """Call it as an engine does, with new memory for what is not given."""
    given = (
        expert_offsets, blockscale_offsets, problem_sizes1, problem_sizes2, input_permutation, output_permutation
    )  # fmt: skip
    new = outputs(topk_ids.numel(), num_experts).values()
    outs = tuple(
        topk_ids.new_empty(sizes, dtype=torch.int32) if out is None else out
        for out, sizes in zip(given, new, strict=True)
    )
    offsets, scale_offsets, sizes1, sizes2, inputs, outputs_ = outs
    prepare_moe_input(topk_ids, offsets, sizes1, sizes2, inputs, outputs_, num_experts, n, k, scale_offsets)
    return outs


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

CONTRACT = Contract(
    function=prepare_moe_input,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
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
        sample("counted before", tokens=1500, topk=8, experts=128),
        sample("several turns of few warps", tokens=3000, experts=4096),
        sample("counted before, ids of no expert", beyond_experts, tokens=3000, experts=600),
        sample("slices", each(topk_ids=part_of_more, **dict.fromkeys(OUTS, part_of_more)), tokens=21),
        sample("empty", tokens=0),
        sample("nothing is chosen", topk=0),
        sample("largest", tokens=60_000, topk=8, experts=256),
    ),
    refusals=(
        refuse("dtype", "topk_ids has dtype int16, expected int32 or int64", topk_ids=torch.Tensor.short),
        refuse("crossed", "expected a contiguous tensor", topk_ids=lambda x: x.t().contiguous().t()),
        refuse("one dimension", "topk_ids has 1 dimensions", topk_ids=torch.Tensor.flatten),
        refuse("no experts", "num_experts is 0, expected at least 1", num_experts=lambda _: 0),
        refuse("many experts", "num_experts is 4097, expected at most 4096", num_experts=lambda _: 4097),
        refuse("n", "n is -1, expected at least 0", n=lambda _: -1),
        refuse("k", "k is -1, expected at least 0", k=lambda _: -1),
        refuse("large n", "n is 1073741824, expected at most 1073741823: sizes have", n=lambda _: 2**30),
        refuse("large k", "k is 1073741824, expected at most 1073741823: sizes have", k=lambda _: 2**30),
        *(
            refuse(f"{name} dtype", f"{name} has dtype int64, expected int32", **{name: torch.Tensor.long})
            for name in OUTS
        ),
        *(refuse(f"{name} dim", f"{name} has ", **{name: lambda x: x[None]}) for name in OUTS),
        *(refuse(f"{name} size", "size ", **{name: lambda x: x[:-1]}) for name in OUTS),
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
    ),
    tolerance=EXACT,
    workloads=(
        *(DEEPSEEK | {"tokens": tokens} for tokens in (1, 16, 128, 1024, 4096, 16_384)),
        *(DEEPSEEK | {"tokens": tokens, "experts": experts} for tokens in (16, 4096) for experts in (8, 64, 512)),
    ),
    peers=peers,
    traits=(
        Trait(TraitKind.NEVER_IN_PLACE, "every output means something else than ids, and has another size or order"),
    ),
)

"""The problems of grouped products for a router's choice, and the order of tokens in them."""

from __future__ import annotations

import torch

from warpwright.checks import check_at_least, check_at_most, check_dim, check_size
from warpwright.contract import EXACT, Contract, Trait, TraitKind
from warpwright.moe._expert_order import (
    before,
    check_expert_ids,
    check_order_output,
    check_orders_apart,
    order_of,
)
from warpwright.moe._prepare_calls import REFUSALS, SAMPLES, WORKLOADS, make, outputs, peers

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
    offsets = {"expert_offsets": expert_offsets}
    if blockscale_offsets is not None:
        offsets["blockscale_offsets"] = blockscale_offsets
    for name, out in offsets.items():
        check_order_output(name, out, topk_ids, 1)
        check_size(name, out, 0, num_experts + 1, "one more than experts")
    sizes = {"problem_sizes1": problem_sizes1, "problem_sizes2": problem_sizes2}
    for name, out in sizes.items():
        check_order_output(name, out, topk_ids, 2)
        check_size(name, out, 0, num_experts, "one for each expert")
        check_size(name, out, 1, 3, "M, N and K")
    permutations = {"input_permutation": input_permutation, "output_permutation": output_permutation}
    for name, out in permutations.items():
        check_order_output(name, out, topk_ids, 1)
        check_size(name, out, 0, topk_ids.numel(), "one for each element of topk_ids")
    check_orders_apart(topk_ids, **offsets, **sizes, **permutations)


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


CONTRACT = Contract(
    function=prepare_moe_input,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=EXACT,
    workloads=WORKLOADS,
    peers=peers,
    traits=(
        Trait(TraitKind.NEVER_IN_PLACE, "every output means something else than ids, and has another size or order"),
    ),
)

"""The links and positions of trees of draft tokens, from the mask of their attention."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from warpwright.checks import check_at_least, check_contiguous, check_dtype
from warpwright.contract import EXACT, Arguments, Contract, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_dim_first, check_first, check_indices, check_separate
from warpwright.speculative._draft_tree import (
    OUTPUTS,
    check_draft_token_num,
    check_tree_outputs,
    draw_tree,
    tree_outputs,
    tree_results,
)

_reconstruct_indices_from_tree_mask = torch.ops.warpwright.reconstruct_indices_from_tree_mask.default


def reconstruct_indices_from_tree_mask(
    tree_mask: torch.Tensor,
    verified_seq_len: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    batch_size: int,
    draft_token_num: int,
) -> None:
    """Write the links and the positions of each request's tree of draft tokens, which a mask describes.

    Row ``i`` of a mask is true where a token is above token ``i``. The last such one before ``i`` is its parent, and
    their number is its depth; what is on the diagonal and behind it is not read. So ``i`` is a child of the node that
    is named last, whatever else the row says. Layout: SGLang, whose n-gram drafts come as masks.

    Parameters
    ----------
    tree_mask
        ``(batch_size, draft_token_num, draft_token_num)`` in any shape, bool or uint8, contiguous.
    verified_seq_len
        ``(batch_size,)``, int32 or int64, as all whole numbers here: the tokens before the tree.
    positions
        ``(batch_size * draft_token_num,)``: the length plus the node's depth.
    retrive_index
        ``(batch_size, draft_token_num)``: where the node stands among those of all requests.
    retrive_next_token, retrive_next_sibling
        ``(batch_size, draft_token_num)``: the first token whose row names the node, and the next token that has the
        same parent; -1 where there is none.
    batch_size, draft_token_num
        The requests, of which ``verified_seq_len`` and the outputs may have more, and the nodes of a tree: 1 to 1024.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), outputs overlap inputs or
        each other, or the wheel has no code for the GPU.
    """
    check_dim_first("verified_seq_len", verified_seq_len, 1)
    if batch_size != verified_seq_len.shape[0]:
        check_first("batch_size", batch_size, verified_seq_len.shape[0], "verified_seq_len has no more")
        outs = (positions, retrive_index, retrive_next_token, retrive_next_sibling)
        for name, out, dim in zip(OUTPUTS, outs, (1, 2, 2, 2), strict=True):
            check_dim_first(name, out, dim)
        verified_seq_len, positions = verified_seq_len[:batch_size], positions[: batch_size * draft_token_num]
        retrive_index, retrive_next_token = retrive_index[:batch_size], retrive_next_token[:batch_size]
        retrive_next_sibling = retrive_next_sibling[:batch_size]
    _reconstruct_indices_from_tree_mask(
        tree_mask, verified_seq_len, positions, retrive_index, retrive_next_token, retrive_next_sibling, draft_token_num
    )


def check(
    tree_mask: torch.Tensor,
    verified_seq_len: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    draft_token_num: int,
) -> None:
    """Refuse what the operator cannot take."""
    check_dtype("tree_mask", tree_mask.dtype, torch.bool, torch.uint8)
    check_contiguous("tree_mask", tree_mask)
    check_draft_token_num(draft_token_num)
    on = ("tree_mask", tree_mask)
    check_indices("verified_seq_len", verified_seq_len, *on, None)
    requests = verified_seq_len.shape[0]
    check_at_least("the number of elements of tree_mask", tree_mask.numel(), requests * draft_token_num**2)
    outs = (positions, retrive_index, retrive_next_token, retrive_next_sibling)
    check_tree_outputs(*on, requests, draft_token_num, *outs)
    check_separate(
        dict(zip(OUTPUTS, outs, strict=True)), {"tree_mask": tree_mask, "verified_seq_len": verified_seq_len}
    )


def reference(
    tree_mask: torch.Tensor,
    verified_seq_len: torch.Tensor,
    draft_token_num: int,
    wide: torch.dtype,  # noqa: ARG001  nothing is rounded
) -> tuple[torch.Tensor, ...]:
    """Return the positions and the links."""
    size = (verified_seq_len.shape[0], draft_token_num, draft_token_num)
    above = tree_mask.flatten()[: math.prod(size)].reshape(size).bool().tril(-1)
    columns = torch.arange(draft_token_num, device=tree_mask.device)
    parents = torch.where(above, columns, -1).amax(dim=-1)
    positions = above.sum(dim=-1) + verified_seq_len[:, None]
    _, index, _, following = tree_results(positions.tolist(), parents.tolist(), draft_token_num, tree_mask.device)
    below = torch.where(above, columns[:, None], draft_token_num).amin(dim=1)
    return positions.flatten(), index, torch.where(below < draft_token_num, below, -1), following


def make(
    draw: Draw, requests: int = 8, draft: int = 8, topk: int = 4, depth: int = 3, dtype: torch.dtype = torch.int64
) -> Arguments:
    """Make a call with the masks of trees that were built."""
    parents, selected = draw_tree(draw, requests, topk, depth, draft)
    lengths = draw.integers(0, 100, requests, dtype=dtype)
    mask = draw.unwritten(requests * draft * draft, dtype=torch.bool)
    made = [draw.unwritten(requests * draft, dtype=dtype)]
    made += [draw.unwritten(requests, draft, dtype=dtype) for _ in range(3)]
    torch.ops.warpwright.build_tree_kernel_efficient.default(
        parents, selected, lengths, mask, *(each.clone() for each in made), topk, depth, draft, 1
    )
    return {
        "tree_mask": mask,
        "verified_seq_len": lengths,
        **dict(zip(OUTPUTS, made, strict=True)),
        "draft_token_num": draft,
    }


def call(
    tree_mask: torch.Tensor,
    verified_seq_len: torch.Tensor,
    draft_token_num: int,
    positions: torch.Tensor | None = None,
    retrive_index: torch.Tensor | None = None,
    retrive_next_token: torch.Tensor | None = None,
    retrive_next_sibling: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ...]:
    """Call it as a model does, with new memory where none is given, for as many requests as there are lengths."""
    given = (positions, retrive_index, retrive_next_token, retrive_next_sibling)
    outs = tree_outputs(verified_seq_len, draft_token_num, given)
    reconstruct_indices_from_tree_mask(tree_mask, verified_seq_len, *outs, verified_seq_len.shape[0], draft_token_num)
    return outs


def peers(
    tree_mask: torch.Tensor,
    verified_seq_len: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    draft_token_num: int,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    call = (
        tree_mask, verified_seq_len, positions, retrive_index, retrive_next_token, retrive_next_sibling,
        verified_seq_len.shape[0], draft_token_num
    )  # fmt: skip
    return {"sglang-kernel": lambda: torch.ops.sgl_kernel.reconstruct_indices_from_tree_mask.default(*call)}


def _anything(call: Arguments) -> Arguments:
    """Put a mask of no tree in place of one."""
    return {"tree_mask": Draw(call["tree_mask"].device, 5).integers(0, 2, *call["tree_mask"].shape, dtype=torch.bool)}


CONTRACT = Contract(
    function=reconstruct_indices_from_tree_mask,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        sample("typical"),
        sample("smallest", requests=1, draft=1, topk=1, depth=1),
        sample("odd", requests=3, draft=13, topk=3, depth=5),
        sample("32 bits", requests=3, dtype=torch.int32),
        sample("many draft tokens", requests=2, draft=64, topk=8, depth=6),
        sample("more than a warp sees", requests=1, draft=70, topk=8, depth=4),
        sample("as many as a tree has", requests=1, draft=1024, topk=16, depth=6),
        sample("a chain", requests=3, draft=6, topk=1, depth=5),
        sample("bytes for truth", each(tree_mask=lambda x: x.to(torch.uint8) * 7), requests=3),
        sample("a larger mask", each(tree_mask=lambda x: torch.cat((x, x))), requests=3),
        sample("no tree", _anything, requests=4, draft=40, topk=8, depth=4),
        sample("all true", each(tree_mask=torch.ones_like), requests=3),
        sample("all false", each(tree_mask=torch.zeros_like), requests=3),
        sample("negative lengths", each(verified_seq_len=lambda x: -x), requests=3),
        sample("empty", requests=0),
        sample("largest", requests=70_000, draft=2, topk=1, depth=1),
    ),
    refusals=(
        refuse("dtype", "tree_mask has dtype int32, expected bool or uint8", tree_mask=torch.Tensor.int),
        refuse("strides", "expected a contiguous tensor", tree_mask=lambda x: x[::2]),
        refuse(
            "mask", "the number of elements of tree_mask is 511, expected at least 512", tree_mask=lambda x: x[:511]
        ),
        refuse("no tokens", "draft_token_num is 0, expected at least 1", draft_token_num=lambda _: 0),
        refuse("too many tokens", "draft_token_num is 1025, expected at most 1024", draft_token_num=lambda _: 1025),
        refuse("lengths", "size 64 in dimension 0, expected 56 (one for each draft", verified_seq_len=lambda x: x[:7]),
        refuse(
            "length dtype",
            "verified_seq_len has dtype int16, expected int32 or int64",
            verified_seq_len=torch.Tensor.short,
        ),
        refuse(
            "positions", "size 63 in dimension 0, expected 64 (one for each draft token)", positions=lambda x: x[:63]
        ),
        refuse("links", "size 7 in dimension 1, expected 8 (draft_token_num)", retrive_index=lambda x: x[:, :7]),
        refuse(
            "in place",
            "positions overlaps verified_seq_len in memory, expected memory of its own",
            lambda call: {"positions": call["positions"], "verified_seq_len": call["positions"][:8]},
        ),
        refuse(
            "the same links",
            "retrive_next_token overlaps retrive_next_sibling in memory",
            lambda call: {"retrive_next_token": call["retrive_next_sibling"]},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        *({"requests": requests} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "draft": 64, "topk": 8, "depth": 6} for requests in (1, 8, 64, 256)),
    ),
    peers=peers,
    traits=(
        Trait(TraitKind.NEVER_IN_PLACE, "the links are of other sizes than the mask"),
        Trait(TraitKind.NEVER_SLICED, "masks and links are small, and every caller makes them anew"),
    ),
)

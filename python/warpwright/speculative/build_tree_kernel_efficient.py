"""The links, positions and attention mask of trees of draft tokens, from the tokens that were selected."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.checks import (
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dtype,
    check_same_device,
    check_size,
    known,
)
from warpwright.contract import EXACT, Contract, Trait, TraitKind
from warpwright.speculative._arrays import check_indices, check_separate
from warpwright.speculative._build_tree import mask_of, parents_of, path_of
from warpwright.speculative._build_tree_calls import REFUSALS, SAMPLES, make
from warpwright.speculative._draft_tree import (
    check_draft_token_num,
    check_tree_outputs,
    packed_row_bytes,
    tree_outputs,
    tree_results,
)

_build_tree_kernel_efficient = torch.ops.warpwright.build_tree_kernel_efficient.default
MOST_NUMBER = 2**31 - 1


def build_tree_kernel_efficient(
    parent_list: torch.Tensor,
    selected_index: torch.Tensor,
    verified_seq_len: torch.Tensor,
    tree_mask: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    topk: int,
    depth: int,
    draft_token_num: int,
    tree_mask_mode: int = 0,
) -> None:
    """Write the links, the positions and the attention mask of each request's tree of draft tokens.

    Node 0 of a tree is its root, the token that was verified last; node ``i`` is the ``i``-th selected token. The token
    of number ``s`` stands below the root where ``s < topk``, and otherwise below the node that was selected as number
    ``parent_list[s // topk]``. Method: Li, Wei, Zhang and Zhang, "EAGLE-2" (arXiv:2406.16858), section 4; layout:
    SGLang.

    Parameters
    ----------
    parent_list
        ``(requests, topk * (depth - 1) + 1)``, or ``(requests, 0)`` where ``depth`` is 1: the numbers of the tokens
        that others may stand below, in the order in which they were expanded. Int32 or int64, as all whole numbers
        here; a list of another dtype is converted.
    selected_index
        ``(requests, draft_token_num - 1)``: the numbers of the selected tokens.
    verified_seq_len
        ``(requests,)``: the tokens before the tree.
    tree_mask
        By ``tree_mask_mode``, contiguous, in any shape; larger ones keep what is behind:

        - 0, FULL_MASK: bool or uint8; for each request in turn ``(draft_token_num, length + draft_token_num)``, of
          which the last ``draft_token_num`` columns are written and the others kept. What lengths lead out of it is
          left out.
        - 1, QLEN_ONLY: bool or uint8, ``(requests, draft_token_num, draft_token_num)``.
        - 2, QLEN_ONLY_BITPACKING: ``(requests, draft_token_num)`` of 1, 2 or 4 bytes for up to 8, 16 or 32 tokens, and
          of whole words of 4 bytes for more, in any dtype of whole numbers: bit ``j % 8`` of byte ``j / 8`` is column
          ``j``.

        Column ``j`` of row ``i`` is true where ``j`` is 0, ``i``, or above ``i`` in the tree.
    positions
        ``(requests * draft_token_num,)``: the length plus the node's depth.
    retrive_index
        ``(requests, draft_token_num)``: where the node stands among those of all requests.
    retrive_next_token, retrive_next_sibling
        ``(requests, draft_token_num)``: a node's first child, and the next node that has the same parent, in ascending
        order; -1 where there is none. They are written whole, whatever they held.
    topk, depth, draft_token_num
        The tokens that each expansion gives, the expansions, and the nodes of a tree: 1 to 1024.
    tree_mask_mode
        As above; FULL_MASK by default.

    Notes
    -----
    The data decide nothing dangerous. A token whose number is negative, whose parent's place is not in ``parent_list``
    or whose parent was not selected has no parent and stands in no list of children. The way up from a node ends after
    ``draft_token_num - 1`` steps, whatever circle the numbers make. A negative length moves no mask.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), outputs overlap inputs or
        each other, or the wheel has no code for the GPU.
    """
    if parent_list.dtype not in (torch.int32, torch.int64):
        parent_list = parent_list.to(torch.int64)
    if tree_mask_mode == 2 and tree_mask.dtype != torch.uint8:
        if not tree_mask.is_contiguous():
            check_contiguous("tree_mask", tree_mask)
        tree_mask = tree_mask.flatten().view(torch.uint8)
    _build_tree_kernel_efficient(
        parent_list, selected_index, verified_seq_len, tree_mask, positions, retrive_index, retrive_next_token,
        retrive_next_sibling, topk, depth, draft_token_num, tree_mask_mode
    )  # fmt: skip


def check(
    parent_list: torch.Tensor,
    selected_index: torch.Tensor,
    verified_seq_len: torch.Tensor,
    tree_mask: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    topk: int,
    depth: int,
    draft_token_num: int,
    tree_mask_mode: int,
) -> None:
    """Refuse what the operator cannot take."""
    _check_numbers(topk, depth, draft_token_num, tree_mask_mode)
    on = ("selected_index", selected_index)
    check_indices("selected_index", selected_index, *on, None, (draft_token_num - 1, "draft_token_num less the root"))
    requests = selected_index.shape[0]
    check_indices("parent_list", parent_list, *on, (requests, "one row for each request"), None)
    if depth > 1 or not known(parent_list.shape[1] == 0):
        check_size("parent_list", parent_list, 1, topk * (depth - 1) + 1, "topk * (depth - 1) + 1")
    check_indices("verified_seq_len", verified_seq_len, *on, (requests, "one for each request"))
    check_same_device("tree_mask", tree_mask, *on)
    check_dtype("tree_mask", tree_mask.dtype, *((torch.uint8,) if tree_mask_mode == 2 else (torch.bool, torch.uint8)))
    check_contiguous("tree_mask", tree_mask)
    row = packed_row_bytes(draft_token_num) if tree_mask_mode == 2 else draft_token_num
    check_at_least("the number of bytes of tree_mask", tree_mask.numel(), requests * draft_token_num * row)
    outs = (positions, retrive_index, retrive_next_token, retrive_next_sibling)
    check_tree_outputs(*on, requests, draft_token_num, *outs)
    names = ("tree_mask", "positions", "retrive_index", "retrive_next_token", "retrive_next_sibling")
    check_separate(
        dict(zip(names, (tree_mask, *outs), strict=True)),
        {"parent_list": parent_list, "selected_index": selected_index, "verified_seq_len": verified_seq_len},
    )


def _check_numbers(topk: int, depth: int, draft_token_num: int, tree_mask_mode: int) -> None:
    check_at_least("topk", topk, 1)
    check_at_most("topk", topk, MOST_NUMBER, "32 bits hold it")
    check_at_least("depth", depth, 1)
    check_at_most("depth", depth, MOST_NUMBER, "32 bits hold it")
    check_draft_token_num(draft_token_num)
    check_at_least("tree_mask_mode", tree_mask_mode, 0)
    modes = "0 is FULL_MASK, 1 is QLEN_ONLY, 2 is QLEN_ONLY_BITPACKING"
    check_at_most("tree_mask_mode", tree_mask_mode, 2, modes)


def reference(
    parent_list: torch.Tensor,
    selected_index: torch.Tensor,
    verified_seq_len: torch.Tensor,
    tree_mask: torch.Tensor,
    topk: int,
    draft_token_num: int,
    tree_mask_mode: int,
    wide: torch.dtype,  # noqa: ARG001  nothing is rounded
) -> tuple[torch.Tensor, ...]:
    """Return the mask, the positions, and the links."""
    lengths = verified_seq_len.tolist()
    each_tree = zip(selected_index.tolist(), parent_list.tolist(), strict=True)
    parents = [parents_of(selected, listed, topk) for selected, listed in each_tree]
    paths = [[path_of(node, tree) for node in range(draft_token_num)] for tree in parents]
    positions = [[length + len(path) for path in tree] for length, tree in zip(lengths, paths, strict=True)]
    mask = mask_of(paths, lengths, tree_mask, tree_mask_mode)
    return mask, *tree_results(positions, parents, draft_token_num, tree_mask.device)


def call(
    parent_list: torch.Tensor,
    selected_index: torch.Tensor,
    verified_seq_len: torch.Tensor,
    tree_mask: torch.Tensor,
    topk: int,
    depth: int,
    draft_token_num: int,
    tree_mask_mode: int,
    positions: torch.Tensor | None = None,
    retrive_index: torch.Tensor | None = None,
    retrive_next_token: torch.Tensor | None = None,
    retrive_next_sibling: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ...]:
    """Call it as a model does, with new memory where none is given."""
    given = (positions, retrive_index, retrive_next_token, retrive_next_sibling)
    outs = tree_outputs(verified_seq_len, draft_token_num, given)
    numbers = (topk, depth, draft_token_num, tree_mask_mode)
    build_tree_kernel_efficient(parent_list, selected_index, verified_seq_len, tree_mask, *outs, *numbers)
    return outs


def peers(
    parent_list: torch.Tensor,
    selected_index: torch.Tensor,
    verified_seq_len: torch.Tensor,
    tree_mask: torch.Tensor,
    positions: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    topk: int,
    depth: int,
    draft_token_num: int,
    tree_mask_mode: int,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; it wants links of -1 before, which is not timed."""
    call = (
        parent_list, selected_index, verified_seq_len, tree_mask, positions, retrive_index, retrive_next_token,
        retrive_next_sibling, topk, depth, draft_token_num, tree_mask_mode
    )  # fmt: skip
    return {"sglang-kernel": lambda: torch.ops.sgl_kernel.build_tree_kernel_efficient.default(*call)}


CONTRACT = Contract(
    function=build_tree_kernel_efficient,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=EXACT,
    workloads=(
        *({"requests": requests, "length": 1024} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "draft": 64, "topk": 8, "depth": 6, "length": 1024} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "draft": 64, "topk": 8, "depth": 6, "mode": 1} for requests in (8, 256)),
        *({"requests": requests, "mode": 2} for requests in (8, 256)),
    ),
    moves=lambda selected_index, draft_token_num: 8 * selected_index.numel() * 6
    + selected_index.shape[0] * draft_token_num**2,
    peers=peers,
    traits=(
        Trait(TraitKind.NEVER_IN_PLACE, "the links are of other sizes and read while they are written"),
        Trait(TraitKind.NEVER_SLICED, "lists of a few dozen numbers, which every caller makes anew"),
    ),
)

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
from warpwright.contract import EXACT, Arguments, Contract, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_indices, check_separate
from warpwright.speculative._build_tree import mask_of, parents_of, path_of
from warpwright.speculative._draft_tree import (
    check_draft_token_num,
    check_tree_outputs,
    draw_tree,
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
        tree_mask = tree_mask.view(torch.uint8)
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


def make(
    draw: Draw,
    requests: int = 8,
    draft: int = 8,
    topk: int = 4,
    depth: int = 3,
    mode: int = 0,
    length: int = 20,
    dtype: torch.dtype = torch.int64,
) -> Arguments:
    """Make a call with lengths of up to ``length``."""
    parents, selected = draw_tree(draw, requests, topk, depth, draft)
    row = {0: length + draft, 1: draft, 2: packed_row_bytes(draft)}[mode]
    links = [draw.unwritten(requests, draft, dtype=dtype) for _ in range(3)]
    return {
        "parent_list": parents.to(dtype),
        "selected_index": selected.to(dtype),
        "verified_seq_len": draw.integers(0, length + 1, requests, dtype=dtype),
        "tree_mask": draw.integers(0, 2, requests * draft * row, dtype=torch.uint8 if mode == 2 else torch.bool),
        "positions": draw.unwritten(requests * draft, dtype=dtype),
        **dict(zip(("retrive_index", "retrive_next_token", "retrive_next_sibling"), links, strict=True)),
        "topk": topk,
        "depth": depth,
        "draft_token_num": draft,
        "tree_mask_mode": mode,
    }


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


def _with(name: str, place: tuple[int, int], value: int) -> Callable[[Arguments], Arguments]:
    """Put a value in one place of an argument."""

    def change(call: Arguments) -> Arguments:
        changed = call[name].clone()
        changed[place] = value
        return {name: changed}

    return change


def _circle(call: Arguments) -> Arguments:
    """Have two tokens stand below each other."""
    selected, parents = call["selected_index"].clone(), call["parent_list"].clone()
    topk = call["topk"]
    selected[:, 0], selected[:, 1] = topk, 2 * topk
    parents[:, 1], parents[:, 2] = 2 * topk, topk
    return {"selected_index": selected, "parent_list": parents}


def _anything(call: Arguments) -> Arguments:
    """Fill all that is read with numbers that lead nowhere."""
    source = Draw(call["selected_index"].device, 3)
    return {
        name: source.integers(-(2**40), 2**40, *call[name].shape, dtype=torch.int64)
        for name in ("parent_list", "selected_index")
    }


CONTRACT = Contract(
    function=build_tree_kernel_efficient,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        sample("typical"),
        sample("smallest", requests=1, draft=1, topk=1, depth=1, length=0),
        sample("odd", requests=3, draft=13, topk=3, depth=5, length=37),
        sample("32 bits", requests=3, dtype=torch.int32),
        sample("draft alone", requests=5, mode=1, draft=17, topk=4, depth=4),
        sample("packed in a byte", requests=5, mode=2),
        sample("packed in two", requests=5, mode=2, draft=13),
        sample("packed in a word", requests=5, mode=2, draft=31, topk=8, depth=4),
        sample("packed in three words", requests=3, mode=2, draft=70, topk=8, depth=4),
        sample("many draft tokens", requests=2, draft=64, topk=8, depth=6),
        sample("as many as a tree has", requests=1, draft=1024, topk=16, depth=6, length=3),
        sample("a chain", requests=3, draft=6, topk=1, depth=5),
        sample("one expansion", requests=3, draft=5, topk=8, depth=1),
        sample("no list of parents", each(parent_list=lambda x: x[:, :0]), requests=3, draft=5, topk=8, depth=1),
        sample("a larger mask", each(tree_mask=lambda x: torch.cat((x, x))), requests=3, mode=1),
        sample("bytes for truth", each(tree_mask=lambda x: x.to(torch.uint8)), requests=3),
        sample("a parent that was not selected", _with("parent_list", (0, 1), 10_000), requests=2),
        sample("a negative token", _with("selected_index", (0, 6), -5), requests=2),
        sample("a place beyond the parents", _with("selected_index", (1, 6), 10_000), requests=2),
        sample("a circle", _circle, requests=2),
        sample("lengths beyond the mask", each(verified_seq_len=lambda x: x + 2**40), requests=3),
        sample("negative lengths", each(verified_seq_len=lambda x: -x), requests=3),
        sample("numbers that lead nowhere", _anything, requests=4, mode=1),
        sample("empty", requests=0),
        sample("largest", requests=70_000, draft=2, topk=1, depth=1, length=2),
    ),
    refusals=(
        refuse("topk", "topk is 0, expected at least 1", topk=lambda _: 0),
        refuse("a larger topk", "topk is 2147483648, expected at most 2147483647", topk=lambda _: 2**31),
        refuse("depth", "depth is 0, expected at least 1", depth=lambda _: 0),
        refuse("a larger depth", "depth is 2147483648, expected at most 2147483647", depth=lambda _: 2**31),
        refuse("no tokens", "draft_token_num is 0, expected at least 1", draft_token_num=lambda _: 0),
        refuse(
            "too many tokens",
            "draft_token_num is 1025, expected at most 1024: a block holds the links of a tree",
            draft_token_num=lambda _: 1025,
        ),
        refuse("mode", "tree_mask_mode is 3, expected at most 2: 0 is FULL_MASK", tree_mask_mode=lambda _: 3),
        refuse("negative mode", "tree_mask_mode is -1, expected at least 0", tree_mask_mode=lambda _: -1),
        refuse(
            "selected", "size 6 in dimension 1, expected 7 (draft_token_num less", selected_index=lambda x: x[:, :6]
        ),
        refuse("dtype", "selected_index has dtype int16, expected int32 or int64", selected_index=torch.Tensor.short),
        refuse(
            "parents",
            "size 8 in dimension 1, expected 9 (topk * (depth - 1) + 1)",
            parent_list=lambda x: x[:, :8].clone(),
        ),
        refuse("rows of parents", "size 7 in dimension 0, expected 8 (one row for", parent_list=lambda x: x[:7]),
        refuse("lengths", "size 7 in dimension 0, expected 8 (one for each", verified_seq_len=lambda x: x[:7]),
        refuse(
            "dim", "verified_seq_len has 2 dimensions, shape (8, 1); expected 1", verified_seq_len=lambda x: x[:, None]
        ),
        refuse("mask", "the number of bytes of tree_mask is 511, expected at least 512", tree_mask=lambda x: x[:511]),
        refuse("mask dtype", "tree_mask has dtype int32, expected bool or uint8", tree_mask=torch.Tensor.int),
        refuse(
            "packed mask",
            "tree_mask has dtype bool, expected uint8",
            lambda call: {"tree_mask_mode": 2, "tree_mask": call["tree_mask"]},
        ),
        refuse("strides of the mask", "expected a contiguous tensor", tree_mask=lambda x: x[::2]),
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

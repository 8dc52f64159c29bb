"""Calls that build draft trees: those that are taken, and those that are refused."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import Arguments, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._draft_tree import draw_tree, packed_row_bytes


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


SAMPLES = (
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
)


REFUSALS = (
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
    refuse("selected", "size 6 in dimension 1, expected 7 (draft_token_num less", selected_index=lambda x: x[:, :6]),
    refuse("dtype", "selected_index has dtype int16, expected int32 or int64", selected_index=torch.Tensor.short),
    refuse(
        "parents",
        "size 8 in dimension 1, expected 9 (topk * (depth - 1) + 1)",
        parent_list=lambda x: x[:, :8].clone(),
    ),
    refuse("rows of parents", "size 7 in dimension 0, expected 8 (one row for", parent_list=lambda x: x[:7]),
    refuse("lengths", "size 7 in dimension 0, expected 8 (one for each", verified_seq_len=lambda x: x[:7]),
    refuse("dim", "verified_seq_len has 2 dimensions, shape (8, 1); expected 1", verified_seq_len=lambda x: x[:, None]),
    refuse("mask", "the number of bytes of tree_mask is 511, expected at least 512", tree_mask=lambda x: x[:511]),
    refuse("mask dtype", "tree_mask has dtype int32, expected bool or uint8", tree_mask=torch.Tensor.int),
    refuse(
        "packed mask",
        "tree_mask has dtype bool, expected uint8",
        lambda call: {"tree_mask_mode": 2, "tree_mask": call["tree_mask"]},
    ),
    refuse("strides of the mask", "expected a contiguous tensor", tree_mask=lambda x: x[::2]),
    refuse("positions", "size 63 in dimension 0, expected 64 (one for each draft token)", positions=lambda x: x[:63]),
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
)

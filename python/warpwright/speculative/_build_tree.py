"""What a draft tree means, in plain Python: its parents, the way up from a node, and the masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from warpwright.speculative._draft_tree import packed_row_bytes


def parents_of(selected: Sequence[int], listed: Sequence[int], topk: int) -> list[int]:
    """Return the parent of each node, -1 for the root and for what has none."""
    first_of = {number: place + 1 for place, number in reversed(list(enumerate(selected)))}

    def parent(number: int) -> int:
        place = number // topk
        if number < 0 or place >= max(len(listed), 1):
            return -1
        return 0 if place == 0 else first_of.get(listed[place], -1)

    return [-1, *map(parent, selected)]


def path_of(node: int, parents: Sequence[int]) -> list[int]:
    """Return the nodes from one up to the root, which is left out, in at most as many steps as a tree allows."""
    path: list[int] = []
    while node > 0 and len(path) < len(parents) - 1:
        path.append(node)
        node = parents[node]
    return path


def mask_of(
    paths: Sequence[Sequence[Sequence[int]]], lengths: Sequence[int], tree_mask: torch.Tensor, mode: int
) -> torch.Tensor:
    """Return the mask of the trees whose ways up are given: what it does not write is kept."""
    mask = tree_mask.flatten().cpu().clone()
    if not paths:
        return mask.reshape(tree_mask.shape).to(tree_mask.device)
    nodes = len(paths[0])
    seen = torch.zeros(len(paths), nodes, nodes, dtype=torch.bool)
    seen[:, :, 0] = True
    for request, tree in enumerate(paths):
        for node, path in enumerate(tree):
            seen[request, node, list(path)] = True
    if mode == 0:
        _write_full(mask, seen, lengths)
    else:
        written = seen.flatten() if mode == 1 else _packed(seen).flatten()
        mask[: written.numel()] = written.to(mask.dtype)
    return mask.reshape(tree_mask.shape).to(tree_mask.device)


def _write_full(mask: torch.Tensor, seen: torch.Tensor, lengths: Sequence[int]) -> None:
    """Write behind the columns of the tokens before, as far as the mask reaches."""
    nodes, start = seen.shape[1], 0
    columns = torch.arange(nodes)
    for length, tree in zip(lengths, seen, strict=True):
        before = min(max(length, 0), 2**31 - 1)
        rows = start + before + columns * (before + nodes)
        places = rows[:, None] + columns
        there = places < mask.numel()
        mask[places[there]] = tree[there].to(mask.dtype)
        start += nodes * (before + nodes)


def _packed(seen: torch.Tensor) -> torch.Tensor:
    """Return the bytes of each row: bit j % 8 of byte j / 8 is column j."""
    nodes = seen.shape[-1]
    wide = torch.nn.functional.pad(seen, (0, packed_row_bytes(nodes) * 8 - nodes)).reshape(*seen.shape[:2], -1, 8)
    bits: torch.Tensor = wide.to(torch.int32) << torch.arange(8, dtype=torch.int32)
    return bits.sum(dim=-1).to(torch.uint8)

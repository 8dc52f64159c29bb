"""What the operators that make the links of draft trees share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from warpwright.checks import Size, check_at_least, check_at_most
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_indices

MOST_DRAFT_TOKENS = 1024
OUTPUTS = ("positions", "retrive_index", "retrive_next_token", "retrive_next_sibling")


def packed_row_bytes(draft_tokens: int) -> int:
    """Return what a row of the packed mask takes: 1 or 2 bytes, and whole words beyond 16 tokens."""
    return 1 if draft_tokens <= 8 else 2 if draft_tokens <= 16 else (draft_tokens + 31) // 32 * 4


def check_draft_token_num(draft_token_num: int) -> None:
    """Refuse a number of draft tokens that no tree has."""
    check_at_least("draft_token_num", draft_token_num, 1)
    check_at_most("draft_token_num", draft_token_num, MOST_DRAFT_TOKENS, "a block holds the links of a tree")


def check_tree_outputs(
    on_name: str, on: torch.Tensor, requests: Size, draft_token_num: int, *outs: torch.Tensor
) -> None:
    """Refuse positions that are not (requests * draft tokens), and links that are not (requests, draft tokens)."""
    check_indices(OUTPUTS[0], outs[0], on_name, on, (requests * draft_token_num, "one for each draft token"))
    for name, links in zip(OUTPUTS[1:], outs[1:], strict=True):
        check_indices(
            name, links, on_name, on, (requests, "one row for each request"), (draft_token_num, "draft_token_num")
        )


def links_of(parents: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the first child and the next sibling of each node, in ascending order; -1 where there is none."""
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        children.setdefault(parent, []).append(node)
    first, following = [-1] * len(parents), [-1] * len(parents)
    for parent, nodes in children.items():
        if parent >= 0:
            first[parent] = nodes[0]
            for node, other in pairwise(nodes):
                following[node] = other
    return first, following


def tree_results(
    positions: Sequence[Sequence[int]], parents: Sequence[Sequence[int]], tokens: int, device: torch.device
) -> tuple[torch.Tensor, ...]:
    """Return the outputs of trees of so many tokens: positions, places among all requests, and the links."""
    links = [links_of(each) for each in parents]
    requests = len(parents)

    def of(values: Sequence[Sequence[int]]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.int64).reshape(requests, tokens).to(device)

    index = torch.arange(requests * tokens, device=device).reshape(requests, tokens)
    first, following = of([each[0] for each in links]), of([each[1] for each in links])
    return of(positions).flatten(), index, first, following


def tree_outputs(
    like: torch.Tensor, tokens: int, given: Sequence[torch.Tensor | None]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the outputs that are given, and new ones for those that are not, for as many requests as lengths."""
    requests = like.shape[0]
    sizes = ((requests * tokens,), *[(requests, tokens)] * 3)
    first, second, third, fourth = (
        like.new_empty(size) if out is None else out for out, size in zip(given, sizes, strict=True)
    )
    return first, second, third, fourth


def draw_tree(draw: Draw, requests: int, topk: int, depth: int, draft_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw the parents and the selected tokens of trees, as EAGLE-2 finds them: by the sums of random scores."""
    scores = -draw.uniform(requests, topk)
    every, best = [scores], scores
    parents = [torch.full((requests, 1), -1, dtype=torch.int64, device=draw.device)]
    parents.append(torch.arange(topk, device=draw.device).expand(requests, -1))
    for level in range(1, depth):
        below = (best[:, :, None] - draw.uniform(requests, topk, topk)).flatten(1)
        every.append(below)
        best, places = below.topk(topk, dim=1)
        parents.append(places + topk + (level - 1) * topk * topk)
    selected = torch.cat(every, dim=1).topk(draft_tokens - 1, dim=1).indices.sort(dim=1).values
    return torch.cat(parents[:depth], dim=1), selected

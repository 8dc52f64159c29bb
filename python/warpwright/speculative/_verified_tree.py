"""What the operators that verify a tree of drafted tokens share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import Arguments
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_indices, check_separate
from warpwright.speculative._draft_tree import MOST_DRAFT_TOKENS, draw_tree

OUTS = ("predicts", "accept_index", "accept_token_num")
LINKS = ("retrive_index", "retrive_next_token", "retrive_next_sibling")
SAME = "that of candidates"


def check_verified_tree(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    *links: torch.Tensor,
) -> None:
    """Refuse a tree, or outputs of its verification, that the operators cannot take."""
    on = ("candidates", candidates)
    check_indices("candidates", candidates, *on, None, None)
    requests, nodes = candidates.shape
    check_at_least("the draft tokens of a request", nodes, 1)
    check_at_most("the draft tokens of a request", nodes, MOST_DRAFT_TOKENS, "a block holds a tree")
    for name, link in zip(LINKS, links, strict=True):
        check_indices(name, link, *on, (requests, SAME), (nodes, SAME))
    check_indices("predicts", predicts, *on, None)
    check_indices("accept_index", accept_index, *on, (requests, SAME), None)
    check_at_least("the steps of accept_index", accept_index.shape[1], 1)
    check_indices("accept_token_num", accept_token_num, *on, (requests, SAME))


def check_verified_memory(outs: tuple[torch.Tensor, ...], inputs: dict[str, torch.Tensor]) -> None:
    """Refuse outputs that overlap inputs, or each other."""
    check_separate(dict(zip(OUTS, outs, strict=True)), inputs)


class Tree(NamedTuple):
    """A request's tree as numbers; links that lead to no node lead nowhere."""

    tokens: list[int]
    places: list[int]
    first: list[int]
    following: list[int]

    def children(self, node: int) -> Iterator[int]:
        """Yield the children of a node, at most as many as there are nodes, whatever circle the links make."""
        child = self.first[node]
        for _ in self.tokens:
            if not 0 <= child < len(self.tokens):
                return
            yield child
            child = self.following[child]


def trees_of(*arrays: torch.Tensor) -> list[Tree]:
    """Return the trees of candidates, indices and links."""
    return [Tree(*each) for each in zip(*(array.tolist() for array in arrays), strict=True)]


class Outputs:
    """Copies of what is written, on the CPU: most of it stays as it is."""

    def __init__(self, predicts: torch.Tensor, accept_index: torch.Tensor, accept_token_num: torch.Tensor) -> None:
        self._device = predicts.device
        self._predicts, self._index, self._number = (
            each.to("cpu", copy=True) for each in (predicts, accept_index, accept_token_num)
        )

    def predict(self, index: int, token: int) -> None:
        """Write a token behind a node; an index that is no place of the predictions is written nowhere."""
        if 0 <= index < self._predicts.shape[0]:
            self._predicts[index] = token

    def accept(self, request: int, step: int, index: int) -> None:
        """Write which node the path takes at a step, and how many it has taken besides the root."""
        self._index[request, step] = index
        self._number[request] = step

    def all(self) -> tuple[torch.Tensor, ...]:
        """Return them where they came from."""
        return tuple(each.to(self._device) for each in (self._predicts, self._index, self._number))


def make_tree(draw: Draw, requests: int, draft: int, topk: int, depth: int, vocabulary: int) -> Arguments:
    """Make candidates and links of trees that were built, and outputs that nothing was written to."""
    parents, selected = draw_tree(draw, requests, topk, depth, draft)
    lengths = draw.integers(0, 100, requests, dtype=torch.int64)
    mask = draw.unwritten(requests * draft * draft, dtype=torch.bool)
    positions = draw.unwritten(requests * draft, dtype=torch.int64)
    links = [draw.unwritten(requests, draft, dtype=torch.int64) for _ in LINKS]
    torch.ops.warpwright.build_tree_kernel_efficient.default(
        parents, selected, lengths, mask, positions, *links, topk, depth, draft, 1
    )
    return {
        "predicts": draw.unwritten(requests * draft, dtype=torch.int32),
        "accept_index": draw.unwritten(requests, depth + 1, dtype=torch.int32),
        "accept_token_num": draw.unwritten(requests, dtype=torch.int32),
        "candidates": draw.integers(0, vocabulary, requests, draft, dtype=torch.int64),
        **dict(zip(LINKS, links, strict=True)),
    }


def links_that_lead_nowhere(call: Arguments) -> Arguments:
    """Fill links with numbers of all kinds: some are nodes, and circles among them."""
    source = Draw(call["candidates"].device, 7)
    requests, nodes = call["candidates"].shape
    return {name: source.integers(-2, nodes + 2, requests, nodes, dtype=torch.int64) for name in LINKS[1:]}


def siblings_in_a_circle(call: Arguments) -> Arguments:
    """Have every node be the next sibling of itself, and the child of the root."""
    first, following = call["retrive_next_token"].clone(), call["retrive_next_sibling"].clone()
    first[:, 0] = 1
    following.copy_(torch.arange(following.shape[1], device=following.device).expand(following.shape))
    return {"retrive_next_token": first, "retrive_next_sibling": following}


def index_beyond(call: Arguments) -> Arguments:
    """Have half of the nodes stand at places that no prediction has."""
    index = call["retrive_index"].clone()
    index[:, ::2] += 10_000
    index[:, 1::4] = -7
    return {"retrive_index": index}


def as_32_bits(*names: str) -> Callable[[Arguments], Arguments]:
    """Return the change that makes arguments int32, or int64 where they are int32."""
    return lambda call: {
        name: call[name].to(torch.int64 if call[name].dtype == torch.int32 else torch.int32) for name in names
    }

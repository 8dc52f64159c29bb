"""Greedy verification of trees of draft tokens: the path that the target model takes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import EXACT, Arguments, Contract, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._arrays import check_indices
from warpwright.speculative._verified_tree import (
    LINKS,
    SAME,
    Outputs,
    as_32_bits,
    check_verified_memory,
    check_verified_tree,
    index_beyond,
    links_that_lead_nowhere,
    make_tree,
    siblings_in_a_circle,
    trees_of,
)

_verify_tree_greedy = torch.ops.warpwright.verify_tree_greedy.default


def verify_tree_greedy(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    target_predict: torch.Tensor,
) -> None:
    """Write the path of each request's tree on which every token is the one that the target model predicts.

    From the root down, the first child that holds the token predicted behind its parent is accepted, until none does or
    the steps are at their end; the token predicted behind the last is the bonus. Method: Miao et al., "SpecInfer"
    (arXiv:2305.09781), algorithm 2, VerifyGreedy; layout: SGLang.

    Parameters
    ----------
    predicts
        ``(places,)``: behind each node of the path, at the place that ``retrive_index`` has for it, the token that
        follows. The rest is kept. Int32 or int64, as all whole numbers here.
    accept_index
        ``(requests, steps)``, at least one step: the ``retrive_index`` of the root and of the accepted nodes; behind
        them it is kept.
    accept_token_num
        ``(requests,)``: how many nodes were accepted, without the root.
    candidates
        ``(requests, draft_tokens)``, up to 1024 of them: the tokens of the nodes, the root first.
    retrive_index
        Of the same shape: where the node stands among those of all requests.
    retrive_next_token, retrive_next_sibling
        Of the same shape: the node's first child and its next sibling; what is no node is none.
    target_predict
        ``(requests, draft_tokens)``: the target model's token behind each node, found by ``retrive_index``.

    Notes
    -----
    The data decide nothing dangerous. A ``retrive_index`` that is no place of ``predicts`` is not written there, and
    behind one that is no place of ``target_predict`` nothing is accepted or predicted. Of siblings, as many are looked
    at as there are nodes. Where two requests name one place of ``predicts``, either may be written last.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), outputs overlap inputs or
        each other, or the wheel has no code for the GPU.
    """
    _verify_tree_greedy(
        predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token, retrive_next_sibling,
        target_predict
    )  # fmt: skip


def check(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    target_predict: torch.Tensor,
) -> None:
    """Refuse what the operator cannot take."""
    outs, links = (predicts, accept_index, accept_token_num), (retrive_index, retrive_next_token, retrive_next_sibling)
    check_verified_tree(*outs, candidates, *links)
    sizes = [(size, SAME) for size in candidates.shape]
    check_indices("target_predict", target_predict, "candidates", candidates, *sizes)
    inputs = {"candidates": candidates, **dict(zip(LINKS, links, strict=True)), "target_predict": target_predict}
    check_verified_memory(outs, inputs)


def reference(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    target_predict: torch.Tensor,
    wide: torch.dtype,  # noqa: ARG001  nothing is rounded
) -> tuple[torch.Tensor, ...]:
    """Return the predictions, the paths and their lengths."""
    outs = Outputs(predicts, accept_index, accept_token_num)
    targets = target_predict.flatten().tolist()
    trees = trees_of(candidates, retrive_index, retrive_next_token, retrive_next_sibling)
    for request, tree in enumerate(trees):
        node = 0
        outs.accept(request, 0, tree.places[0])
        for step in range(1, accept_index.shape[1]):
            if not 0 <= tree.places[node] < len(targets):
                break
            token = targets[tree.places[node]]
            child = next((child for child in tree.children(node) if tree.tokens[child] == token), None)
            if child is None:
                break
            outs.predict(tree.places[node], token)
            outs.accept(request, step, tree.places[child])
            node = child
        if 0 <= tree.places[node] < len(targets):
            outs.predict(tree.places[node], targets[tree.places[node]])
    return outs.all()


def make(
    draw: Draw, requests: int = 8, draft: int = 8, topk: int = 4, depth: int = 3, vocabulary: int = 3
) -> Arguments:
    """Make a call; of so few tokens, many are accepted."""
    made = make_tree(draw, requests, draft, topk, depth, vocabulary)
    return {**made, "target_predict": draw.integers(0, vocabulary, requests, draft, dtype=torch.int64)}


def peers(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    target_predict: torch.Tensor,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    outs, links = (predicts, accept_index, accept_token_num), (retrive_index, retrive_next_token, retrive_next_sibling)
    sgl = torch.ops.sgl_kernel
    return {"sglang-kernel": lambda: sgl.verify_tree_greedy.default(*outs, candidates, *links, target_predict)}


CONTRACT = Contract(
    function=verify_tree_greedy,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", requests=1, draft=1, topk=1, depth=1),
        sample("odd", requests=3, draft=13, topk=3, depth=5),
        sample("many draft tokens", requests=3, draft=64, topk=8, depth=6),
        sample("as many as a tree has", requests=1, draft=1024, topk=16, depth=6),
        sample("a chain", requests=5, draft=6, topk=1, depth=5, vocabulary=2),
        sample("all accepted", each(target_predict=torch.zeros_like, candidates=torch.zeros_like), requests=3),
        sample("none accepted", each(target_predict=lambda x: x + 3), requests=3),
        sample("one step", each(accept_index=lambda x: x[:, :1].clone()), requests=3),
        sample("more steps than the tree has", each(accept_index=lambda x: x.repeat(1, 3)), requests=3),
        sample("32 bits", as_32_bits("candidates", *LINKS, "target_predict"), requests=3),
        sample("64 bits", as_32_bits("predicts", "accept_index", "accept_token_num"), requests=3),
        sample("fewer predictions", each(predicts=lambda x: x[:10].clone()), requests=3),
        sample("links that lead nowhere", links_that_lead_nowhere, requests=8),
        sample("siblings in a circle", siblings_in_a_circle, requests=4),
        sample("places that no prediction has", index_beyond, requests=4),
        sample("empty", requests=0),
        sample("largest", requests=70_000, draft=2, topk=1, depth=1),
    ),
    refusals=(
        refuse("dtype", "candidates has dtype int16, expected int32 or int64", candidates=torch.Tensor.short),
        refuse("dim", "candidates has 1 dimensions, shape (64,); expected 2", candidates=torch.flatten),
        refuse("strides", "expected a contiguous tensor", candidates=lambda x: x.t().contiguous().t()),
        refuse(
            "too many tokens",
            "the draft tokens of a request is 1025, expected at most 1024: a block holds a tree",
            candidates=lambda x: x.new_zeros(8, 1025),
        ),
        refuse("no tokens", "the draft tokens of a request is 0, expected at least 1", candidates=lambda x: x[:, :0]),
        refuse(
            "links", "size 7 in dimension 1, expected 8 (that of candidates)", retrive_next_token=lambda x: x[:, :7]
        ),
        refuse("predictions", "predicts has 2 dimensions, shape (64, 1); expected 1", predicts=lambda x: x[:, None]),
        refuse("paths", "size 7 in dimension 0, expected 8 (that of candidates)", accept_index=lambda x: x[:7]),
        refuse("no steps", "the steps of accept_index is 0, expected at least 1", accept_index=lambda x: x[:, :0]),
        refuse("numbers", "size 7 in dimension 0, expected 8 (that of candidates)", accept_token_num=lambda x: x[:7]),
        refuse("targets", "size 7 in dimension 1, expected 8 (that of candidates)", target_predict=lambda x: x[:, :7]),
        refuse(
            "in place",
            "predicts overlaps candidates in memory, expected memory of its own",
            lambda call: {"predicts": call["candidates"].flatten()},
        ),
        refuse(
            "the same outputs",
            "predicts overlaps accept_token_num in memory, expected memory of its own",
            lambda call: {"accept_token_num": call["predicts"][:8], "predicts": call["predicts"]},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        *({"requests": requests} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "draft": 64, "topk": 8, "depth": 6} for requests in (1, 8, 64, 256)),
    ),
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "lists of a few dozen numbers, which every caller makes anew"),),
)

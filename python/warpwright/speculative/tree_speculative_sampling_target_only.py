"""Sampling from the target model by way of a tree of draft tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import EXACT, Contract, Trait, TraitKind
from warpwright.gradient import is_recorded, write_all
from warpwright.rows import check_apart, span_of
from warpwright.speculative._arrays import check_array
from warpwright.speculative._sample_tree import Walk, as_float32
from warpwright.speculative._sample_tree_calls import REFUSALS, SAMPLES, make
from warpwright.speculative._verified_tree import (
    LINKS,
    OUTS,
    SAME,
    Outputs,
    check_verified_memory,
    check_verified_tree,
    trees_of,
)

_tree_speculative_sampling_target_only = torch.ops.warpwright.tree_speculative_sampling_target_only.default
MOST_VOCABULARY = 2**31 - 1


def tree_speculative_sampling_target_only(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    uniform_samples: torch.Tensor,
    uniform_samples_for_final_sampling: torch.Tensor | None = None,
    target_probs: Any = None,
    draft_probs: Any = None,
    threshold_single: Any = None,
    threshold_acc: Any = None,
    deterministic: bool = True,
) -> None:
    """Sample from the target model along each request's tree: a path of it, and the token behind.

    From the root down, siblings are taken one after the other, and a node's number is held against the target model's
    probabilities of those so far, together: a child is accepted where the number is at most their sum divided by
    ``threshold_acc`` and that is more than 0, or where its own probability is at least ``threshold_single``. Where none
    is, or at the end of the steps, a last token is drawn from ``max(target - draft, 0)`` without those that were
    rejected; after the last step, from the target alone. With both thresholds 1 and candidates that differ, a
    ``draft_probs`` of zeros gives tokens distributed as the target says. Method: Miao et al., "SpecInfer"
    (arXiv:2305.09781), section 4.3; Leviathan et al. (arXiv:2211.17192); layout and thresholds: SGLang.

    Parameters
    ----------
    predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token, retrive_next_sibling
        As `verify_tree_greedy` has them; the token that is drawn last is written behind the last accepted node.
    uniform_samples
        ``(requests, draft_tokens)`` float32, from 0 to less than 1: a node's number decides among its children.
    uniform_samples_for_final_sampling
        ``(requests,)`` float32: the number of the last draw. None, as in sgl_kernel 0.1.4, makes it of the last node's
        number: what is known of it when the children are rejected is taken off, so that the draw is right.
    target_probs
        ``(requests, draft_tokens, vocabulary)`` float32: the target model's distribution behind each node.
    draft_probs
        Of the same shape: what is taken off it; it is only read.
    threshold_single, threshold_acc
        From 0 to 1, by default 1, rounded to float32 as probabilities are; a ``threshold_acc`` below 1e-9 counts as
        that.
    deterministic
        Is taken and ignored: results are always the same, on every GPU and in a batch of any size.

    Notes
    -----
    Sums over the vocabulary are of one order and, in effect, of float64. The data decide nothing dangerous: what
    `verify_tree_greedy` says of links and places holds here, and a candidate that is no token of the vocabulary is
    rejected. A probability that is NaN, negative or beyond 2**96 counts as zero. Where nothing is left to draw from,
    the last token is drawn from the target alone, and where that has no mass either, it is the last of the vocabulary.
    A number beyond 1, or NaN, draws the last token that has a mass.

    In the form of sgl_kernel 0.1.4, ``target_probs`` and what is behind it stand one place further to the front.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), outputs overlap inputs or
        each other, or the wheel has no code for the GPU.
    """
    final, target, draft = uniform_samples_for_final_sampling, target_probs, draft_probs
    single, together = threshold_single, threshold_acc
    if final is not None and _is_target(final, target, draft):
        target, draft, single, together = _moved(final, target, draft, single, together)
        final = None
    given = (
        predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token, retrive_next_sibling,
        uniform_samples, final, target, draft, 1.0 if single is None else single, 1.0 if together is None else together,
        deterministic
    )  # fmt: skip
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(uniform_samples, final, target, draft):
        outs = {"predicts": predicts, "accept_index": accept_index, "accept_token_num": accept_token_num}
        write_all(_tree_speculative_sampling_target_only, outs, *given)
        return
    _tree_speculative_sampling_target_only(*given)


def _is_target(final: torch.Tensor, second: Any, third: Any) -> bool:
    """Return whether what stands at the place of the last numbers is the target model's distribution, as in 0.1.4."""
    has_both = isinstance(second, torch.Tensor) and isinstance(third, torch.Tensor)
    return final.dim() != 1 and not has_both


def _moved(target: torch.Tensor, second: Any, third: Any, fourth: Any, fifth: Any) -> tuple[Any, ...]:
    """Return what stands behind the numbers in the form of 0.1.4, where some of it may be named too."""
    if third is None or isinstance(third, torch.Tensor):  # no thresholds but by name
        return target, second if third is None else third, fourth, fifth
    return target, second, third, fifth if fourth is None else fourth


def check(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    uniform_samples: torch.Tensor,
    uniform_samples_for_final_sampling: torch.Tensor | None,
    target_probs: torch.Tensor,
    draft_probs: torch.Tensor,
) -> None:
    """Refuse what the operator cannot take."""
    outs, links = (predicts, accept_index, accept_token_num), (retrive_index, retrive_next_token, retrive_next_sibling)
    check_verified_tree(*outs, candidates, *links)
    inputs = {"candidates": candidates, **dict(zip(LINKS, links, strict=True))}
    on = ("candidates", candidates, (torch.float32,))
    requests, nodes = ((size, SAME) for size in candidates.shape)
    check_array("uniform_samples", uniform_samples, *on, requests, nodes)
    last = uniform_samples_for_final_sampling
    if last is not None:
        check_array("uniform_samples_for_final_sampling", last, *on, requests)
    check_array("target_probs", target_probs, *on, requests, nodes, None)
    vocabulary = target_probs.shape[2]
    check_at_least("the vocabulary", vocabulary, 1)
    check_at_most("the vocabulary", vocabulary, MOST_VOCABULARY, "32 bits hold a token")
    check_array("draft_probs", draft_probs, *on, requests, nodes, (vocabulary, "that of target_probs"))
    inputs |= {"uniform_samples": uniform_samples, "target_probs": target_probs, "draft_probs": draft_probs}
    check_verified_memory(outs, inputs)
    if last is not None:
        check_last(outs, last)


def check_last(outs: tuple[torch.Tensor, ...], last: torch.Tensor) -> None:
    """Refuse outputs that overlap the numbers of the last draw."""
    for name, out in zip(OUTS, outs, strict=True):
        check_apart(name, span_of(out), [("uniform_samples_for_final_sampling", span_of(last))])


def reference(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    uniform_samples: torch.Tensor,
    uniform_samples_for_final_sampling: torch.Tensor | None,
    target_probs: torch.Tensor,
    draft_probs: torch.Tensor,
    threshold_single: float,
    threshold_acc: float,
    wide: torch.dtype,  # noqa: ARG001  always float64: a draw is one token or another
) -> tuple[torch.Tensor, ...]:
    """Return the predictions, the paths and their lengths."""
    outs = Outputs(predicts, accept_index, accept_token_num)
    coins, last = uniform_samples.tolist(), uniform_samples_for_final_sampling
    target, draft = target_probs.cpu(), draft_probs.cpu()  # each row is asked many small questions
    trees = trees_of(candidates, retrive_index, retrive_next_token, retrive_next_sibling)
    thresholds = (as_float32(threshold_single), as_float32(max(threshold_acc, 1e-9)))
    for request, tree in enumerate(trees):
        walk = Walk(tree, coins[request], target[request], thresholds)
        walk.run(outs, request, accept_index.shape[1])
        coin = walk.left_of_coin() if last is None else float(last[request])
        outs.predict(tree.places[walk.node], walk.draw(draft[request], coin))
    return outs.all()


def moves(candidates: torch.Tensor, accept_index: torch.Tensor, target_probs: torch.Tensor) -> int:
    """Return the bytes of one row of both distributions for each request, and of the trees."""
    trees = 36 * candidates.numel() + 4 * accept_index.numel()
    return int(8 * candidates.shape[0] * target_probs.shape[2] + trees)


def peers(
    predicts: torch.Tensor,
    accept_index: torch.Tensor,
    accept_token_num: torch.Tensor,
    candidates: torch.Tensor,
    retrive_index: torch.Tensor,
    retrive_next_token: torch.Tensor,
    retrive_next_sibling: torch.Tensor,
    uniform_samples: torch.Tensor,
    uniform_samples_for_final_sampling: torch.Tensor,
    target_probs: torch.Tensor,
    draft_probs: torch.Tensor,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    given = (
        predicts, accept_index, accept_token_num, candidates, retrive_index, retrive_next_token, retrive_next_sibling,
        uniform_samples, uniform_samples_for_final_sampling, target_probs, draft_probs, 1.0, 1.0, True
    )  # fmt: skip
    sgl = torch.ops.sgl_kernel
    return {"sglang-kernel": lambda: sgl.tree_speculative_sampling_target_only.default(*given)}


CONTRACT = Contract(
    function=tree_speculative_sampling_target_only,
    check=check,
    reference=reference,
    make=make,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=EXACT,
    workloads=(
        *({"requests": requests, "vocabulary": 128_256} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "draft": 64, "topk": 8, "depth": 6, "vocabulary": 128_256} for requests in (1, 8, 32)),
    ),
    moves=moves,
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "rows are found by where their node stands among all; others are small"),),
    differs="draft_probs is only read; a number of 0 accepts no token of probability 0 by its sum; and in the form of "
    "0.1.4 the last draw takes another number: the last node's, less what its rejections tell of it",
)

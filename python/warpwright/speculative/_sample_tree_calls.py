"""Calls that sample along trees: those that are taken, and those that are refused."""

from __future__ import annotations

import torch

from warpwright.contract import Arguments, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._draw_token import SPECIAL, draw_probabilities, with_values
from warpwright.speculative._verified_tree import (
    LINKS,
    OUTS,
    as_32_bits,
    index_beyond,
    links_that_lead_nowhere,
    make_tree,
    siblings_in_a_circle,
)


def make(
    draw: Draw, requests: int = 8, draft: int = 8, topk: int = 4, depth: int = 3, vocabulary: int = 37
) -> Arguments:
    """Make a call whose draft probabilities are zero, as SGLang's are."""
    shape = (requests, draft, vocabulary)
    made = make_tree(draw, requests, draft, topk, depth, vocabulary)
    return {
        **made,
        "uniform_samples": draw.uniform(requests, draft),
        "uniform_samples_for_final_sampling": draw.uniform(requests),
        "target_probs": draw_probabilities(draw, *shape),
        "draft_probs": torch.zeros(shape, device=draw.device),
        "threshold_single": 1.0,
        "threshold_acc": 1.0,
        "deterministic": True,
    }


def _a_draft(call: Arguments) -> Arguments:
    """Put other distributions in place of zeros."""
    draw = Draw(call["draft_probs"].device, 11)
    return {"draft_probs": draw_probabilities(draw, *call["draft_probs"].shape)}


def _at_threshold(call: Arguments) -> Arguments:
    """Have every probability be the threshold, as float32 has it: less than the number itself."""
    target = torch.full_like(call["target_probs"], 0.9)
    return {"target_probs": target, "uniform_samples": target[..., 0] + 0.05, "threshold_single": 0.9}


GREEDY = each(target_probs=lambda x: torch.nn.functional.one_hot(x.topk(1).indices[..., 0], x.shape[-1]).float())


SAMPLES = (
    sample("typical"),
    sample("smallest", requests=1, draft=1, topk=1, depth=1, vocabulary=1),
    sample("odd", requests=3, draft=13, topk=3, depth=5, vocabulary=1021),
    sample("many draft tokens", requests=3, draft=64, topk=8, depth=6, vocabulary=600),
    sample("more siblings than a warp", requests=3, draft=64, topk=63, depth=1, vocabulary=1500),
    sample("as many as a tree has", requests=1, draft=1024, topk=16, depth=6, vocabulary=4100),
    sample("a large vocabulary", _a_draft, requests=2, draft=3, topk=2, depth=1, vocabulary=151_936),
    sample("a larger vocabulary", requests=1, draft=3, topk=2, depth=1, vocabulary=300_003),
    sample("a chain", requests=5, draft=6, topk=1, depth=5, vocabulary=3),
    sample("a draft", _a_draft, requests=5),
    sample("no number for the last draw", each(uniform_samples_for_final_sampling=lambda _: None), requests=20),
    sample("greedy", GREEDY, requests=20, vocabulary=5),
    sample("all accepted", each(threshold_single=lambda _: 0.0), requests=5),
    sample("thresholds", each(threshold_single=lambda _: 0.3, threshold_acc=lambda _: 0.5), requests=20),
    sample("a probability that is the threshold", _at_threshold, requests=20),
    sample("a threshold of zero", each(threshold_acc=lambda _: 0.0), requests=5),
    sample("one step", each(accept_index=lambda x: x[:, :1].clone()), requests=5),
    sample("more steps than the tree has", each(accept_index=lambda x: x.repeat(1, 3)), requests=5),
    sample("32 bits", as_32_bits("candidates", *LINKS), requests=3),
    sample("64 bits", as_32_bits(*OUTS), requests=3),
    sample("fewer predictions", each(predicts=lambda x: x[:10].clone()), requests=3),
    sample("no tokens of the vocabulary", each(candidates=lambda x: x * 1000 - 500), requests=5),
    sample("links that lead nowhere", links_that_lead_nowhere, requests=8),
    sample("siblings in a circle", siblings_in_a_circle, requests=4),
    sample("places that no prediction has", index_beyond, requests=4),
    sample("special probabilities", with_values("target_probs", *SPECIAL, 1e30), requests=8),
    sample("special probabilities of the draft", with_values("draft_probs", *SPECIAL), requests=8),
    sample("no mass", each(target_probs=lambda x: x * 0), requests=4),
    sample("nothing left", lambda call: {"draft_probs": call["target_probs"].clone()}, requests=8),
    sample("equal probabilities", each(target_probs=lambda x: torch.full_like(x, 1 / 32)), vocabulary=32),
    sample("numbers of 0 and 1", each(uniform_samples=torch.round, uniform_samples_for_final_sampling=torch.round)),
    sample("special numbers", with_values("uniform_samples", *SPECIAL), requests=8),
    sample("special last numbers", with_values("uniform_samples_for_final_sampling", *SPECIAL), requests=8),
    sample("empty", requests=0),
    sample("largest", requests=70_000, draft=2, topk=1, depth=1, vocabulary=4),
)


REFUSALS = (
    refuse("dtype", "candidates has dtype int16, expected int32 or int64", candidates=torch.Tensor.short),
    refuse("strides", "expected a contiguous tensor", candidates=lambda x: x.t().contiguous().t()),
    refuse("links", "size 7 in dimension 1, expected 8 (that of candidates)", retrive_index=lambda x: x[:, :7]),
    refuse("numbers", "size 7 in dimension 1, expected 8 (that of candidates)", uniform_samples=lambda x: x[:, :7]),
    refuse(
        "last numbers",
        "uniform_samples_for_final_sampling has shape (7,): size 7 in dimension 0, expected 8",
        uniform_samples_for_final_sampling=lambda x: x[:7],
    ),
    refuse("half", "target_probs has dtype float16, expected float32", target_probs=torch.Tensor.half),
    refuse("no vocabulary", "the vocabulary is 0, expected at least 1", target_probs=lambda x: x[..., :0]),
    refuse(
        "vocabulary",
        "size 36 in dimension 2, expected 37 (that of target_probs)",
        draft_probs=lambda x: x[..., :36],
    ),
    refuse("dim", "target_probs has 2 dimensions, shape (64, 37); expected 3", target_probs=lambda x: x.flatten(0, 1)),
    refuse(
        "in place",
        "predicts overlaps candidates in memory, expected memory of its own",
        lambda call: {"predicts": call["candidates"].flatten()},
    ),
    refuse(
        "the last numbers in it",
        "predicts overlaps uniform_samples_for_final_sampling in memory",
        lambda call: {
            "predicts": call["predicts"],
            "uniform_samples_for_final_sampling": call["predicts"].view(torch.float32)[:8],
        },
    ),
)

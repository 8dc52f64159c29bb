"""Calls that sample along chains: those that are taken, and those that are refused."""

from __future__ import annotations

import torch

from warpwright.contract import Arguments, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._draw_token import SPECIAL, with_values


def make(
    draw: Draw,
    requests: int = 8,
    drafted: int = 4,
    vocabulary: int = 37,
    dtype: torch.dtype = torch.int32,
    seeded: bool = False,
) -> Arguments:
    """Make a call of a draft that is often right; with ``seeded``, each request has a seed and an offset of its own."""
    numbers = [draw.integers(-(2**62), 2**62, requests, dtype=torch.int64) for _ in range(2)] if seeded else [None] * 2
    logits = draw.normal(requests, drafted + 1, vocabulary, dtype=torch.float32, scale=3.0)
    return {
        "draft_probs": (logits[:, :drafted] + draw.normal(requests, drafted, vocabulary, dtype=torch.float32)).softmax(
            -1
        ),
        "draft_token_ids": logits[:, :drafted].topk(1).indices[..., 0].to(dtype),
        "target_probs": logits.softmax(-1),
        "output_accepted_token_num": draw.integers(0, 100, requests, dtype=dtype),
        "output_emitted_draft_token_num": draw.integers(0, 100, requests, dtype=dtype),
        "deterministic": True,
        "seed": 1234567890123,
        "offset": 7,
        "seeds": numbers[0],
        "offsets": numbers[1],
    }


CAPTURED = sample("captured", seeded=True)

SAMPLES = (
    sample("typical"),
    sample("smallest", requests=1, drafted=1, vocabulary=1),
    sample("odd", requests=3, drafted=5, vocabulary=1021),
    sample("no draft", requests=3, drafted=0),
    sample("many draft tokens", requests=5, drafted=70, vocabulary=11),
    sample("a large vocabulary", requests=2, drafted=1, vocabulary=151_936),
    sample("64 bits", requests=3, dtype=torch.int64),
    sample("a seed for each request", requests=9, seeded=True),
    sample("one seed as a tensor", each(seeds=lambda x: x[:1], offsets=lambda x: x[:1]), requests=9, seeded=True),
    sample("the same distributions", lambda call: {"draft_probs": call["target_probs"][:, :4].clone()}, requests=9),
    sample("none accepted", lambda call: {"draft_probs": call["draft_probs"] * 1e6}, requests=9),
    sample(
        "greedy",
        each(target_probs=lambda x: torch.nn.functional.one_hot(x.topk(1).indices[..., 0], x.shape[-1]).float()),
        requests=9,
        vocabulary=5,
    ),
    sample("no tokens of the vocabulary", each(draft_token_ids=lambda x: x * 100 - 100), requests=9),
    sample("special target probabilities", with_values("target_probs", *SPECIAL, 1e30), requests=9),
    sample("special draft probabilities", with_values("draft_probs", *SPECIAL), requests=9),
    sample("no mass", each(target_probs=lambda x: x * 0), requests=4),
    sample("no draft mass", each(draft_probs=lambda x: x * 0), requests=4),
    sample("equal probabilities", each(target_probs=lambda x: torch.full_like(x, 1 / 32)), vocabulary=32),
    sample("empty", requests=0),
    sample("largest", requests=70_000, drafted=1, vocabulary=4),
)


REFUSALS = (
    refuse("dtype", "draft_probs has dtype float16, expected float32", draft_probs=torch.Tensor.half),
    refuse("target dtype", "target_probs has dtype float16, expected float32", target_probs=torch.Tensor.half),
    refuse("dim", "draft_probs has 2 dimensions, shape (32, 37); expected 3", draft_probs=lambda x: x.flatten(0, 1)),
    refuse("strides", "expected a contiguous tensor", draft_probs=lambda x: x[..., ::2]),
    refuse("no vocabulary", "the vocabulary is 0, expected at least 1", draft_probs=lambda x: x[..., :0].clone()),
    refuse("tokens", "size 3 in dimension 1, expected 4 (that of draft_probs)", draft_token_ids=lambda x: x[:, :3]),
    refuse(
        "target",
        "size 4 in dimension 1, expected 5 (one more than the draft tokens)",
        target_probs=lambda x: x[:, :4],
    ),
    refuse("vocabulary", "size 36 in dimension 2, expected 37 (that of", target_probs=lambda x: x[..., :36]),
    refuse("counts", "size 7 in dimension 0, expected 8", output_accepted_token_num=lambda x: x[:7]),
    refuse(
        "count dtype",
        "output_emitted_draft_token_num has dtype int16, expected int32 or int64",
        output_emitted_draft_token_num=torch.Tensor.short,
    ),
    refuse(
        "seeds",
        "seeds has shape (3,): size 3 in dimension 0, expected 8 (one for each row, or",
        lambda call: {"seeds": torch.zeros(3, dtype=torch.int64, device=call["draft_probs"].device)},
    ),
    refuse(
        "the same counts",
        "output_accepted_token_num overlaps output_emitted_draft_token_num in memory",
        lambda call: {"output_accepted_token_num": call["output_emitted_draft_token_num"]},
    ),
    refuse(
        "counts in it",
        "output_emitted_draft_token_num overlaps draft_token_ids in memory",
        lambda call: {
            "draft_token_ids": call["draft_token_ids"],
            "output_emitted_draft_token_num": call["draft_token_ids"].flatten()[:8],
        },
    ),
)

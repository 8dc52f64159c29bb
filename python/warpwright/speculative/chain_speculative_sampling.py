"""Sampling from the target model by way of a chain of draft tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright import gradient
from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import EXACT, Arguments, Contract, Output, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.gradient import is_recorded
from warpwright.random import Number, Source, check_random, source_of, unit_interval, words
from warpwright.rows import check_apart, span_of
from warpwright.speculative._arrays import check_array, check_indices, check_separate
from warpwright.speculative._draw_token import draw_token, mass_of

_chain_speculative_sampling = torch.ops.warpwright.chain_speculative_sampling.default
MOST_NUMBER = 2**31 - 1
SAME = "that of draft_probs"


def chain_speculative_sampling(
    draft_probs: torch.Tensor,
    draft_token_ids: torch.Tensor,
    target_probs: torch.Tensor,
    maybe_output_accepted_token_num: torch.Tensor | None = None,
    maybe_output_emitted_draft_token_num: torch.Tensor | None = None,
    deterministic: bool = True,
    generator: torch.Generator | None = None,
    seed: Number | None = None,
    offset: Number | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sample from the target model by way of the tokens that a draft model has drawn, by modified rejection.

    A draft token is accepted with probability ``min(1, target / draft)``. The first that is not is replaced by a token
    drawn from ``max(target - draft, 0)``, and behind a chain that is accepted whole, one is drawn from the target. The
    tokens are distributed as if the target model had drawn them. Method: Leviathan, Kalman and Matias, "Fast Inference
    from Transformers via Speculative Decoding" (arXiv:2211.17192), section 2.3; arguments: FlashInfer.

    Parameters
    ----------
    draft_probs
        ``(requests, tokens, vocabulary)``: the draft model's distributions. Float32; of another dtype, it is converted.
    draft_token_ids
        ``(requests, tokens)``, int32 or int64: what the draft model has drawn from them.
    target_probs
        ``(requests, tokens + 1, vocabulary)``, as ``draft_probs``: the target model's distributions.
    maybe_output_accepted_token_num
        ``(requests,)``, int32 or int64: to it is added how many of the draft tokens would be accepted if each were
        looked at alone. A new one of zeros, int32, by default.
    maybe_output_emitted_draft_token_num
        The same for those that were accepted before the first that was not.
    deterministic
        Is taken and ignored: results are always the same, on every GPU and in a batch of any size.
    generator, seed, offset
        What the random numbers come from, as `warpwright.random` has it: a generator's next ones by default, or a seed
        and an offset, numbers or int64 tensors of one element or of one for each request. Under CUDA graphs, numbers
        are refused.

    Returns
    -------
    The tokens, ``(requests, tokens + 1)`` int32 and -1 behind the drawn one, and both counts.

    Notes
    -----
    Sums over the vocabulary are of one order and, in effect, of float64. The data decide nothing dangerous: a draft
    token that is none of the vocabulary is not accepted. A target probability that is NaN, negative or beyond 2**96
    counts as zero, and so does one of the draft in a difference; beside a draft probability of NaN nothing is accepted.
    Where nothing is left to draw from, the token is drawn from the target alone, and where that has no mass either, it
    is the last of the vocabulary.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), counts overlap inputs or
        each other, or the wheel has no code for the GPU.
    """
    source = source_of(draft_probs.device, generator, seed, offset)
    if draft_probs.dtype != torch.float32:
        draft_probs = draft_probs.float()
    if target_probs.dtype != torch.float32:
        target_probs = target_probs.float()
    accepted, emitted = (
        torch.zeros(draft_probs.shape[0], dtype=torch.int32, device=draft_probs.device) if counts is None else counts
        for counts in (maybe_output_accepted_token_num, maybe_output_emitted_draft_token_num)
    )
    given = (draft_probs, draft_token_ids, target_probs, accepted, emitted, deterministic, *source)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(draft_probs, target_probs):
        return gradient.call(_chain_speculative_sampling, *given), accepted, emitted
    return _chain_speculative_sampling(*given), accepted, emitted


def check(
    draft_probs: torch.Tensor,
    draft_token_ids: torch.Tensor,
    target_probs: torch.Tensor,
    output_accepted_token_num: torch.Tensor,
    output_emitted_draft_token_num: torch.Tensor,
    seeds: torch.Tensor | None,
    offsets: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    on = ("draft_probs", draft_probs)
    check_array("draft_probs", draft_probs, *on, (torch.float32,), None, None, None)
    requests, drafted, vocabulary = draft_probs.shape
    check_at_least("the vocabulary", vocabulary, 1)
    check_at_most("the vocabulary", vocabulary, MOST_NUMBER, "32 bits hold a token")
    check_at_most("the draft tokens of a request", drafted, MOST_NUMBER, "32 bits number their random words")
    check_indices("draft_token_ids", draft_token_ids, *on, (requests, SAME), (drafted, SAME))
    sizes = ((requests, SAME), (drafted + 1, "one more than the draft tokens"), (vocabulary, SAME))
    check_array("target_probs", target_probs, *on, (torch.float32,), *sizes)
    outs = {
        "output_accepted_token_num": output_accepted_token_num,
        "output_emitted_draft_token_num": output_emitted_draft_token_num,
    }
    for name, counts in outs.items():
        check_indices(name, counts, *on, (requests, SAME))
    check_random(seeds, offsets, requests, *on)
    inputs = {"draft_probs": draft_probs, "draft_token_ids": draft_token_ids, "target_probs": target_probs}
    check_separate(outs, inputs)
    for name, counts in outs.items():
        numbers = [("seeds", seeds), ("offsets", offsets)]
        check_apart(name, span_of(counts), [(own, span_of(each)) for own, each in numbers if each is not None])


def reference(
    draft_probs: torch.Tensor,
    draft_token_ids: torch.Tensor,
    target_probs: torch.Tensor,
    output_accepted_token_num: torch.Tensor,
    output_emitted_draft_token_num: torch.Tensor,
    seed: int,
    offset: int,
    seeds: torch.Tensor | None,
    offsets: torch.Tensor | None,
    wide: torch.dtype,  # noqa: ARG001  always float64: a draw is one token or another
) -> tuple[torch.Tensor, ...]:
    """Return both counts and the tokens."""
    requests, drafted, vocabulary = draft_probs.shape
    source = Source(seed, offset, seeds, offsets)
    numbers = [words(source, requests, draft_probs.device, place) for place in range(drafted + 1)]
    coins = torch.stack([unit_interval(each[:, 0], each[:, 1]) for each in numbers], dim=1)
    ids = draft_token_ids.long()
    there = (ids >= 0) & (ids < vocabulary)
    place = ids.where(there, 0)[..., None]
    target = mass_of(target_probs[:, :drafted].gather(2, place)[..., 0]).double()
    draft = draft_probs.gather(2, place)[..., 0].double()
    taken = there & (target > 0) & (coins[:, :drafted] * draft < target)
    emitted = taken.cumprod(dim=1).sum(dim=1)
    tokens = torch.full((requests, drafted + 1), -1, dtype=torch.int64)
    for request, count in enumerate(emitted.tolist()):
        tokens[request, :count] = ids[request, :count]
        row = draft_probs[request, count] if count < drafted else None
        tokens[request, count] = draw_token(target_probs[request, count], row, (), float(coins[request, drafted]))
    accepted = output_accepted_token_num + taken.sum(dim=1)
    return accepted, output_emitted_draft_token_num + emitted, tokens.to(draft_probs.device)


def make(
    draw: Draw, requests: int = 8, drafted: int = 4, vocabulary: int = 37, dtype: torch.dtype = torch.int32
) -> Arguments:
    """Make a call of a draft that is often right."""
    logits = draw.normal(requests, drafted + 1, vocabulary, dtype=torch.float32, scale=3.0)
    return {
        "draft_probs": (logits[:, :drafted] + draw.normal(requests, drafted, vocabulary, dtype=torch.float32)).softmax(
            -1
        ),
        "draft_token_ids": logits[:, :drafted].argmax(dim=-1).to(dtype),
        "target_probs": logits.softmax(-1),
        "output_accepted_token_num": draw.integers(0, 100, requests, dtype=dtype),
        "output_emitted_draft_token_num": draw.integers(0, 100, requests, dtype=dtype),
        "deterministic": True,
        "seed": 1234567890123,
        "offset": 7,
        "seeds": None,
        "offsets": None,
    }


def call(
    draft_probs: torch.Tensor,
    draft_token_ids: torch.Tensor,
    target_probs: torch.Tensor,
    output_accepted_token_num: torch.Tensor,
    output_emitted_draft_token_num: torch.Tensor,
    seed: int,
    offset: int,
    seeds: torch.Tensor | None,
    offsets: torch.Tensor | None,
) -> torch.Tensor:
    """Call it as a model does; what is new are the tokens."""
    return chain_speculative_sampling(
        draft_probs,
        draft_token_ids,
        target_probs,
        output_accepted_token_num,
        output_emitted_draft_token_num,
        seed=seed if seeds is None else seeds,
        offset=offset if offsets is None else offsets,
    )[0]


def moves(draft_token_ids: torch.Tensor, target_probs: torch.Tensor) -> int:
    """Return the bytes of one row of both distributions for each request, and of what is beside."""
    return 8 * draft_token_ids.shape[0] * target_probs.shape[2] + 16 * draft_token_ids.numel()


def peers(
    draft_probs: torch.Tensor, draft_token_ids: torch.Tensor, target_probs: torch.Tensor
) -> dict[str, Callable[[], object]]:
    """Return who else does it: for torch, the accepted tokens and one draw for each request."""

    def by_torch() -> torch.Tensor:
        drafted, place = draft_token_ids.shape[1], draft_token_ids.long()[..., None]
        ratio = target_probs[:, :drafted].gather(2, place) / draft_probs.gather(2, place)
        count = (torch.rand_like(ratio) < ratio)[..., 0].cumprod(dim=1).sum(dim=1)
        rows = torch.arange(count.shape[0], device=count.device)
        draft = torch.where((count < drafted)[:, None], draft_probs[rows, count.clamp(max=drafted - 1)], 0.0)
        return torch.multinomial((target_probs[rows, count] - draft).clamp_min(0), 1)

    return {"torch": by_torch}


def _own(count: int | None = None) -> Callable[[Arguments], Arguments]:
    """Give each request a seed and an offset of its own, or all the same ones."""

    def change(call: Arguments) -> Arguments:
        draw, rows = Draw(call["draft_probs"].device, 13), count or call["draft_probs"].shape[0]
        made = [draw.integers(-(2**62), 2**62, rows, dtype=torch.int64) for _ in range(2)]
        return dict(zip(("seeds", "offsets"), made, strict=True))

    return change


def _with_values(name: str, *values: float) -> Callable[[Arguments], Arguments]:
    """Put values in some places of an argument."""

    def change(call: Arguments) -> Arguments:
        changed = call[name].clone()
        for place, value in enumerate(values):
            changed[..., place + 1 :: 5] = value
        return {name: changed}

    return change


SPECIAL = (float("nan"), float("inf"), -1.0, float("-inf"))
CONTRACT = Contract(
    function=chain_speculative_sampling,
    check=check,
    reference=reference,
    make=make,
    call=call,
    output=lambda draft_token_ids: Output((draft_token_ids.shape[0], draft_token_ids.shape[1] + 1), torch.int32),
    samples=(
        sample("typical"),
        sample("smallest", requests=1, drafted=1, vocabulary=1),
        sample("odd", requests=3, drafted=5, vocabulary=1021),
        sample("no draft", requests=3, drafted=0),
        sample("many draft tokens", requests=5, drafted=70, vocabulary=11),
        sample("a large vocabulary", requests=2, drafted=1, vocabulary=151_936),
        sample("64 bits", requests=3, dtype=torch.int64),
        sample("a seed for each request", _own(), requests=9),
        sample("one seed as a tensor", _own(1), requests=9),
        sample("the same distributions", lambda call: {"draft_probs": call["target_probs"][:, :4].clone()}, requests=9),
        sample("none accepted", lambda call: {"draft_probs": call["draft_probs"] * 1e6}, requests=9),
        sample(
            "greedy",
            each(target_probs=lambda x: torch.nn.functional.one_hot(x.argmax(-1), x.shape[-1]).float()),
            requests=9,
            vocabulary=5,
        ),
        sample("no tokens of the vocabulary", each(draft_token_ids=lambda x: x * 100 - 100), requests=9),
        sample("special target probabilities", _with_values("target_probs", *SPECIAL, 1e30), requests=9),
        sample("special draft probabilities", _with_values("draft_probs", *SPECIAL), requests=9),
        sample("no mass", each(target_probs=lambda x: x * 0), requests=4),
        sample("no draft mass", each(draft_probs=lambda x: x * 0), requests=4),
        sample("equal probabilities", each(target_probs=lambda x: torch.full_like(x, 1 / 32)), vocabulary=32),
        sample("empty", requests=0),
        sample("largest", requests=70_000, drafted=1, vocabulary=4),
    ),
    refusals=(
        refuse("dtype", "draft_probs has dtype float16, expected float32", draft_probs=torch.Tensor.half),
        refuse("target dtype", "target_probs has dtype float16, expected float32", target_probs=torch.Tensor.half),
        refuse(
            "dim", "draft_probs has 2 dimensions, shape (32, 37); expected 3", draft_probs=lambda x: x.flatten(0, 1)
        ),
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
        refuse("seeds", "seeds has shape (3,): size 3 in dimension 0, expected 8 (one for each row, or", _own(3)),
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
    ),
    tolerance=EXACT,
    workloads=(
        *({"requests": requests, "drafted": 3, "vocabulary": 128_256} for requests in (1, 8, 64, 256)),
        *({"requests": requests, "drafted": 7, "vocabulary": 128_256} for requests in (1, 8, 64)),
    ),
    moves=moves,
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "rows are found by request and place; tokens and counts are small"),),
    also_in=("sampling",),
)

"""Sampling from the target model by way of a chain of draft tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright import gradient
from warpwright.checks import check_at_least, check_at_most
from warpwright.contract import EXACT, Contract, Output, Trait, TraitKind
from warpwright.gradient import is_recorded
from warpwright.random import Number, Source, check_random, source_of, unit_interval, words
from warpwright.rows import check_apart, span_of
from warpwright.speculative._arrays import check_array, check_indices, check_separate
from warpwright.speculative._draw_token import draw_token, mass_of
from warpwright.speculative._sample_chain_calls import CAPTURED, REFUSALS, SAMPLES, make

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
        torch.zeros(draft_probs.shape[:1], dtype=torch.int32, device=draft_probs.device) if counts is None else counts
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
    ids, last, rows = ids.cpu(), coins[:, drafted].tolist(), (target_probs.cpu(), draft_probs.cpu())
    for request, count in enumerate(emitted.tolist()):
        tokens[request, :count] = ids[request, :count]
        taken_off = rows[1][request, count] if count < drafted else None
        tokens[request, count] = draw_token(rows[0][request, count], taken_off, (), last[request])
    accepted = output_accepted_token_num + taken.sum(dim=1)
    return accepted, output_emitted_draft_token_num + emitted, tokens.to(draft_probs.device)


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
    return int(8 * draft_token_ids.shape[0] * target_probs.shape[2] + 16 * draft_token_ids.numel())


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


CONTRACT = Contract(
    function=chain_speculative_sampling,
    check=check,
    reference=reference,
    make=make,
    call=call,
    output=lambda draft_token_ids: Output((draft_token_ids.shape[0], draft_token_ids.shape[1] + 1), torch.int32),
    samples=SAMPLES,
    captured=CAPTURED,
    refusals=REFUSALS,
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

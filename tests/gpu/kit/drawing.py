"""What is drawn has the distribution that was asked for, and is the same in every batch; the suite gives the device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from chi_square import is_drawn_from

import warpwright
from warpwright.random import Source, unit_interval, words
from warpwright.sampling._draw_contract import Filters
from warpwright.sampling._draw_reference import rows_of_probs

VOCABULARIES = [111, 4099, 32_000, 151_936]
DRAWS = 4000

Sampler = Callable[..., torch.Tensor]

CASES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], Filters]] = {
    "all": ("sampling_from_probs", (), {}, Filters()),
    "all, logits": ("sampling_from_logits", (), {}, Filters()),
    "top-k": ("top_k_sampling_from_probs", (40,), {}, Filters(top_k_all=40)),
    "top-p": ("top_p_sampling_from_probs", (0.8,), {}, Filters(top_p_all=0.8)),
    "small top-p": ("top_p_sampling_from_probs", (0.2,), {}, Filters(top_p_all=0.2)),
    "min-p": ("min_p_sampling_from_probs", (0.1,), {}, Filters(min_p_all=0.1)),
    "min-p of NaN": ("min_p_sampling_from_probs", (float("nan"),), {}, Filters()),
    "top-k, then top-p": (
        "top_k_top_p_sampling_from_probs", (60, 0.7), {}, Filters(top_k_all=60, top_p_all=0.7),
    ),
    "top-k and top-p": (
        "top_k_top_p_sampling_from_probs",
        (60, 0.3),
        {"filter_apply_order": "joint"},
        Filters(top_k_all=60, top_p_all=0.3, top_k_first=False),
    ),
    "top-k, then top-p, logits": (
        "top_k_top_p_sampling_from_logits", (60, 0.7), {}, Filters(top_k_all=60, top_p_all=0.7),
    ),
    "top-k and top-p, logits": (
        "top_k_top_p_sampling_from_logits",
        (60, 0.3),
        {"filter_apply_order": "joint"},
        Filters(top_k_all=60, top_p_all=0.3, top_k_first=False),
    ),
    "many of top-k": ("top_k_sampling_from_probs", (5000,), {}, Filters(top_k_all=5000)),
    "many of top-k, then top-p": (
        "top_k_top_p_sampling_from_probs", (20_000, 0.5), {}, Filters(top_k_all=20_000, top_p_all=0.5),
    ),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES)


def logits_of(vocabulary: int, device: str, rows: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(vocabulary + rows)
    return (1.5 * torch.randn(rows, vocabulary, generator=generator)).to(device)


def scores_of(case: str, logits: torch.Tensor) -> torch.Tensor:
    return logits if "logits" in case else logits.softmax(-1)


def sample(case: str, scores: torch.Tensor, **given: Any) -> torch.Tensor:
    name, numbers, words, _ = CASES[case]
    drawn: torch.Tensor = getattr(warpwright, name)(scores, *numbers, **words, **given)
    return drawn


@each_case
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_what_is_drawn_has_the_distribution_that_was_asked_for(case: str, vocabulary: int, device: str) -> None:
    if device == "cpu" and vocabulary > 10_000:
        pytest.skip("large vocabularies take a CPU too long; a GPU runs them")
    logits = logits_of(vocabulary, device)
    rows = rows_of_probs(logits.softmax(-1), None)
    exact = rows.weights.where(CASES[case][3].kept(rows), 0.0)[0]
    draws = DRAWS if device == "cuda" else DRAWS // 4
    indices = torch.zeros(draws, dtype=torch.int32, device=device)
    tokens = sample(case, scores_of(case, logits), indices=indices, seed=11, offset=4)
    assert is_drawn_from(tokens, exact)
    assert not is_drawn_from(tokens, exact**2)


def test_zeros_that_tie_with_the_kth_logit_are_drawn(device: str) -> None:
    """There are more of them than are gathered, and the bound is below zero: a half of the draws is theirs."""
    logits = torch.zeros(1, 10_000, device=device)
    logits[0, :100] = math.log(99.0)
    draws = torch.zeros(1000, dtype=torch.int32, device=device)
    tokens = warpwright.top_k_top_p_sampling_from_logits(logits, 500, 1.0, indices=draws, seed=5, offset=0)
    assert is_drawn_from(tokens, logits[0].exp())


@each_case
def test_the_random_numbers_are_those_of_the_source(case: str, device: str) -> None:
    """Of two classes of the same weight, the first one is drawn by numbers below one half."""
    draws = 64
    numbers = torch.arange(draws, device=device) * -(2**57) + 12_345
    sources = [
        Source(-(2**63), 2**63 - 1),
        Source(seeds=numbers[3:4], offsets=numbers[5:6]),
        Source(seeds=numbers, offsets=numbers.flip(0)),
        Source(7, 0, None, numbers),
    ]
    scores = torch.full((draws, 2), 0.5, device=device)
    for source in sources:
        drawn = words(source, draws, torch.device(device))
        seed, offset = (
            number if tensor is None else tensor for number, tensor in zip(source[:2], source[2:], strict=True)
        )
        expected = unit_interval(drawn[:, 0], drawn[:, 1]) >= 0.5
        assert torch.equal(sample(case, scores, seed=seed, offset=offset) > 0, expected)


@each_case
def test_seeds_of_their_own_draw_from_the_distribution(case: str, device: str) -> None:
    logits = logits_of(111, device)
    exact = rows_of_probs(logits.softmax(-1), None)
    draws = torch.arange(DRAWS // 4, device=device)
    rows = torch.zeros_like(draws)
    tokens = sample(case, scores_of(case, logits), indices=rows, seed=draws, offset=rows)
    assert is_drawn_from(tokens, exact.weights.where(CASES[case][3].kept(exact), 0.0)[0])


@pytest.mark.parametrize("name", ["top_k_renorm_probs", "top_k_mask_logits", "top_k_sampling_from_probs"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.uint8, torch.uint64, torch.float32, torch.float16])
def test_numbers_of_any_type_are_taken_for_k(name: str, dtype: torch.dtype, device: str) -> None:
    scores = logits_of(100, device, rows=24).softmax(-1)
    given = {"seed": 2, "offset": 0} if "sampling" in name else {}
    largest = torch.inf if dtype.is_floating_point else torch.iinfo(dtype).max
    each = torch.tensor([3, 100, largest], dtype=dtype, device=device).repeat(8)
    plain = torch.tensor([3, 100, 100], dtype=torch.int32, device=device).repeat(8)
    function = getattr(warpwright, name)
    assert torch.equal(function(scores, each, **given), function(scores, plain, **given))


@each_case
def test_a_draw_is_the_same_in_every_batch_and_at_every_address(case: str, device: str) -> None:
    scores = scores_of(case, logits_of(9001, device, rows=40))
    tokens = sample(case, scores, seed=3, offset=0)
    assert torch.equal(sample(case, scores[:7], seed=3, offset=0), tokens[:7])
    apart = torch.empty(40, 9010, device=device)[:, 3:9004]
    apart.copy_(scores)
    assert torch.equal(sample(case, apart, seed=3, offset=0), tokens)
    every = torch.arange(40, device=device)
    assert torch.equal(sample(case, scores, indices=every, seed=3, offset=0), tokens)


@each_case
def test_a_seed_of_its_own_goes_with_the_row(case: str, device: str) -> None:
    scores = scores_of(case, logits_of(4099, device, rows=12))
    seeds, offsets = (torch.arange(12, device=device) * step for step in (1_000_003, 4))
    tokens = sample(case, scores, seed=seeds, offset=offsets)
    order = torch.arange(11, -1, -1, device=device)
    assert torch.equal(sample(case, scores[order], seed=seeds[order], offset=offsets[order]), tokens[order])


@each_case
def test_other_numbers_draw_other_tokens(case: str, device: str) -> None:
    scores = scores_of(case, logits_of(4099, device, rows=64))
    drawn = [sample(case, scores, seed=seed, offset=offset) for seed, offset in ((1, 0), (2, 0), (1, 4))]
    assert not any(torch.equal(drawn[one], drawn[other]) for one, other in ((0, 1), (0, 2), (1, 2)))
    assert torch.equal(drawn[0], sample(case, scores, seed=1, offset=0))


@each_case
def test_a_generator_draws_on_and_begins_anew_with_its_seed(case: str, device: str) -> None:
    scores = scores_of(case, logits_of(4099, device, rows=64))
    generator = torch.Generator(device).manual_seed(5)
    first, second = (sample(case, scores, generator=generator) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(sample(case, scores, generator=generator.manual_seed(5)), first)


@each_case
def test_what_is_not_valid_is_said(case: str, device: str) -> None:
    nothing = -torch.inf if "logits" in case else 0.0
    scores = scores_of(case, logits_of(500, device, rows=4))
    scores[1], scores[3] = nothing, torch.nan
    indices = torch.tensor([0, 1, 2, 3, 4, -1, 2**31 - 1], dtype=torch.int32, device=device)
    tokens, valid = sample(case, scores, indices=indices, seed=1, offset=0, return_valid=True)
    assert valid.tolist() == [True, False, True, False, False, False, False]
    assert not tokens[~valid].any()


@each_case
def test_nan_is_refused_where_it_is_asked_for(case: str, device: str) -> None:
    scores = scores_of(case, logits_of(50, device, rows=2))
    scores[1, 3] = torch.nan
    with pytest.raises(ValueError, match="the scores contain NaN"):
        sample(case, scores, check_nan=True)


def test_an_order_of_the_filters_that_is_unknown_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="filter_apply_order is 'top_p_first', expected 'top_k_first' or 'joint'"):
        warpwright.top_k_top_p_sampling_from_probs(torch.ones(1, 4, device=device), 2, 0.5, None, "top_p_first")

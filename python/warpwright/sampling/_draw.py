"""What the operators share that draw a class from each row of probabilities or logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT_TYPES,
    Size,
    check_at_least,
    check_at_most,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_size,
)
from warpwright.contract import Output
from warpwright.gradient import call, is_recorded
from warpwright.random import Number, check_random, source_of

MOST_CLASSES = 1 << 20

Drawn: TypeAlias = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


def draw(
    operator: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    scores: torch.Tensor,
    indices: torch.Tensor | None,
    filters: tuple[Any, ...],
    generator: torch.Generator | None,
    seed: Number | None,
    offset: Number | None,
    *,
    check_nan: bool = False,
    return_valid: bool = False,
) -> Drawn:
    """Call an operator that draws, with the caller's random numbers or the next ones of a generator."""
    if check_nan and bool(scores.isnan().any()):
        raise ValueError("the scores contain NaN: call without check_nan where a NaN may count as nothing")
    source = source_of(scores.device, generator, seed, offset)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(scores):
        samples, valid = call(operator, scores, indices, *filters, *source)
    else:
        samples, valid = operator(scores, indices, *filters, *source)
    return (samples, valid) if return_valid else samples


def top_k_numbers(top_k: torch.Tensor | int) -> tuple[torch.Tensor | None, int]:
    """Return k as an operator takes it: a tensor of one for each draw, or the one for all."""
    if not isinstance(top_k, torch.Tensor):
        return None, top_k
    if top_k.dtype != torch.int32:  # of any other type, a number larger than int32 still lets all pass
        top_k = top_k.double().clamp(0, MOST_CLASSES).int()
    return top_k, 0


def share_numbers(share: torch.Tensor | float) -> tuple[torch.Tensor | None, float]:
    """Return a share of the mass, or of the largest probability, as an operator takes it."""
    return (share.float(), 0.0) if isinstance(share, torch.Tensor) else (None, float(share))


def is_top_k_first(filter_apply_order: str) -> bool:
    """Return whether a share is of what the first rule left; ValueError for a word that is neither."""
    if filter_apply_order not in ("top_k_first", "joint"):
        raise ValueError(f"filter_apply_order is {filter_apply_order!r}, expected 'top_k_first' or 'joint'")
    return filter_apply_order == "top_k_first"


def check_scores(name: str, scores: torch.Tensor) -> None:
    """Refuse what is no matrix of 1 to 2^20 columns whose elements are adjacent."""
    check_dim(name, scores, 2)
    check_at_least(f"the columns of {name}", scores.shape[1], 1)
    check_at_most(f"the columns of {name}", scores.shape[1], MOST_CLASSES, "the kernels' sums are exact up to there")
    check_inner_stride(name, scores)


def check_numbers(
    name: str, numbers: torch.Tensor | None, dtype: torch.dtype, count: Size, why: str, on_name: str, on: torch.Tensor
) -> None:
    """Refuse numbers that are not one for each draw or row, of a dtype, and on the scores' device."""
    if numbers is None:
        return
    check_same_device(name, numbers, on_name, on)
    check_dtype(name, numbers.dtype, dtype)
    check_dim(name, numbers, 1)
    check_size(name, numbers, 0, count, why)
    check_contiguous(name, numbers)


def check_draw(
    name: str,
    scores: torch.Tensor,
    indices: torch.Tensor | None,
    seeds: torch.Tensor | None,
    offsets: torch.Tensor | None,
    **numbers: torch.Tensor | None,
) -> None:
    """Refuse what no operator that draws can take."""
    check_scores(name, scores)
    check_dtype(name, scores.dtype, *((torch.float32,) if name == "probs" else FLOAT_TYPES))
    if indices is not None:
        check_same_device("indices", indices, name, scores)
        check_dtype("indices", indices.dtype, torch.int32, torch.int64)
        check_dim("indices", indices, 1)
        check_contiguous("indices", indices)
    count = draws_of(scores, indices)
    for own, each in numbers.items():
        check_numbers(
            own, each, torch.int32 if own == "top_k" else torch.float32, count, "one for each draw", name, scores
        )
    check_random(seeds, offsets, count, name, scores)


def draws_of(scores: torch.Tensor, indices: torch.Tensor | None) -> Size:
    """Return how many classes are drawn: one from each row, or one for each index."""
    return scores.shape[0] if indices is None else indices.shape[0]


def draw_output(scores: torch.Tensor, indices: torch.Tensor | None) -> tuple[Output, Output]:
    """Return the looks of the samples and of which are valid."""
    shape = (draws_of(scores, indices),)
    return Output(shape, torch.int32 if indices is None else indices.dtype), Output(shape, torch.bool)

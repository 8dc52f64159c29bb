"""What of a choice of experts is determined.

Float32 cannot tell scores apart that differ by less than it resolves, and the reference, in float64, can. So two
experts next to each other may change places where their scores are that near, but nowhere else; and of two groups that
near, either may be kept. Equal scores are no such case: the lowest index comes first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from warpwright.contract import Tolerance, Trait, TraitKind
from warpwright.moe._route import group_scores, ordered

NEAR = 2.0**-17
"""Scores that differ by less, relative to the larger one or to 1, may change places."""

TOLERANCE = Tolerance(
    {torch.float32: 2.0**-17},
    2.0**-20,
    "an exponential of float32 is off by the rounding of its argument, 2**-24 of up to 64 here, and a few units",
)
UNDETERMINED = Trait(
    TraitKind.UNDETERMINED,
    "experts, or groups of them, whose scores differ by less than float32 resolves may change places",
)
Weigh = Callable[[torch.Tensor], torch.Tensor]


def settled(
    results: tuple[torch.Tensor, ...],
    right: tuple[torch.Tensor, torch.Tensor],
    scores: torch.Tensor,
    weigh: Weigh,
    groups: int = 1,
    kept_groups: int = 1,
) -> tuple[torch.Tensor, ...]:
    """Return weights, experts, their scores, and whether experts are there and differ: those of any right result.

    ``right`` is the reference's result, ``scores`` are what experts are chosen by, and ``weigh`` gives the weights of
    experts, all in float64. Where another expert was chosen, a token's weights are held against those of its own.
    """
    weights, ids, *more = results
    right_weights, right_ids = right
    scores = ordered(scores)
    open_tokens = _is_near(group_scores(scores, groups), kept_groups) if groups > 1 else None
    is_there = ((ids >= 0) & (ids < scores.shape[1])).all(dim=1) & (ids.sort(dim=1).values.diff(dim=1) != 0).all(dim=1)
    found = ids.long().clamp(0, scores.shape[1] - 1)
    is_right = (found == right_ids).all(dim=1, keepdim=True)  # one other expert changes the sum that all are divided by
    own = torch.where(is_right, weights, right_weights + (weights - weigh(found)).double())
    own_scores = scores.gather(1, found)
    own_ids = torch.where(_may_move(scores, right_ids), right_ids, found)
    if open_tokens is not None:
        own = torch.where(open_tokens, right_weights, own)
        own_scores = torch.where(open_tokens, scores.gather(1, right_ids), own_scores)
        own_ids = torch.where(open_tokens, right_ids, own_ids)
    return own.to(weights.dtype), own_ids, own_scores.float(), is_there, *more


def _gap_is_near(upper: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    gap = upper - lower
    return (gap > 0) & (gap <= NEAR * upper.abs().clamp(min=1))


def _is_near(scores: torch.Tensor, kept: int) -> torch.Tensor:
    """True for tokens whose last kept score and the one behind it are near."""
    best = scores.sort(dim=1, descending=True).values
    if kept == scores.shape[1]:
        return torch.zeros_like(best[:, :1], dtype=torch.bool)
    return _gap_is_near(best[:, kept - 1 : kept], best[:, kept : kept + 1])


def _may_move(scores: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """True for chosen experts that have a near one before or behind them, chosen or not."""
    chosen = scores.gather(1, ids)
    others = scores[:, None, :] - chosen[:, :, None]
    is_near = (others != 0) & (others.abs() <= NEAR * chosen[:, :, None].abs().clamp(min=1))
    return is_near.any(dim=2)

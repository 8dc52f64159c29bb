"""Whether what was drawn has the distribution that it should have: Pearson's test, from fixed seeds."""

from __future__ import annotations

import torch

LEVEL, NORMAL_QUANTILE = 1e-4, 3.719
"""How often a right sampler would fail if the seeds were not fixed, and the normal quantile of that."""


def largest_chi_square(freedom: int) -> float:
    """Return what chi-square exceeds at this level: Wilson and Hilferty, "The Distribution of Chi-Square", 1931."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + NORMAL_QUANTILE * part**0.5) ** 3)


def is_drawn_from(tokens: torch.Tensor, probabilities: torch.Tensor, bins: int = 64) -> bool:
    """Return whether tokens are distributed as they should be: in bins of the same mass, of tokens about as likely."""
    wide, order = (probabilities.double() / probabilities.double().sum()).sort(descending=True)
    sorted_place = ((wide.cumsum(0) - wide / 2) * bins).long().clamp(0, bins - 1)
    place = torch.empty_like(sorted_place).scatter_(0, order, sorted_place)
    if not bool((probabilities[tokens.long()] > 0).all()):
        return False
    expected = torch.zeros_like(wide[:1]).expand(bins).clone().index_add_(0, sorted_place, wide) * tokens.numel()
    found = torch.bincount(place[tokens.long()], minlength=bins).double()
    used = expected > 0
    found, expected = found[used], expected[used]
    chi_square = float(((found - expected) ** 2 / expected).sum())
    return chi_square <= largest_chi_square(max(int(used.sum()) - 1, 1))

"""A token from what is left of the target model's distribution when the draft model's is taken off, in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from warpwright.contract import Arguments
from warpwright.draw import Draw

MOST_MASS = 2.0**96
SPECIAL = (float("nan"), float("inf"), -1.0, float("-inf"))


def mass_of(probabilities: torch.Tensor) -> torch.Tensor:
    """Return probabilities as they count: what is NaN, negative or beyond 2**96 has none."""
    return torch.where((probabilities > 0) & (probabilities <= MOST_MASS), probabilities, 0)


def draw_token(target: torch.Tensor, draft: torch.Tensor | None, rejected: Sequence[int], coin: float) -> int:
    """Return the first token up to which the masses are more than ``coin`` times all, or the last that has one."""
    left = mass_of(target)
    if draft is not None:
        less = (left - mass_of(draft)).clamp_min(0)
        less[list(rejected)] = 0
        left = less if bool(less.any()) else left
    until = left.double().cumsum(0)
    has_mass = left > 0
    if not bool(has_mass.any()):
        return int(target.shape[0]) - 1
    hits = (has_mass & (until > coin * until[-1])).nonzero().flatten()
    return int(hits[0]) if hits.numel() else int(has_mass.nonzero().flatten()[-1])


def draw_probabilities(draw: Draw, *sizes: int) -> torch.Tensor:
    """Draw distributions of which a few tokens have most."""
    return draw.normal(*sizes, dtype=torch.float32, scale=3.0).softmax(dim=-1)


def with_values(name: str, *values: float) -> Callable[[Arguments], Arguments]:
    """Return the change that puts values in some places of an argument."""

    def change(call: Arguments) -> Arguments:
        changed = call[name].clone()
        for place, value in enumerate(values):
            changed[..., place + 1 :: 5] = value
        return {name: changed}

    return change

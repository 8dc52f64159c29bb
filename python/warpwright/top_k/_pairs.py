"""Rows with which the selections of values and indices are tried."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from warpwright.contract import Sample, each, sample
from warpwright.draw import Draw


def with_special_values(rows: torch.Tensor) -> torch.Tensor:
    """Return rows with NaN of both signs, infinities and zeros of both signs among their elements."""
    changed = rows.clone()
    changed[:, 0::7], changed[:, 1::11], changed[:, 2::9] = math.inf, -math.inf, 0.0
    changed[:, 3::9], changed[:, 4::13] = -0.0, math.nan
    changed[:, 5::13] = changed[:, 5::13].fill_(math.nan).neg()
    return changed


EDGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "all equal": torch.ones_like,
    "many equal": lambda rows: rows.round(),
    "of one binade": lambda rows: rows.sigmoid() + 1,
    "special values": with_special_values,
    "nothing but NaN": lambda rows: torch.full_like(rows, math.nan),
    "nothing but -inf": lambda rows: torch.full_like(rows, -math.inf),
    "zeros of both signs": lambda rows: (rows.sign() * 0).clone(),
    "rising": lambda rows: rows.sort(dim=1).values,
    "falling": lambda rows: rows.sort(dim=1, descending=True).values,
}


def edge_samples(name: str) -> tuple[Sample, ...]:
    """Return samples whose rows, an argument of this name, are of every kind that a selection could stumble over."""
    return tuple(sample(kind, each(**{name: change}), rows=6) for kind, change in EDGES.items())


def make_rows(draw: Draw, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    """Draw rows."""
    return draw.normal(rows, columns, dtype=dtype)

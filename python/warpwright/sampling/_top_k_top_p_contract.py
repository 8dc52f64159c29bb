"""The contract of the operators that draw among the k largest that make up a share: from probabilities or logits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from warpwright.contract import Arguments, Change, Contract, Sample, sample
from warpwright.draw import Draw
from warpwright.sampling import _draw_calls as calls
from warpwright.sampling._draw_contract import draw_contract


def top_k_top_p_contract(function: Callable[..., Any], make_scores: Callable[..., Arguments]) -> Contract:
    """Return the contract of an operator that draws from the scores that its first argument names."""

    def make(
        draw: Draw,
        rows: int = 16,
        classes: int = 1000,
        top_k: int = 50,
        top_p: float = 0.9,
        top_k_first: bool = True,
        own: bool = False,
        **others: Any,
    ) -> Arguments:
        """Make a call; with ``own``, each draw has numbers of its own."""
        each_k = draw.integers(0, classes + 2, rows) if own else None
        each_p = draw.uniform(rows, least=-0.1, most=1.1) if own else None
        filters = {"top_k": each_k, "top_k_all": top_k, "top_p": each_p, "top_p_all": top_p, "top_k_first": top_k_first}
        return calls.with_filters(make_scores(draw, rows, classes, **others), filters)

    return draw_contract(
        function,
        make,
        samples=_samples(next(iter(inspect.signature(function).parameters))),
        refusals=(
            *calls.number_refusals("top_k", torch.int32, torch.int64),
            *calls.number_refusals("top_p", torch.float32, torch.float64),
        ),
    )


def _all_equal(name: str) -> Change:
    return lambda call: {name: torch.full_like(call[name], 0.001)}


def _often_zero(name: str) -> Change:
    return lambda call: {name: (call[name] - 2).relu()}


def _samples(name: str) -> tuple[Sample, ...]:
    return (
        sample("none of the largest", top_k=0),
        sample("the largest", top_k=1),
        sample("more than there are", top_k=2000),
        sample("many of the largest", top_k=3000, classes=9001),
        sample("no share", top_p=0.0),
        sample("the whole", top_p=1.0),
        sample("a small share", top_p=0.01, classes=4000),
        sample("NaN for a share", top_p=float("nan")),
        sample("numbers of their own", own=True, rows=9),
        sample("numbers and indices of their own", own=True, rows=9, long=True),
        sample("more equals than fit", _all_equal(name), rows=2, classes=20_000),
        sample("the k-th is 0", _often_zero(name), rows=2, classes=20_000, top_k=1000),
        sample("both at once", top_k_first=False),
        sample("both at once, numbers of their own", top_k_first=False, own=True, rows=33),
        sample("both at once, equals", _all_equal(name), top_k_first=False, rows=2, classes=9000),
    )

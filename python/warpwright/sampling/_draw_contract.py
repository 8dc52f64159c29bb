"""The contract of an operator that draws: all have one check and one reference, in which a filter may be left out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import torch

from warpwright.contract import Arguments, Contract, Output, Refusal, Sample, sample
from warpwright.random import Source
from warpwright.sampling import _draw_calls as calls
from warpwright.sampling._draw import MOST_CLASSES, check_draw, draw_output
from warpwright.sampling._draw_reference import (
    Rows,
    drawn_from,
    in_min_p,
    may_be,
    rows_of_logits,
    rows_of_probs,
    top_k_top_p,
)
from warpwright.sampling._peers import draw_peers

Tensors: TypeAlias = tuple[torch.Tensor, ...]
Given: TypeAlias = torch.Tensor | None


class Filters(NamedTuple):
    """Which classes may be drawn: for each draw a number, or one for all."""

    top_k: Given = None
    top_k_all: int = MOST_CLASSES
    top_p: Given = None
    top_p_all: float = 1.0
    min_p: Given = None
    min_p_all: float = 0.0
    top_k_first: bool = True

    def kept(self, rows: Rows, slack: float = 0.0) -> torch.Tensor:
        """Return the classes that pass; with some slack, those too that rounding may let pass."""
        by_rank = top_k_top_p(rows, self.top_k, self.top_k_all, self.top_p, self.top_p_all, self.top_k_first, slack)
        return by_rank & in_min_p(rows, self.min_p, self.min_p_all, slack)


def draw_contract(
    function: Callable[..., Any],
    make: Callable[..., Arguments],
    *,
    samples: tuple[Sample, ...] = (),
    refusals: tuple[Refusal, ...] = (),
) -> Contract:
    """Return the contract of an operator that draws from the scores that its first argument names."""
    scores = next(iter(inspect.signature(function).parameters))
    return Contract(
        function=function,
        check=_check,
        reference=_reference,
        make=make,
        call=_caller(function),
        samples=calls.samples_of(scores, *samples),
        refusals=calls.refusals_of(scores, *refusals),
        tolerance=calls.TOLERANCE,
        workloads=calls.WORKLOADS,
        output=_output,
        peers=_peers_of(function.__name__),
        determined=_determined,
        captured=sample("captured", seeded=True),
        traits=(calls.UNDETERMINED,),
        differs="a seed draws other tokens; the same ones on every GPU, and for a row in every batch",
    )


def _check(
    probs: Given = None,
    logits: Given = None,
    indices: Given = None,
    top_k: Given = None,
    top_p: Given = None,
    min_p: Given = None,
    seeds: Given = None,
    offsets: Given = None,
) -> None:
    """Refuse what the operator cannot take."""
    name, scores = ("logits", logits) if probs is None else ("probs", probs)
    assert scores is not None  # noqa: S101  each schema has one of them
    check_draw(name, scores, indices, seeds, offsets, top_k=top_k, top_p=top_p, min_p=min_p)


def _reference(
    probs: Given = None,
    logits: Given = None,
    indices: Given = None,
    top_k: Given = None,
    top_k_all: int = MOST_CLASSES,
    top_p: Given = None,
    top_p_all: float = 1.0,
    min_p: Given = None,
    min_p_all: float = 0.0,
    top_k_first: bool = True,
    seed: int = 0,
    offset: int = 0,
    seeds: Given = None,
    offsets: Given = None,
) -> Tensors:
    """Return the classes, and which are valid."""
    rows = _rows(probs, logits, indices)
    filters = Filters(top_k, top_k_all, top_p, top_p_all, min_p, min_p_all, top_k_first)
    return drawn_from(rows, filters.kept(rows), Source(seed, offset, seeds, offsets), indices)


def _determined(
    results: Tensors,
    probs: Given = None,
    logits: Given = None,
    indices: Given = None,
    top_k: Given = None,
    top_k_all: int = MOST_CLASSES,
    top_p: Given = None,
    top_p_all: float = 1.0,
    min_p: Given = None,
    min_p_all: float = 0.0,
    top_k_first: bool = True,
) -> Tensors:
    """Return which results may be drawn, and which are valid."""
    rows = _rows(probs, logits, indices)
    filters = Filters(top_k, top_k_all, top_p, top_p_all, min_p, min_p_all, top_k_first)
    return may_be(rows, filters.kept(rows, calls.SLACK), results)


def _rows(probs: Given, logits: Given, indices: Given) -> Rows:
    if probs is not None:
        return rows_of_probs(probs, indices)
    assert logits is not None  # noqa: S101  each schema has one of them
    return rows_of_logits(logits, indices)


def _output(probs: Given = None, logits: Given = None, indices: Given = None) -> tuple[Output, Output]:
    scores = logits if probs is None else probs
    assert scores is not None  # noqa: S101  each schema has one of them
    return draw_output(scores, indices)


def _caller(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return how the public function is called with the arguments of the schema."""
    known = inspect.signature(function).parameters

    def call(
        probs: Given = None,
        logits: Given = None,
        indices: Given = None,
        top_k: Given = None,
        top_k_all: int = MOST_CLASSES,
        top_p: Given = None,
        top_p_all: float = 1.0,
        min_p: Given = None,
        min_p_all: float = 0.0,
        top_k_first: bool = True,
        seed: int = 0,
        offset: int = 0,
        seeds: Given = None,
        offsets: Given = None,
    ) -> Any:
        given: Mapping[str, Any] = {
            "indices": indices,
            "top_k": top_k_all if top_k is None else top_k,
            "top_p": top_p_all if top_p is None else top_p,
            "min_p": min_p_all if min_p is None else min_p,
            "filter_apply_order": "top_k_first" if top_k_first else "joint",
            "seed": seed if seeds is None else seeds,
            "offset": offset if offsets is None else offsets,
            "return_valid": True,
        }
        scores = logits if probs is None else probs
        return function(scores, **{name: value for name, value in given.items() if name in known})

    return call


def _peers_of(name: str) -> Callable[..., Mapping[str, Callable[[], object]]]:
    """Return who else does it, asked with the arguments of the schema."""

    def peers(
        probs: Given = None,
        logits: Given = None,
        top_k_all: int | None = None,
        top_p_all: float | None = None,
        min_p_all: float | None = None,
    ) -> Mapping[str, Callable[[], object]]:
        numbers = [number for number in (top_k_all, top_p_all, min_p_all) if number is not None]
        return draw_peers(name, logits if probs is None else probs, *numbers)

    return peers

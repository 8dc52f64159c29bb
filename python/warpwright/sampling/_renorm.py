"""What the operators share that keep the largest scores of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch

from warpwright.checks import FLOAT_TYPES, check_dtype
from warpwright.contract import Arguments, Contract, Output, Refusal, Sample, Tolerance, each, refuse, sample
from warpwright.draw import Draw, crossed, widened
from warpwright.sampling._draw import check_numbers, check_scores
from warpwright.sampling._draw_calls import beyond_weights, set_row

Given: TypeAlias = torch.Tensor | None

WORKLOADS: tuple[Mapping[str, Any], ...] = (
    *({"rows": rows, "classes": 128_256} for rows in (1, 8, 32, 128, 512)),
    {"rows": 128, "classes": 32_000},
    {"rows": 128, "classes": 151_936},
    {"rows": 64, "classes": 128_256, "spread": 3.0},
)


def check_kept(name: str, scores: torch.Tensor, top_k: Given = None, top_p: Given = None) -> None:
    """Refuse what no operator can take that keeps the largest scores."""
    check_scores(name, scores)
    check_dtype(name, scores.dtype, *FLOAT_TYPES)
    check_numbers("top_k", top_k, torch.int32, scores.shape[0], "one for each row", name, scores)
    check_numbers("top_p", top_p, torch.float32, scores.shape[0], "one for each row", name, scores)


def make_scores(draw: Draw, name: str, rows: int, classes: int, spread: float, dtype: torch.dtype) -> Arguments:
    """Make normal logits, or the probabilities of such."""
    logits = draw.normal(rows, classes, dtype=torch.float32, scale=spread)
    return {name: (logits.softmax(-1) if name == "probs" else logits).to(dtype)}


def keep_contract(
    function: Callable[..., Any],
    name: str,
    *,
    check: Callable[..., None],
    reference: Callable[..., torch.Tensor],
    make: Callable[..., Arguments],
    call: Callable[..., Any],
    tolerance: Tolerance,
    peers: Callable[..., Mapping[str, Callable[[], object]]],
    samples: tuple[Sample, ...],
    refusals: tuple[Refusal, ...],
) -> Contract:
    """Return the contract of an operator of a row's scores and a number for each row."""
    return Contract(
        function=function,
        check=check,
        reference=reference,
        make=make,
        call=call,
        samples=(*score_samples(name), *samples),
        refusals=(*score_refusals(name), *refusals),
        tolerance=tolerance,
        workloads=WORKLOADS,
        output=_output_of(name),
        peers=peers,
    )


def _output_of(name: str) -> Callable[..., Output]:
    def of_probs(probs: torch.Tensor) -> Output:
        return Output(tuple(probs.shape), probs.dtype)

    def of_logits(logits: torch.Tensor) -> Output:
        return Output(tuple(logits.shape), logits.dtype)

    return of_probs if name == "probs" else of_logits


def score_samples(name: str) -> tuple[Sample, ...]:
    """Return the samples that all have."""
    return (
        sample("typical"),
        sample("smallest", rows=1, classes=1),
        sample("odd", rows=3, classes=4099, dtype=torch.bfloat16),
        sample("float16", rows=3, classes=1111, dtype=torch.float16),
        sample("two classes", rows=33, classes=2),
        sample("111 classes", rows=5, classes=111),
        sample("a vocabulary", rows=2, classes=151_936),
        sample("a peak", rows=5, classes=32_000, spread=6.0),
        sample("NaN", set_row(name, torch.nan)),
        sample("infinite", set_row(name, torch.inf)),
        sample("infinite and negative", set_row(name, -torch.inf)),
        sample("beyond 2^100", beyond_weights(name), rows=5),
        sample("zeros", set_row(name, 0.0)),
        sample("equals", lambda call: {name: torch.full_like(call[name], 2.0**-10)}, rows=4, classes=5000),
        sample("more equals than fit", lambda call: {name: call[name].mul(64).ceil()}, rows=2, classes=40_000),
        sample("slices", each(**{name: widened}), rows=5, classes=128),
        sample("slices off every vector", each(**{name: lambda x: widened(x, 3)}), rows=5, classes=777),
        sample("one row for all", each(**{name: lambda x: x[:1].expand(x.shape)}), rows=6),
        sample("empty", rows=0),
        sample("largest", rows=3, classes=1 << 20),
    )


def score_refusals(name: str) -> tuple[Refusal, ...]:
    """Return the refusals that all have."""
    return (
        refuse("dtype", f"{name} has dtype int32, expected float16 or bfloat16 or float32", **{name: torch.Tensor.int}),
        refuse("dim", f"{name} has 1 dimensions, shape (1000,); expected 2", **{name: lambda x: x[0]}),
        refuse("no class", f"the columns of {name} is 0, expected at least 1", **{name: lambda x: x[:, :0]}),
        refuse(
            "many classes",
            f"the columns of {name} is 1048577, expected at most 1048576: the kernels' sums are exact up to there",
            **{name: lambda x: x[:, :1].expand(16, 1_048_577)},
        ),
        refuse("crossed", f"{name} has strides (1, 16), expected 1 in the last dimension", **{name: crossed}),
    )


def number_refusals(name: str, dtype: torch.dtype, wrong: torch.dtype) -> tuple[Refusal, ...]:
    """Return the refusals of a number for each row."""
    words = f"{name} has dtype {str(wrong).removeprefix('torch.')}, expected {str(dtype).removeprefix('torch.')}"
    return (
        refuse(f"{name} dtype", words, lambda call: {name: _ones(call, 16, wrong)}),
        refuse(
            f"{name} size",
            f"{name} has shape (5,): size 5 in dimension 0, expected 16 (one for each row)",
            lambda call: {name: _ones(call, 5, dtype)},
        ),
        refuse(
            f"{name} stride",
            f"{name} has shape (16,) and strides (2,), expected a contiguous tensor",
            lambda call: {name: _ones(call, 32, dtype)[::2]},
        ),
    )


def _ones(call: Arguments, count: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.ones(count, dtype=dtype, device=next(iter(call.values())).device)

"""Softmax of rows of logits by a temperature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import FLOAT_TYPES, check_dtype
from warpwright.contract import Arguments, Contract, Output, Tolerance, sample
from warpwright.draw import Draw
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded
from warpwright.sampling._draw import check_numbers, check_scores, share_numbers
from warpwright.sampling._peers import flashinfer_peer
from warpwright.sampling._renorm import WORKLOADS, make_scores, number_refusals, score_refusals, score_samples

_softmax = torch.ops.warpwright.softmax.default


def softmax(
    logits: torch.Tensor, temperature: torch.Tensor | float | None = None, enable_pdl: bool | None = None
) -> torch.Tensor:
    """Return the softmax of each row of logits, divided by a temperature.

    ``out = softmax(logits / temperature)``. A row is held in registers, on SM 9.0 by a cluster of up to 8 blocks;
    what is too long for that is read twice. Method: Milakov and Gimelshein, "Online normalizer calculation for softmax"
    (arXiv:1805.02867).

    Parameters
    ----------
    logits
        ``(rows, classes)``, float16, bfloat16 or float32. 1 to 2^20 classes; rows may lie apart. As in torch, a row is
        NaN where a logit is NaN or the largest one is infinite.
    temperature
        A float for all rows, 1 by default, or a tensor of one for each. 0 is the limit: the largest logits share all.
    enable_pdl
        Whether the kernel may be launched before earlier ones have ended (programmatic dependent launch, SM 9.0); by
        default it is where the GPU can.

    Returns
    -------
    A new tensor ``(rows, classes)``, contiguous, float32.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    given = share_numbers(1.0 if temperature is None else temperature)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(logits):
        return call_recorded(_softmax, logits, *given, enable_pdl)
    return _softmax(logits, *given, enable_pdl)


def check(logits: torch.Tensor, temperature: torch.Tensor | None) -> None:
    """Refuse what the operator cannot take."""
    check_scores("logits", logits)
    check_dtype("logits", logits.dtype, *FLOAT_TYPES)
    check_numbers("temperature", temperature, torch.float32, logits.shape[0], "one for each row", "logits", logits)


def reference(
    logits: torch.Tensor, temperature: torch.Tensor | None, temperature_all: float, wide: torch.dtype
) -> torch.Tensor:
    """Return the softmax."""
    wider = logits.double()
    each = torch.full_like(wider[:, :1], temperature_all) if temperature is None else temperature.double().unsqueeze(-1)
    largest = (wider == wider.amax(-1, keepdim=True)).double()
    frozen = largest / largest.sum(-1, keepdim=True)
    frozen = frozen.where(~wider.isnan().any(-1, keepdim=True), torch.nan)
    return (wider / each.where(each != 0, 1.0)).softmax(-1).where(each != 0, frozen).to(wide)


def make(
    draw: Draw,
    rows: int = 16,
    classes: int = 1000,
    temperature: float = 0.8,
    spread: float = 1.0,
    dtype: torch.dtype = torch.float32,
    own: bool = False,
) -> Arguments:
    """Make a call; with ``own``, each row has a temperature of its own."""
    each = draw.uniform(rows, least=0.1, most=2.0) if own else None
    scores = make_scores(draw, "logits", rows, classes, spread, dtype)
    return scores | {"temperature": each, "temperature_all": temperature, "enable_pdl": None}


def call(logits: torch.Tensor, temperature: torch.Tensor | None, temperature_all: float) -> Any:
    """Call it with the temperature for all rows, or those of each."""
    return softmax(logits, temperature_all if temperature is None else temperature)


def output(logits: torch.Tensor) -> Output:
    """Return the looks of the result."""
    return Output(tuple(logits.shape), torch.float32)


def peers(logits: torch.Tensor, temperature_all: float) -> Mapping[str, Callable[[], object]]:
    """Return who else does it."""
    return {
        "torch": lambda: (logits / temperature_all).softmax(-1, dtype=torch.float32),
        **flashinfer_peer("softmax", logits, temperature_all),
    }


def _nothing(call: Arguments) -> Arguments:
    return {"logits": torch.full_like(call["logits"], -torch.inf)}


CONTRACT = Contract(
    function=softmax,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        *score_samples("logits"),
        sample("no temperature", temperature=1.0),
        sample("a temperature of 0", temperature=0.0),
        sample("a temperature of 0 and NaN", lambda call: {"logits": call["logits"] * torch.nan}, temperature=0.0),
        sample("a temperature of 0, no logit", _nothing, temperature=0.0),
        sample("a temperature of 0, no logit of many rows", _nothing, rows=40, classes=21_000, temperature=0.0),
        sample("a row that blocks share", rows=3, classes=2**20 - 1, dtype=torch.bfloat16),
        sample("a negative temperature", temperature=-0.5),
        sample("temperatures of their own", own=True, rows=9),
    ),
    refusals=(*score_refusals("logits"), *number_refusals("temperature", torch.float32, torch.float64)),
    tolerance=Tolerance(
        {torch.float32: 2.0**-18}, 2.0**-24, "the rounding of a difference of logits, of which some are far apart"
    ),
    workloads=WORKLOADS,
    output=output,
    peers=peers,
)

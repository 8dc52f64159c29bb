"""What the norms share: checks, what they mean, in plain torch, and their contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    check_contiguous,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    check_size,
    known,
)
from warpwright.contract import Contract, refuse, rounded_once, sample
from warpwright.elementwise._norm_calls import OVERLAP, WORKLOADS, make_add_norm, make_norm, refusals, samples
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

TOLERANCE = rounded_once(
    "sums in float32 and rsqrtf, within a few units of 2^-23, also of what cancels where a weight or a bias is added",
    of_largest=2.0**-21,
)


def _check_tensors(input: torch.Tensor, other_name: str, other: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    check_same_device("weight", weight, "input", input)
    check_same_device(other_name, other, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT_TYPES)
    check_same_dtype("weight", weight, "input", input)
    check_same_dtype(other_name, other, "input", input)
    check_weight_shape("weight", weight, input)
    check_same_shape(other_name, other, "input", input)
    check_inner_stride("input", input)
    check_inner_stride(other_name, other)


def check_weight_shape(name: str, weight: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse a weight that is no contiguous row as long as the input's."""
    check_dim(name, weight, 1)
    check_size(name, weight, 0, input.shape[-1], "the last dimension of input")
    check_contiguous(name, weight)


def check_norm(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    """Refuse what a norm that writes an output cannot take."""
    _check_tensors(input, "out", out, weight)
    if known(input.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    in_place = out_rows is not None and input_rows is not None and out_rows.is_same(input_rows)
    check_apart("out", out_rows, [("input", None if in_place else input_rows), ("weight", span_of(weight))])


def check_add_norm(input: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    """Refuse what a norm of a sum, which takes the places of what it adds, cannot take."""
    _check_tensors(input, "residual", residual, weight)
    if known(input.numel() == 0):
        return
    input_rows = rows_of(input, out_row_stride("input", input))
    residual_rows = rows_of(residual, out_row_stride("residual", residual))
    check_apart("input", input_rows, [("residual", residual_rows), ("weight", span_of(weight))])
    check_apart("residual", residual_rows, [("weight", span_of(weight))])


def rms(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Return rows of a root mean square of one, times a weight."""
    return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight


def layer(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    """Return rows of a mean of zero and a variance of one, times a weight, plus a bias."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight + bias


def norm_contract(
    function: Callable[..., Any], reference: Callable[..., Any], peers: Callable[..., Any], *, also_in: tuple[str, ...]
) -> Contract:
    """Return the contract of a norm that writes an output."""
    return Contract(
        function=function,
        check=check_norm,
        reference=reference,
        make=make_norm,
        samples=(*samples("out"), sample("in place", lambda call: {"out": call["input"]})),
        refusals=(
            *refusals("out"),
            refuse(
                "in place of one row",
                OVERLAP.format("out", "input"),
                lambda call: {"input": call["out"][:1].expand(64, 4096)},
            ),
        ),
        tolerance=TOLERANCE,
        workloads=WORKLOADS,
        peers=peers,
        also_in=also_in,
    )


def add_norm_contract(
    function: Callable[..., Any], reference: Callable[..., Any], peers: Callable[..., Any], *, also_in: tuple[str, ...]
) -> Contract:
    """Return the contract of a norm of a sum."""
    return Contract(
        function=function,
        check=check_add_norm,
        reference=reference,
        make=make_add_norm,
        samples=samples("residual"),
        refusals=refusals("residual"),
        tolerance=TOLERANCE,
        workloads=WORKLOADS,
        peers=peers,
        also_in=also_in,
    )

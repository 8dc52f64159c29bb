"""The layer norm of the rows of a tensor."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT_TYPES,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    known,
)
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw
from warpwright.elementwise._norm import TOLERANCE, check_weight_shape, layer
from warpwright.elementwise._norm_calls import OVERLAP, WORKLOADS, refusals, samples
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

_layernorm = torch.ops.warpwright.layernorm.default


def layernorm(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float = 1e-6,
    out: torch.Tensor | None = None,
    enable_pdl: bool | None = None,
) -> torch.Tensor:
    """Bring each row to a mean of zero and a variance of one, then scale it by ``gemma`` and add ``beta``.

    ``out[..., i] = (input[..., i] - mean(input[..., :])) / sqrt(variance(input[..., :]) + eps) * gemma[i] + beta[i]``,
    with the variance of the whole row (not of a sample), in float32 with one rounding at the end. Method: Ba, Kiros and
    Hinton, "Layer Normalization" (arXiv:1607.06450).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    gemma, beta
        ``(hidden,)``, contiguous, both float32 or both of the dtype of ``input``.
    eps
        Added to the variance before the root.
    out
        Tensor for the result, of the shape and dtype of ``input``, which it may be; a new one by default. Otherwise it
        has memory of its own.
    enable_pdl
        Whether the kernel may start while the one before it on the stream ends (programmatic dependent launch); by
        default, and where it is True, on GPUs that have it: SM 9.0.

    Returns
    -------
    ``out``. No rows give an empty tensor.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if out is None:
        out = torch.empty_like(input)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, gemma, beta):
        return write(_layernorm, out, input, gemma, beta, eps, enable_pdl)
    _layernorm(out, input, gemma, beta, eps, enable_pdl)
    return out


def check(out: torch.Tensor, input: torch.Tensor, gemma: torch.Tensor, beta: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_same_device("gemma", gemma, "input", input)
    check_same_device("beta", beta, "input", input)
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT_TYPES)
    if gemma.dtype != torch.float32:
        check_same_dtype("gemma", gemma, "input", input)
    check_same_dtype("beta", beta, "gemma", gemma)
    check_same_dtype("out", out, "input", input)
    for name, weight in (("gemma", gemma), ("beta", beta)):
        check_weight_shape(name, weight, input)
    check_same_shape("out", out, "input", input)
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    if known(input.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    in_place = out_rows is not None and input_rows is not None and out_rows.is_same(input_rows)
    others = [("input", None if in_place else input_rows), ("gemma", span_of(gemma)), ("beta", span_of(beta))]
    check_apart("out", out_rows, others)


def reference(
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the norm."""
    return layer(input.to(wide), gemma.to(wide), beta.to(wide), eps)


def make(draw: Draw, rows: int = 64, hidden: int = 4096, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {
        "out": draw.unwritten(rows, hidden, dtype=dtype),
        "input": draw.normal(rows, hidden, dtype=dtype),
        "gemma": draw.normal(hidden, dtype=torch.float32),
        "beta": draw.normal(hidden, dtype=torch.float32),
        "eps": 1e-6,
        "enable_pdl": None,
    }


def peers(
    out: torch.Tensor,
    input: torch.Tensor,  # noqa: A002
    gemma: torch.Tensor,
    beta: torch.Tensor,
    eps: float,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch's wants weights of the input's dtype. A copy moves the same bytes."""
    weight, bias = gemma.to(input.dtype), beta.to(input.dtype)
    return {
        "torch": lambda: torch.nn.functional.layer_norm(input, weight.shape, weight, bias, eps),
        "copy": lambda: out.copy_(input),
    }


CONTRACT = Contract(
    function=layernorm,
    check=check,
    reference=reference,
    make=make,
    samples=(
        *samples("out"),
        sample("in place", lambda call: {"out": call["input"]}),
        sample("weights of the input's dtype", each(gemma=torch.Tensor.half, beta=torch.Tensor.half)),
        sample("a mean far from zero", each(input=lambda x: x + 40), rows=9),
    ),
    refusals=(
        *refusals("out", "gemma"),
        refuse("beta dtype", "beta has dtype float16, expected float32, the dtype of gemma", beta=torch.Tensor.half),
        refuse("beta size", "beta has shape (32,): size 32 in dimension 0, expected 4096", beta=lambda x: x[:32]),
        refuse(
            "beta in it",
            OVERLAP.format("out", "beta"),
            lambda call: {"beta": call["out"][4:6].view(-1).view(torch.float32)},
        ),
    ),
    tolerance=TOLERANCE,
    workloads=WORKLOADS,
    peers=peers,
    also_in=("norm",),
)

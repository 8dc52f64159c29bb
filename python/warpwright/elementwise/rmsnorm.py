"""The root mean square norm of rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
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
from warpwright.contract import Arguments, Contract, each, refuse, rounded_once, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

_rmsnorm = torch.ops.warpwright.rmsnorm.default


def rmsnorm(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    weight: torch.Tensor,
    eps: float = 1e-6,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Scale each row to a root mean square of one, then by ``weight``.

    ``out[..., i] = input[..., i] / sqrt(mean(input[..., :] ** 2) + eps) * weight[i]``, with sums in float32 and one
    rounding at the end. Method: Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv:1910.07467).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart (a slice of whole columns); the elements of a row may
        not. Any ``hidden``; multiples of 8 with rows at multiples of 16 bytes run fastest.
    weight
        ``(hidden,)``, contiguous, of the dtype of ``input``.
    eps
        Added to the mean square before the root.
    out
        Tensor for the result, of the shape and dtype of ``input``, which it may be; a new one by default. Otherwise it
        has memory of its own.

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
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input, weight):
        return write(_rmsnorm, out, input, weight, eps)
    _rmsnorm(out, input, weight, eps)
    return out


def check(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_same_device("weight", weight, "input", input)
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    check_same_dtype("weight", weight, "input", input)
    check_same_dtype("out", out, "input", input)
    check_dim("weight", weight, 1)
    check_size("weight", weight, 0, input.shape[-1], "the last dimension of input")
    check_same_shape("out", out, "input", input)
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    check_contiguous("weight", weight)
    if known(input.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    in_place = out_rows is not None and input_rows is not None and out_rows.is_same(input_rows)
    check_apart("out", out_rows, [("input", None if in_place else input_rows), ("weight", span_of(weight))])


def reference(input: torch.Tensor, weight: torch.Tensor, eps: float, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the norm."""
    x = input.to(wide)
    return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() * weight.to(wide)


def make(draw: Draw, rows: int = 64, hidden: int = 4096, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {
        "out": draw.unwritten(rows, hidden, dtype=dtype),
        "input": draw.normal(rows, hidden, dtype=dtype),
        "weight": draw.normal(hidden, dtype=dtype),
        "eps": 1e-6,
    }


def peers(out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor, eps: float) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it; a copy is no norm, and moves the same bytes."""
    return {
        "torch": lambda: torch.nn.functional.rms_norm(input, weight.shape, weight, eps),
        "copy": lambda: out.copy_(input),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.rmsnorm.default(out, input, weight, eps, False),
    }


def _shifted(call: Arguments) -> Arguments:
    """Put the output 8 columns behind the input."""
    wide = torch.zeros(64, 4104, dtype=torch.float16, device=call["input"].device)
    return {"input": wide[:, :4096], "out": wide[:, 8:]}


def _a_row_on(call: Arguments) -> Arguments:
    rows = torch.zeros(65, 4096, dtype=torch.float16, device=call["input"].device)
    return {"input": rows[:64], "out": rows[1:]}


def _beside(call: Arguments) -> Arguments:
    wide = call["input"].repeat(1, 2)
    return {"input": wide[:, : wide.shape[1] // 2], "out": wide[:, wide.shape[1] // 2 :]}


OVERLAP = "out overlaps {} in memory, expected memory of its own: clone one of them"

CONTRACT = Contract(
    function=rmsnorm,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("more than the registers hold", rows=3, hidden=40_000),
        sample("two vectors a thread", rows=5, hidden=16_384, dtype=torch.bfloat16),
        sample("two vectors for some threads", rows=3, hidden=8200),
        sample("four vectors a thread", rows=3, hidden=32_768),
        sample("four vectors for some threads", rows=5, hidden=24_584, dtype=torch.bfloat16),
        sample("slices", each(input=widened, out=widened), rows=5, hidden=128),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), out=lambda x: widened(x, 5)), rows=5),
        sample("beside", _beside, rows=9),
        sample(
            "four dimensions", each(input=lambda x: x.view(2, 3, 4, -1), out=lambda x: x.view(2, 3, 4, -1)), rows=24
        ),
        sample("in place", lambda call: {"out": call["input"]}),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    ),
    refusals=(
        refuse("dtype", "input has dtype float32, expected float16 or bfloat16", input=torch.Tensor.float),
        refuse(
            "weight dtype",
            "weight has dtype bfloat16, expected float16, the dtype of input",
            weight=torch.Tensor.bfloat16,
        ),
        refuse("out dtype", "out has dtype bfloat16, expected float16, the dtype of input", out=torch.Tensor.bfloat16),
        refuse("weight dim", "weight has 2 dimensions, shape (1, 4096); expected 1", weight=lambda x: x[None]),
        refuse("weight size", "weight has shape (32,): size 32 in dimension 0, expected 4096", weight=lambda x: x[:32]),
        refuse("weight stride", "expected a contiguous tensor", weight=lambda x: x.repeat(2)[::2]),
        refuse("out shape", "out has shape (2, 4096), expected (64, 4096), the shape of input", out=lambda x: x[:2]),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse(
            "rows apart",
            "expected rows at one distance from each other",
            each(input=lambda x: x.view(4, 16, -1).transpose(0, 1), out=lambda x: x.view(16, 4, -1)),
        ),
        refuse("out repeated", "expected rows that do not overlap: at least 4096 elements apart", out=repeated),
        refuse("shifted", OVERLAP.format("input"), _shifted),
        refuse("a row on", OVERLAP.format("input"), _a_row_on),
        refuse("weight in out", OVERLAP.format("weight"), lambda call: {"weight": call["out"][5]}),
        refuse(
            "in place of one row", OVERLAP.format("input"), lambda call: {"input": call["out"][:1].expand(64, 4096)}
        ),
    ),
    tolerance=rounded_once("sums in float32 and rsqrtf, within a few units of 2^-23"),
    workloads=tuple(
        {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
        for hidden in (4096, 8192)
        for rows in (1, 64, 1024, 8192)
    ),
    peers=peers,
)

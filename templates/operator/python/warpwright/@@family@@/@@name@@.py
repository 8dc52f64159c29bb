"""A copy of rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    known,
)
from warpwright.contract import EXACT, Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of

_@@name@@ = torch.ops.warpwright.@@name@@.default


def @@name@@(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Copy each row.

    ``out[..., i] = input[..., i]``.

    Parameters
    ----------
    input
        ``(..., hidden)``, float16 or bfloat16. Rows may lie apart (a slice of whole columns); the elements of a row may
        not. Any ``hidden``; multiples of 8 with rows at multiples of 16 bytes run fastest.
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
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_@@name@@, out, input)
    _@@name@@(out, input)
    return out


def check(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    check_same_dtype("out", out, "input", input)
    check_same_shape("out", out, "input", input)
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    if known(input.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    in_place = out_rows is not None and input_rows is not None and out_rows.is_same(input_rows)
    check_apart("out", out_rows, [("input", None if in_place else input_rows)])


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the copy."""
    return input.to(wide)


def make(draw: Draw, rows: int = 64, hidden: int = 4096, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {"out": draw.unwritten(rows, hidden, dtype=dtype), "input": draw.normal(rows, hidden, dtype=dtype)}


def peers(out: torch.Tensor, input: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    return {"torch": lambda: out.copy_(input)}


def _shifted(call: Arguments) -> Arguments:
    """Put the output 8 columns behind the input."""
    wide = torch.zeros(64, 4104, dtype=torch.float16, device=call["input"].device)
    return {"input": wide[:, :4096], "out": wide[:, 8:]}


CONTRACT = Contract(
    function=@@name@@,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("slices", each(input=widened, out=widened), rows=5, hidden=128),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), out=lambda x: widened(x, 5)), rows=5),
        sample("in place", lambda call: {"out": call["input"]}),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    ),
    refusals=(
        refuse("dtype", "input has dtype float32, expected float16 or bfloat16", input=torch.Tensor.float),
        refuse("out dtype", "out has dtype bfloat16, expected float16, the dtype of input", out=torch.Tensor.bfloat16),
        refuse("out shape", "out has shape (2, 4096), expected (64, 4096)", out=lambda x: x[:2]),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("out repeated", "expected rows that do not overlap: at least 4096 elements apart", out=repeated),
        refuse("shifted", "out overlaps input in memory, expected memory of its own: clone one of them", _shifted),
    ),
    tolerance=EXACT,
    workloads=tuple({"rows": rows, "hidden": 4096, "dtype": torch.bfloat16} for rows in (1, 64, 1024, 8192)),
    peers=peers,
)

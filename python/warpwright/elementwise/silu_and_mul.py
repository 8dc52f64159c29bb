"""The gate of a SwiGLU: the SiLU of one half of each row, times the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    FLOAT16_TYPES,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_multiple,
    check_same_device,
    check_same_dtype,
    check_size,
    known,
)
from warpwright.contract import Arguments, Contract, each, refuse, rounded_once, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of

_silu_and_mul = torch.ops.warpwright.silu_and_mul.default


def silu_and_mul(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Gate the second half of each row by the SiLU of the first half.

    ``out[..., i] = silu(input[..., i]) * input[..., hidden + i]`` with ``silu(x) = x / (1 + exp(-x))``, in float32 with
    one rounding. Method: the SwiGLU of Shazeer, "GLU Variants Improve Transformer" (arXiv:2002.05202).

    Parameters
    ----------
    input
        ``(..., 2 * hidden)``, float16 or bfloat16. Rows may lie apart; the elements of a row may not.
    out
        ``(..., hidden)``, of the dtype of ``input``; a new tensor by default. It may be one half of ``input``;
        otherwise it has memory of its own.

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
        sizes = (*input.shape[:-1], input.shape[-1] // 2) if input.dim() else ()
        out = torch.empty(sizes, dtype=input.dtype, device=input.device)
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, input):
        return write(_silu_and_mul, out, input)
    _silu_and_mul(out, input)
    return out


def check(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT16_TYPES)
    check_same_dtype("out", out, "input", input)
    check_multiple("the last dimension of input", input.shape[-1], 2)
    check_dim("out", out, input.dim())
    for dim in range(input.dim() - 1):
        check_size("out", out, dim, input.shape[dim], "that of input")
    check_size("out", out, input.dim() - 1, input.shape[-1] // 2, "half of the last dimension of input")
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    if not known(out.numel() == 0):
        _check_memory(out, input)


def _check_memory(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse an output that overlaps the input in another way than in place of one half of it."""
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    if out_rows is None or input_rows is None:
        return
    size = input_rows.size // 2
    halves = [input_rows._replace(start=input_rows.start + start, size=size) for start in (0, size)]
    if not any(map(out_rows.is_same, halves)):
        check_apart("out", out_rows, [("input", input_rows)])


def reference(input: torch.Tensor, wide: torch.dtype) -> torch.Tensor:  # noqa: A002
    """Return the gated halves."""
    gate, value = input.to(wide).chunk(2, dim=-1)
    return gate / (1 + (-gate).exp()) * value


def make(draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call."""
    return {"out": draw.unwritten(rows, hidden, dtype=dtype), "input": draw.normal(rows, 2 * hidden, dtype=dtype)}


def peers(out: torch.Tensor, input: torch.Tensor) -> dict[str, Callable[[], object]]:  # noqa: A002
    """Return who else does it."""
    gate, value = input.chunk(2, dim=-1)
    return {
        "torch": lambda: torch.nn.functional.silu(gate) * value,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.silu_and_mul.default(out, input),
    }


def _half(start: int) -> Callable[[Arguments], Arguments]:
    """Return the change that puts the output where the input's columns from a half on are."""
    return lambda call: {"out": call["input"].narrow(-1, start * call["out"].shape[-1] // 2, call["out"].shape[-1])}


def _kinds(*sizes: int) -> Callable[[Arguments], Arguments]:
    return each(input=lambda x: x.view(*sizes, -1), out=lambda x: x.view(*sizes, -1))


CONTRACT = Contract(
    function=silu_and_mul,
    check=check,
    reference=reference,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", rows=1, hidden=1),
        sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
        sample("slices", each(input=widened, out=widened), rows=5, hidden=128),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), out=lambda x: widened(x, 5)), rows=5),
        sample("four dimensions", _kinds(2, 3, 4), rows=24, hidden=100),
        sample("in place", _half(0), rows=5),
        sample("in place of the second half", _half(2), rows=5),
        sample("empty", rows=0),
        sample("largest", rows=70_000, hidden=8),
    ),
    refusals=(
        refuse("short", "input has dtype int16, expected float16 or bfloat16", input=torch.Tensor.short),
        refuse("bool", "input has dtype bool, expected float16 or bfloat16", input=torch.Tensor.bool),
        refuse("no dim", "input has 0 dimensions; expected at least 1", input=lambda x: x[0, 0]),
        refuse("out dtype", "out has dtype bfloat16, expected float16, the dtype of input", out=torch.Tensor.bfloat16),
        refuse("odd", "the last dimension of input is 33, expected a multiple of 2", input=lambda x: x[:, :33]),
        refuse("out dim", "out has 1 dimensions, shape (2048,); expected 2", out=lambda x: x[0]),
        refuse("out rows", "out has shape (2, 2048): size 2 in dimension 0, expected 64", out=lambda x: x[:2]),
        refuse(
            "out size",
            "size 7 in dimension 1, expected 2048 (half of the last dimension of input)",
            out=lambda x: x[:, :7],
        ),
        refuse(
            "crossed",
            "expected 1 in the last dimension: pass a contiguous tensor or a slice",
            input=lambda x: x.repeat(1, 2)[:, ::2],
        ),
        refuse("out repeated", "expected rows that do not overlap: at least 2048 elements apart", out=repeated),
        refuse("the middle", "out overlaps input in memory, expected memory of its own: clone one of them", _half(1)),
    ),
    tolerance=rounded_once("float32 arithmetic with __expf, within a few units of 2^-22"),
    workloads=tuple(
        {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
        for hidden in (4096, 8192)
        for rows in (1, 64, 1024, 8192)
    ),
    peers=peers,
)

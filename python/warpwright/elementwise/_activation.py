"""What the activations share: checks, calls, and what their contracts say of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from warpwright.checks import (
    FLOAT_TYPES,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_min_dim,
    check_multiple,
    check_same_device,
    check_same_dtype,
    check_same_shape,
    check_size,
    known,
)
from warpwright.contract import ROUNDING, Arguments, Contract, Refusal, Tolerance, each, refuse, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of

OVERLAP = "out overlaps input in memory, expected memory of its own: clone one of them"
GATED_WORKLOADS = tuple(
    {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
    for rows, hidden in (
        (1, 4096), (64, 4096), (1024, 4096), (8192, 4096), (1, 8192), (64, 8192), (1024, 8192), (8192, 8192),
        (1, 14_336), (7, 18_944), (512, 18_944), (257, 2816), (16_384, 1536), (4096, 128),
    )
)  # fmt: skip
PLAIN_WORKLOADS = tuple(
    {"rows": rows, "hidden": hidden, "dtype": torch.bfloat16}
    for rows, hidden in (
        (1, 4096), (64, 4096), (1024, 4096), (16_384, 4096), (1, 14_336), (1024, 14_336), (7, 18_944), (512, 18_944),
        (257, 5120), (577, 4096), (16_384, 1536), (4096, 128),
    )
)  # fmt: skip


def half_of(input: torch.Tensor) -> torch.Tensor:  # noqa: A002
    """Return an output for an input of which one half gates the other; of no such input, the checks tell."""
    sizes = (*input.shape[:-1], input.shape[-1] // 2) if input.dim() else ()
    return torch.empty(sizes, dtype=input.dtype, device=input.device)


def _check_dtypes(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    check_same_device("out", out, "input", input)
    check_min_dim("input", input, 1)
    check_dtype("input", input.dtype, *FLOAT_TYPES)
    check_same_dtype("out", out, "input", input)


def check_gated(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what an activation that gates one half of each row by the other cannot take."""
    _check_dtypes(out, input)
    check_multiple("the last dimension of input", input.shape[-1], 2)
    check_dim("out", out, input.dim())
    for dim in range(input.dim() - 1):
        check_size("out", out, dim, input.shape[dim], "that of input")
    check_size("out", out, input.dim() - 1, input.shape[-1] // 2, "half of the last dimension of input")
    _check_rows(out, input, halves=2)


def check_plain(out: torch.Tensor, input: torch.Tensor) -> None:  # noqa: A002
    """Refuse what an activation of each element cannot take."""
    _check_dtypes(out, input)
    check_same_shape("out", out, "input", input)
    _check_rows(out, input, halves=1)


def _check_rows(out: torch.Tensor, input: torch.Tensor, halves: int) -> None:  # noqa: A002
    """Refuse an output that overlaps the input in another way than in place of its rows, or of one half of each."""
    check_inner_stride("input", input)
    check_inner_stride("out", out)
    if known(out.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    input_rows = rows_of(input, row_stride("input", input))
    if out_rows is None or input_rows is None:
        return
    size = input_rows.size // halves
    parts = [input_rows._replace(start=input_rows.start + part * size, size=size) for part in range(halves)]
    if not any(map(out_rows.is_same, parts)):
        check_apart("out", out_rows, [("input", input_rows)])


def make_gated(draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call of an activation that gates."""
    out, given = draw.unwritten(rows, hidden, dtype=dtype), draw.normal(rows, 2 * hidden, dtype=dtype)
    return {"out": out, "input": given, "enable_pdl": None}


def make_plain(draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16) -> Arguments:
    """Make a call of an activation of each element."""
    out, given = draw.unwritten(rows, hidden, dtype=dtype), draw.normal(rows, hidden, dtype=dtype)
    return {"out": out, "input": given, "enable_pdl": None}


def _half(start: int) -> Callable[[Arguments], Arguments]:
    """Return the change that puts the output where the input's columns from a half on are."""
    return lambda call: {"out": call["input"].narrow(-1, start * call["out"].shape[-1] // 2, call["out"].shape[-1])}


def _a_row_on(call: Arguments) -> Arguments:
    rows = torch.zeros(65, call["input"].shape[-1], dtype=torch.float16, device=call["input"].device)
    return {"input": rows[:64], "out": rows[1:, : call["out"].shape[-1]]}


def _both(make: Callable[[torch.Tensor], torch.Tensor], out_make: Any = None) -> Callable[[Arguments], Arguments]:
    return each(input=make, out=out_make or make)


SAMPLES = (
    sample("typical"),
    sample("smallest", rows=1, hidden=1),
    sample("odd", rows=7, hidden=4097, dtype=torch.bfloat16),
    sample("float32", rows=9, hidden=3072, dtype=torch.float32),
    sample("odd float32", rows=5, hidden=77, dtype=torch.float32),
    sample("more than a wave of threads", rows=1500, hidden=4096, dtype=torch.bfloat16),
    sample("more than a wave of float32", rows=1500, hidden=2816, dtype=torch.float32),
    sample("vectors that a block does not divide", rows=611, hidden=1544),
    sample("short rows", rows=4099, hidden=8, dtype=torch.bfloat16),
    sample("vectors of 4 bytes alone", rows=301, hidden=1030),
    sample("slices", _both(widened), rows=5, hidden=128),
    sample("slices of many rows", _both(widened), rows=800, hidden=1408),
    sample("slices off every vector", _both(lambda x: widened(x, 3), lambda x: widened(x, 5)), rows=5),
    sample("four dimensions", _both(lambda x: x.view(2, 3, 4, -1)), rows=24, hidden=100),
    sample("without dependent launch", each(enable_pdl=lambda _: False), rows=5),
    sample("in place", _half(0), rows=5),
    sample("in place of many", _half(0), rows=1500, hidden=4096),
    sample("empty", rows=0),
    sample("largest", rows=70_000, hidden=8),
)
REFUSALS = (
    refuse("short", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
    refuse("bool", "input has dtype bool, expected float16 or bfloat16 or float32", input=torch.Tensor.bool),
    refuse("no dim", "input has 0 dimensions; expected at least 1", input=lambda x: x[0, 0]),
    refuse("out dtype", "out has dtype bfloat16, expected float16, the dtype of input", out=torch.Tensor.bfloat16),
    refuse(
        "crossed",
        "expected 1 in the last dimension: pass a contiguous tensor or a slice",
        input=lambda x: x.repeat(1, 2)[:, ::2],
    ),
    refuse(
        "rows apart",
        "expected rows at one distance from each other",
        _both(lambda x: x.view(4, 16, -1).transpose(0, 1), lambda x: x.view(16, 4, -1)),
    ),
    refuse("out repeated", "expected rows that do not overlap: at least 2048 elements apart", out=repeated),
    refuse("a row on", OVERLAP, _a_row_on),
)
GATED_REFUSALS = (
    refuse("odd", "the last dimension of input is 33, expected a multiple of 2", input=lambda x: x[:, :33]),
    refuse("out dim", "out has 1 dimensions, shape (2048,); expected 2", out=lambda x: x[0]),
    refuse("out rows", "out has shape (2, 2048): size 2 in dimension 0, expected 64", out=lambda x: x[:2]),
    refuse(
        "out size", "size 7 in dimension 1, expected 2048 (half of the last dimension of input)", out=lambda x: x[:, :7]
    ),
    refuse("the middle", OVERLAP, _half(1)),
)
PLAIN_REFUSALS = (
    refuse("out shape", "out has shape (2, 2048), expected (64, 2048), the shape of input", out=lambda x: x[:2]),
    refuse("out dim", "out has shape (2048,), expected (64, 2048), the shape of input", out=lambda x: x[0]),
)


def tolerance_of(float32: float, why: str) -> Tolerance:
    """Return the tolerance of an activation: in float32, what its factor's exponent loses where that is large."""
    origin = f"half a unit in the last place, and as much again for float32 arithmetic; float32 itself: {why}"
    return Tolerance({**ROUNDING, torch.float32: float32}, 0.0, origin)


def gated_contract(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    peers: Callable[..., Any],
    tolerance: Tolerance,
    *,
    also_in: tuple[str, ...],
) -> Contract:
    """Return the contract of an activation that gates one half of each row by the other."""
    return Contract(
        function=function,
        check=check_gated,
        reference=reference,
        make=make_gated,
        samples=(*SAMPLES, sample("in place of the second half", _half(2), rows=5)),
        refusals=(*REFUSALS, *GATED_REFUSALS),
        tolerance=tolerance,
        workloads=GATED_WORKLOADS,
        peers=peers,
        also_in=also_in,
    )


def plain_contract(
    function: Callable[..., Any], reference: Callable[..., Any], peers: Callable[..., Any], tolerance: Tolerance
) -> Contract:
    """Return the contract of an activation of each element."""
    refusals: tuple[Refusal, ...] = (*REFUSALS, *PLAIN_REFUSALS)
    return Contract(
        function=function,
        check=check_plain,
        reference=reference,
        make=make_plain,
        samples=SAMPLES,
        refusals=refusals,
        tolerance=tolerance,
        workloads=PLAIN_WORKLOADS,
        peers=peers,
    )

"""Quantisation of a tensor to float8, with one scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import known
from warpwright.contract import Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened
from warpwright.gradient import is_recorded, write_all
from warpwright.quantization._quantize import (
    BOUNDS,
    NEVER_IN_PLACE,
    OVERLAP,
    TOLERANCE,
    WORKLOADS,
    check_memory,
    check_quantized,
    check_tensor_scale,
    quantized,
    row_samples,
    scale_of,
)

_sgl_per_tensor_quant_fp8 = torch.ops.warpwright.sgl_per_tensor_quant_fp8.default


def sgl_per_tensor_quant_fp8(
    input: torch.Tensor,  # noqa: A002  the name that callers know
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    is_static: bool,
) -> None:
    """Quantise a tensor to float8_e4m3fn by one scale: one that is given, or the tensor's own.

    ``output_q = input / output_s``, held between -448 and 448, in float32 with one rounding at the end, to the nearest.
    The tensor's own scale is ``max(abs(input)) / 448``; it comes without atomics, and is the same in every run. A scale
    of less than ``2**-126`` counts as zero, and gives zeros. A NaN in the tensor makes its own scale NaN. Method:
    Micikevicius et al., "FP8 Formats for Deep Learning" (arXiv:2209.05433).

    Parameters
    ----------
    input
        ``(..., hidden)``, float16, bfloat16 or float32. Rows may lie apart; the elements of a row may not.
    output_q
        Of the shape of ``input``, float8_e4m3fn, with memory of its own. Rows may lie apart.
    output_s
        float32, one element: read where ``is_static``, and otherwise written, whatever it held, with memory of its own.
        It stays as it is where ``input`` has no elements.
    is_static
        Whether the scale is given.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(input, output_q, output_s):
        outs = {"output_q": output_q} if is_static else {"output_q": output_q, "output_s": output_s}
        write_all(_sgl_per_tensor_quant_fp8, outs, input, output_q, output_s, is_static)
        return
    _sgl_per_tensor_quant_fp8(input, output_q, output_s, is_static)


def check(input: torch.Tensor, output_q: torch.Tensor, output_s: torch.Tensor, is_static: bool) -> None:  # noqa: A002
    """Refuse what the operator cannot take."""
    check_quantized(input, "output_q", output_q, "output_s", output_s, out_types=(torch.float8_e4m3fn,))
    check_tensor_scale("output_s", output_s)
    if not known(output_q.numel() == 0):
        check_memory(input, "output_q", output_q, "output_s", output_s, is_static=is_static)


def reference(
    input: torch.Tensor,  # noqa: A002
    output_s: torch.Tensor,
    is_static: bool,
    wide: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the quotients and the scale."""
    x, dtype = input.to(wide), torch.float8_e4m3fn
    if x.numel() == 0:
        return x, output_s
    scale = output_s if is_static else scale_of(x.abs().amax(), BOUNDS[dtype][1]).reshape(output_s.shape)
    return quantized(x, scale.to(wide).reshape(()), dtype, BOUNDS[dtype]), scale


def make(
    draw: Draw, rows: int = 64, hidden: int = 2048, dtype: torch.dtype = torch.float16, is_static: bool = False
) -> Arguments:
    """Make a call."""
    given = draw.uniform(1, least=0.001, most=0.01) if is_static else draw.unwritten(1, dtype=torch.float32)
    return {
        "input": draw.normal(rows, hidden, dtype=dtype),
        "output_q": draw.unwritten(rows, hidden, dtype=torch.float8_e4m3fn),
        "output_s": given,
        "is_static": is_static,
    }


def call(
    input: torch.Tensor,  # noqa: A002
    output_s: torch.Tensor,
    is_static: bool,
    output_q: torch.Tensor | None = None,
) -> torch.Tensor:
    """Call the function as a model does, which makes the output itself."""
    out = torch.empty_like(input, dtype=torch.float8_e4m3fn) if output_q is None else output_q
    sgl_per_tensor_quant_fp8(input, out, output_s, is_static)
    return out


def moves(input: torch.Tensor, output_q: torch.Tensor, is_static: bool) -> int:  # noqa: A002
    """Return the bytes that it must move: the input twice where its largest magnitude is looked for first."""
    read: int = input.numel() * input.element_size()
    return (1 if is_static else 2) * read + int(output_q.numel())


def peers(
    input: torch.Tensor,  # noqa: A002
    output_q: torch.Tensor,
    output_s: torch.Tensor,
    is_static: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""

    def in_torch() -> torch.Tensor:
        scale = output_s if is_static else input.abs().amax().float() / 448
        return (input / scale).to(torch.float8_e4m3fn)

    sgl = torch.ops.sgl_kernel
    return {
        "torch": in_torch,
        "sglang-kernel": lambda: sgl.sgl_per_tensor_quant_fp8.default(input, output_q, output_s, is_static),
    }


def _with_a_large_last(x: torch.Tensor) -> torch.Tensor:
    """Make the last element the largest, which the last block alone reads."""
    x[-1, -1] = 1000.0
    return x


CONTRACT = Contract(
    function=sgl_per_tensor_quant_fp8,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        *row_samples(),
        sample("a given scale", is_static=True, rows=9),
        sample("a given scale of rows off every vector", is_static=True, rows=9, hidden=77, dtype=torch.bfloat16),
        sample("a given scale of zero", each(output_s=torch.zeros_like), is_static=True, rows=3),
        sample("no dimension", each(output_s=lambda x: x[0]), rows=5),
        sample("slices", each(input=widened, output_q=widened), rows=5, hidden=128),
        sample("slices off every vector", each(input=lambda x: widened(x, 3), output_q=widened), rows=5, hidden=99),
        sample("zeros", each(input=torch.zeros_like), rows=3, hidden=64),
        sample("the largest alone at the end", each(input=_with_a_large_last), rows=300),
    ),
    refusals=(
        refuse("dtype", "input has dtype int16, expected float16 or bfloat16 or float32", input=torch.Tensor.short),
        refuse("out dtype", "output_q has dtype int8, expected float8_e4m3fn", output_q=lambda x: x.view(torch.int8)),
        refuse("scale dtype", "output_s has dtype float16, expected float32", output_s=torch.Tensor.half),
        refuse(
            "scales",
            "output_s has shape (2,) with 2 elements, expected 1 (one scale for the tensor)",
            output_s=lambda x: x.repeat(2),
        ),
        refuse(
            "shape",
            "output_q has shape (2, 2048), expected (64, 2048), the shape of input",
            output_q=lambda x: x[:2],
        ),
        refuse("crossed", "input has strides (1, 64), expected 1 in the last dimension", input=crossed),
        refuse("repeated", "expected rows that do not overlap: at least 2048 elements apart", output_q=repeated),
        refuse(
            "scale in it",
            OVERLAP.format("output_s", "input"),
            lambda call: {"output_s": call["input"].view(torch.float32)[0, :1]},
        ),
        refuse(
            "in place",
            OVERLAP.format("output_q", "input"),
            lambda call: {"output_q": call["input"].view(torch.float8_e4m3fn)[:, :2048]},
        ),
    ),
    tolerance=TOLERANCE,
    workloads=tuple({**sizes, "is_static": static} for static in (False, True) for sizes in WORKLOADS[::2]),
    moves=moves,
    peers=peers,
    traits=(NEVER_IN_PLACE,),
    also_in=("gemm",),
)

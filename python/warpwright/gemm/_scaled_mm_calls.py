"""Calls of the products with a scale for each row and column: samples, refusals and workloads that contracts share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from warpwright.contract import Arguments, Refusal, Sample, each, refuse, sample
from warpwright.draw import Draw, crossed, repeated, widened

LAYERS = ((6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (8192, 8192))
"""N and K of the layers of Llama 3 8B, and of one of 8192 by 8192."""
TOKENS = (1, 16, 64, 128, 512, 2048, 8192)
WORKLOADS = tuple({"m": m, "n": n, "k": k} for n, k in LAYERS for m in TOKENS)


def make_scaled_mm(
    elements: Callable[..., torch.Tensor], draw: Draw, m: int, n: int, k: int, dtype: torch.dtype
) -> Arguments:
    """Make a call whose results stay in float16's range."""
    return {
        "mat_a": elements(m, k),
        "mat_b": elements(n, k).t(),
        "scales_a": draw.uniform(m, most=max(k, 1) ** -0.5),
        "scales_b": draw.uniform(n, most=2.0**-7),
        "out_dtype": dtype,
        "bias": draw.normal(n, dtype=dtype),
    }


def _one_scale(call: Arguments) -> Arguments:
    return {"scales_a": call["scales_a"][:1], "scales_b": call["scales_b"][:1].reshape(1, 1), "bias": None}


def _columns(call: Arguments) -> Arguments:
    """Put scales and bias into columns, as some callers do."""
    return {name: call[name].reshape(-1, 1) for name in ("scales_a", "scales_b", "bias")}


_wide = partial(widened, start=16, after=32)

SAMPLES: tuple[Sample, ...] = (
    sample("typical"),
    sample("smallest", m=1, n=8, k=16),
    sample("odd", m=77, n=264, k=400),
    sample("float16", m=33, n=1032, k=272, dtype=torch.float16),
    sample("some tiles", m=300, n=520, k=1152),
    sample("many tokens", m=1025, n=384, k=144, dtype=torch.float16),
    sample("one scale for all, no bias", _one_scale, m=16),
    sample("scales and bias in columns", _columns, m=5),
    sample("slices", each(mat_a=_wide, mat_b=_wide), m=20, n=264, k=400),
    sample("empty", m=0),
    sample("no columns", n=0),
    sample("an empty sum", k=0),
    sample("largest", m=1, n=65_544, k=144),
)


REFUSALS: tuple[Refusal, ...] = (
    refuse("dim", "mat_a has 1 dimensions, shape (512,); expected 2", mat_a=lambda x: x[0]),
    refuse(
        "inner",
        "mat_b has shape (256, 256): size 256 in dimension 0, expected 512 (the columns of mat_a)",
        mat_b=lambda x: x[:256],
    ),
    refuse(
        "K",
        "K, the columns of mat_a, is 504, expected a multiple of 16",
        mat_a=lambda x: x[:, :504],
        mat_b=lambda x: x[:504],
    ),
    refuse("N", "N, the columns of mat_b, is 252, expected a multiple of 8", mat_b=lambda x: x[:, :252]),
    refuse("column-major", "expected row-major: stride 1 in dimension 1", mat_a=crossed),
    refuse(
        "row-major",
        "mat_b has strides (256, 1), expected column-major: stride 1 in dimension 0",
        mat_b=torch.Tensor.contiguous,
    ),
    refuse(
        "repeated",
        "mat_a has strides (0, 1), expected at least 512 in dimension 0: rows may not overlap",
        mat_a=repeated,
    ),
    refuse(
        "stride",
        "the stride of mat_a in dimension 0 is 520, expected a multiple of 16",
        mat_a=partial(widened, start=0, after=8),
    ),
    refuse(
        "start",
        "mat_a starts 8 bytes past a multiple of 16, expected an aligned start",
        mat_a=partial(widened, start=8, after=8),
    ),
    refuse("scales dtype", "scales_a has dtype float16, expected float32", scales_a=torch.Tensor.half),
    refuse(
        "scales size",
        "scales_a has shape (7,) with 7 elements, expected 64 (one for each row of its matrix, or one for all)",
        scales_a=lambda x: x[:7],
    ),
    refuse(
        "scales stride",
        "scales_b has shape (256,) and strides (2,), expected a contiguous tensor",
        scales_b=lambda x: x.repeat(2)[::2],
    ),
    refuse("out dtype", "out_dtype has dtype float32, expected float16 or bfloat16", out_dtype=lambda _: torch.float32),
    refuse("bias dtype", "bias has dtype float16, expected bfloat16", bias=torch.Tensor.half),
    refuse(
        "bias size",
        "bias has shape (8,) with 8 elements, expected 256 (one for each column of mat_b)",
        bias=lambda x: x[:8],
    ),
    refuse("bias start", "bias starts 2 bytes past a multiple of 16", bias=lambda x: x.repeat(2)[1:257]),
)


def refusals(element: str) -> tuple[Refusal, ...]:
    """Return the calls that are refused, for elements of this name."""
    return (
        refuse("dtype", f"mat_a has dtype float16, expected {element}", mat_a=torch.Tensor.half),
        refuse("b dtype", f"mat_b has dtype float16, expected {element}", mat_b=torch.Tensor.half),
        *REFUSALS,
    )

"""The product of two float8_e4m3fn matrices with a scale for each block of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import Size, check_dim, check_dtype, check_same_device, check_size
from warpwright.contract import Arguments, Contract, Trait, TraitKind, each, refuse, rounded_once, sample
from warpwright.draw import Draw, widened
from warpwright.gemm._scaled_mm import check_matrices, check_starts, operations, output
from warpwright.gemm._scaled_mm_calls import WORKLOADS
from warpwright.gradient import call, is_recorded

_fp8_blockwise_scaled_mm = torch.ops.warpwright.fp8_blockwise_scaled_mm.default

BLOCK = 128


def fp8_blockwise_scaled_mm(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> torch.Tensor:
    """Multiply two float8_e4m3fn matrices with a scale for each 1x128 block of a and each 128x128 block of b.

    ``out[m, n] = cast(sum_k(mat_a[m, k] * mat_b[k, n] * scales_a[m, k // 128] * scales_b[k // 128, n // 128]))``: the
    products of a block of k are summed in the tensor core, the blocks in float32, with one rounding at the end. It is
    the scheme of DeepSeek-V3 (technical report, arXiv:2412.19437, section 3.3).

    Parameters
    ----------
    mat_a
        ``(M, K)`` float8_e4m3fn, row-major. A slice of a wider matrix is fine where its rows stay at multiples of 16
        bytes.
    mat_b
        ``(K, N)`` float8_e4m3fn, column-major: the transpose of a row-major weight ``(N, K)``.
    scales_a
        ``(M, ceil(K / 128))`` float32. Any strides are right; with stride 1 along M they are read fastest.
    scales_b
        ``(ceil(K / 128), ceil(N / 128))`` float32, any strides.
    out_dtype
        ``torch.float16`` or ``torch.bfloat16``.

    Returns
    -------
    A new row-major ``(M, N)`` tensor; with ``M == 0`` an empty one.

    Raises
    ------
    RuntimeError
        K is no multiple of 16, N no multiple of 8, or a dtype, shape, stride, alignment or device is wrong (the
        argument is named with both values); or the wheel has no code for the GPU, which needs SM 9.0.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(mat_a, mat_b, scales_a, scales_b):
        return call(_fp8_blockwise_scaled_mm, mat_a, mat_b, scales_a, scales_b, out_dtype)
    return _fp8_blockwise_scaled_mm(mat_a, mat_b, scales_a, scales_b, out_dtype)


def _blocks(size: Size) -> Size:
    return (size + BLOCK - 1) // BLOCK


def check(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> None:
    """Refuse what the operator cannot take."""
    check_matrices(torch.float8_e4m3fn, mat_a, mat_b, out_dtype)
    (m, k), n = mat_a.shape, mat_b.shape[1]
    for name, scales, rows, rows_are, columns, of in (
        ("scales_a", scales_a, m, "the rows of mat_a", _blocks(k), "mat_a"),
        ("scales_b", scales_b, _blocks(k), "one for each 128 rows of mat_b", _blocks(n), "mat_b"),
    ):
        check_same_device(name, scales, "mat_a", mat_a)
        check_dtype(name, scales.dtype, torch.float32)
        check_dim(name, scales, 2)
        check_size(name, scales, 0, rows, rows_are)
        check_size(name, scales, 1, columns, f"one for each 128 columns of {of}")
    check_starts(mat_a, mat_b)


def reference(
    mat_a: torch.Tensor, mat_b: torch.Tensor, scales_a: torch.Tensor, scales_b: torch.Tensor, wide: torch.dtype
) -> torch.Tensor:
    """Return the sum over blocks of k of each block's product, scaled."""
    k, n = mat_b.shape
    total = torch.zeros((mat_a.shape[0], n), dtype=wide, device=mat_a.device)
    for block, start in enumerate(range(0, k, BLOCK)):
        part = slice(start, start + BLOCK)
        of_b = scales_b[block].to(wide).repeat_interleave(BLOCK)[:n]
        total += torch.mm(mat_a[:, part].to(wide), mat_b[part].to(wide)) * scales_a[:, block, None].to(wide) * of_b
    return total


def make(draw: Draw, m: int = 64, n: int = 256, k: int = 512, dtype: torch.dtype = torch.bfloat16) -> Arguments:
    """Make a call whose results stay in float16's range, with the scales as sgl_kernel's callers lay them out."""
    return {
        "mat_a": draw.float8(m, k, scale=64.0),
        "mat_b": draw.float8(n, k, scale=64.0).t(),
        "scales_a": draw.uniform(_blocks(k), m, most=max(k, 1) ** -0.5).t(),
        "scales_b": draw.uniform(_blocks(n), _blocks(k), most=2.0**-7).t(),
        "out_dtype": dtype,
    }


def peers(
    mat_a: torch.Tensor,
    mat_b: torch.Tensor,
    scales_a: torch.Tensor,
    scales_b: torch.Tensor,
    out_dtype: torch.dtype,
) -> dict[str, Callable[[], object]]:
    """Return who else does it; torch's product in bfloat16 needs no scales."""
    a, b = mat_a.bfloat16(), mat_b.bfloat16()
    return {
        "sglang-kernel": lambda: torch.ops.sgl_kernel.fp8_blockwise_scaled_mm.default(
            mat_a, mat_b, scales_a, scales_b, out_dtype
        ),
        "torch bf16": lambda: a @ b,
    }


def _any_strides(call: Arguments) -> Arguments:
    a, b = call["scales_a"], call["scales_b"]
    return {
        "scales_a": a.repeat_interleave(2, 0).repeat_interleave(2, 1)[::2, ::2],
        "scales_b": b[:1, :1].expand(b.shape),
    }


_wide = partial(widened, start=16, after=32)

CONTRACT = Contract(
    function=fp8_blockwise_scaled_mm,
    check=check,
    reference=reference,
    output=output,
    make=make,
    samples=(
        sample("typical"),
        sample("smallest", m=1, n=8, k=16),
        sample("odd", m=77, n=264, k=400),
        sample("float16", m=33, n=1032, k=272, dtype=torch.float16),
        sample("some tiles", m=300, n=1000, k=1152),
        sample("many tokens", m=1025, n=384, k=144, dtype=torch.float16),
        sample("slices", each(mat_a=_wide, mat_b=_wide), m=20, n=264, k=400),
        sample("row-major scales", each(scales_a=torch.Tensor.contiguous, scales_b=torch.Tensor.contiguous), m=130),
        sample("scales at any strides", _any_strides, m=3, n=264, k=400),
        sample("empty", m=0),
        sample("no columns", n=0),
        sample("an empty sum", k=0),
        sample("largest", m=1, n=65_544, k=144),
    ),
    refusals=(
        refuse("dtype", "mat_a has dtype float32, expected float8_e4m3fn", mat_a=torch.Tensor.float),
        refuse(
            "other float8",
            "mat_a has dtype float8_e5m2, expected float8_e4m3fn",
            mat_a=lambda x: x.to(torch.float8_e5m2),
        ),
        refuse("layout", "mat_b has strides (256, 1), expected column-major", mat_b=torch.Tensor.contiguous),
        refuse("N", "N, the columns of mat_b, is 252, expected a multiple of 8", mat_b=lambda x: x[:, :252]),
        refuse("start", "mat_a starts 8 bytes past a multiple of 16", mat_a=partial(widened, start=8, after=8)),
        refuse(
            "rows",
            "scales_a has shape (7, 4): size 7 in dimension 0, expected 64 (the rows of mat_a)",
            scales_a=lambda x: x[:7],
        ),
        refuse(
            "blocks",
            "size 3 in dimension 1, expected 4 (one for each 128 columns of mat_a)",
            scales_a=lambda x: x[:, :3],
        ),
        refuse("scales dtype", "scales_a has dtype float16, expected float32", scales_a=torch.Tensor.half),
        refuse("scales dim", "scales_a has 1 dimensions, shape (256,); expected 2", scales_a=torch.Tensor.flatten),
        refuse("transposed", "scales_b has shape (2, 4): size 2 in dimension 0, expected 4", scales_b=torch.Tensor.t),
        refuse(
            "out dtype", "out_dtype has dtype float32, expected float16 or bfloat16", out_dtype=lambda _: torch.float32
        ),
    ),
    tolerance=rounded_once(
        "scales in float32; sums of a block keep 14 bits of the largest term in the tensor core (arXiv:2412.19437, "
        "section 3.3.2)",
        of_largest=2.0**-10,
    ),
    workloads=WORKLOADS,
    operations=operations,
    peers=peers,
    traits=(
        Trait(
            TraitKind.RACES_UNCHECKED,
            "racecheck 2025.3 takes the second use of a stage of a ring for a race where one lane of a warp arrives "
            "at the mbarrier for all, also in a ring of one block and plain stores",
            "some tiles",
        ),
    ),
)

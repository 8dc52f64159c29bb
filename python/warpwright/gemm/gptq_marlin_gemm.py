"""Products by weights of 4 bits (W4A16), in Marlin's order (Frantar et al., arXiv:2408.11743)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright import order
from warpwright.checks import check_dim, check_inner_stride, check_same_device, check_same_dtype, check_size, known
from warpwright.contract import Arguments, Contract, Trait, TraitKind, rounded_once
from warpwright.draw import Draw
from warpwright.gemm._marlin_arguments import Format, bias_of, check_sizes, given, refuse_format
from warpwright.gemm._marlin_calls import REFUSALS, SAMPLES
from warpwright.gemm._scaled_mm_calls import LAYERS
from warpwright.gradient import is_recorded, write
from warpwright.quantization._marlin_checks import check_index, check_marlin
from warpwright.quantization.gptq_marlin_dequantize import reference as dequantized
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of, span_of

_gptq_marlin_gemm = torch.ops.warpwright.gptq_marlin_gemm.default


def gptq_marlin_gemm(
    a: torch.Tensor,
    c: torch.Tensor | None,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    global_scale: torch.Tensor | None,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
    workspace: torch.Tensor | None,  # noqa: ARG001 - the peers' kernels keep locks in it; none are needed here
    b_q_type: Format | str,
    size_m: int,
    size_n: int,
    size_k: int,
    is_k_full: bool = True,  # noqa: ARG001 - g_idx says it all
    use_atomic_add: bool = False,  # noqa: ARG001 - the sum is always in float32 and in a fixed order
    use_fp32_reduce: bool = False,  # noqa: ARG001
    is_zp_float: bool = False,
) -> torch.Tensor:
    """Multiply by weights of 4 bits: ``out[m, n] = cast(sum_k(a[m, k] * w[k, n]))``, ``w = (weight - zero) * scale``.

    ``w`` is rounded to the dtype of ``a``, the sum is float32. Up to 128 tokens the weights are streamed as they are
    (SM 8.0 and newer); for more tokens, with ``g_idx``, and on SM 7.5, they are dequantised first, which needs
    ``2 * K * N`` bytes.

    Parameters
    ----------
    a
        ``(size_m, size_k)`` float16 or bfloat16; rows may be those of a wider matrix. Rows that start at multiples of
        16 bytes are read in place, others are copied first.
    c
        ``(size_m, size_n)`` of the same dtype, to be written and returned; a new one where it is None. It has memory of
        its own.
    b_q_weight
        ``(size_k / 16, 2 * size_n)`` int32 from a repack function.
    b_scales
        ``(groups, size_n)`` of the dtype of ``a``, from `marlin_permute_scales`; groups of 32, 64 or 128 rows, or one;
        of any number of rows with ``g_idx``.
    global_scale
        None; it belongs to formats that are not supported.
    b_zeros
        ``(groups, size_n / 8)`` int32 from `marlin_zero_points` for ``uint4`` (AWQ); None or empty for ``uint4b8``.
    g_idx, perm
        For GPTQ with activation order: the group of each row of ``b_q_weight``, ascending, and the order of k that
        `gptq_marlin_repack` was given, ``size_k`` int32 each. None or empty otherwise. ``perm`` alone says that the
        groups are of equal size, in order; ``g_idx`` alone is refused. Their numbers are checked once for each tensor,
        for which the host waits for the GPU; not while a CUDA graph is captured or torch.compile traces, where what
        depends on a row or a group that is not there is NaN.
    workspace
        Not used; any tensor or None.
    b_q_type
        ``uint4b8`` (GPTQ: every zero point is 8) or ``uint4`` (AWQ): the peers' scalar type, or its name.
    size_m, size_n, size_k
        The sizes of the product.
    is_k_full
        False where the weights are a part of k and their groups those of the whole: with ``g_idx``, either is right.
    use_atomic_add, use_fp32_reduce
        Not used: the sum is always in float32 and in a fixed order.
    is_zp_float
        False; zero points are numbers of 4 bits.

    Returns
    -------
    ``c``, or a new ``(size_m, size_n)`` tensor in the dtype of ``a``.

    Raises
    ------
    RuntimeError
        A format, size, dtype, shape, stride, order or device is wrong; the argument is named with both values.
    """
    zeros, groups, columns = given(b_zeros), given(g_idx), given(perm)
    refuse_format(bias_of(b_q_type), zeros, given(global_scale), is_zp_float, groups, columns)
    check_sizes(a, b_q_weight, size_m, size_n, size_k)
    if columns is not None:
        order.check_rows("perm", columns, b_q_weight, size_k)
    if groups is not None and b_scales.dim() == 2:
        order.check_groups("g_idx", groups, b_q_weight, b_scales.shape[0])
    out = a.new_empty((size_m, size_n)) if c is None else c
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(out, a, b_scales):
        return write(_gptq_marlin_gemm, out, a, b_q_weight, b_scales, zeros, groups, columns)
    _gptq_marlin_gemm(out, a, b_q_weight, b_scales, zeros, groups, columns)
    return out


def check(
    out: torch.Tensor,
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
) -> None:
    """Refuse what the operator cannot take."""
    k, n = check_marlin(b_q_weight, b_scales, b_zeros, g_idx)
    for name, matrix in (("a", a), ("out", out)):
        check_same_device(name, matrix, "b_q_weight", b_q_weight)
    for name, matrix in (("a", a), ("out", out)):
        check_same_dtype(name, matrix, "b_scales", b_scales)
    for name, matrix in (("a", a), ("out", out)):
        check_dim(name, matrix, 2)
    check_size("a", a, 1, k, "16 times the rows of b_q_weight")
    check_size("out", out, 0, a.shape[0], "the rows of a")
    check_size("out", out, 1, n, "half of the columns of b_q_weight")
    check_inner_stride("a", a)
    check_inner_stride("out", out)
    if perm is not None:
        check_index("perm", perm, b_q_weight, k, "one for each column of a")
    if known(out.numel() == 0):
        return
    out_rows = rows_of(out, out_row_stride("out", out))
    given = {"b_q_weight": b_q_weight, "b_scales": b_scales, "b_zeros": b_zeros, "g_idx": g_idx, "perm": perm}
    inputs = [(name, span_of(tensor)) for name, tensor in given.items() if tensor is not None]
    check_apart("out", out_rows, [("a", rows_of(a, row_stride("a", a))), *inputs])


def gather_columns(a: torch.Tensor, perm: torch.Tensor) -> torch.Tensor:
    """Return ``a[:, perm]``, with NaN for a column that ``a`` does not have."""
    columns = perm.flatten().long()
    there = (columns >= 0) & (columns < a.shape[1])
    return a[:, columns.where(there, 0)].masked_fill(~there, torch.nan)


def reference(
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
    wide: torch.dtype,
) -> torch.Tensor:
    """Return the product of ``a`` and the weights, which are rounded to its dtype."""
    ordered = a if perm is None else gather_columns(a, perm)
    weights = dequantized(b_q_weight, b_scales, b_zeros, g_idx, torch.float32).to(a.dtype)
    return ordered.to(wide) @ weights.to(wide)


def make(
    draw: Draw, m: int = 16, n: int = 256, k: int = 512, groups: int = 4, dtype: torch.dtype = torch.float16
) -> Arguments:
    """Make a call whose results stay in float16's range."""
    return {
        "out": draw.unwritten(m, n, dtype=dtype),
        "a": draw.normal(m, k, dtype=dtype),
        "b_q_weight": draw.words(k // 16, 2 * n),
        "b_scales": draw.uniform(groups, n, dtype=dtype, least=0.1 / 8, most=1.0 / 8),
        "b_zeros": draw.words(groups, n // 8),
        "g_idx": None,
        "perm": None,
    }


def model(
    a: torch.Tensor,
    b_q_weight: torch.Tensor,
    b_scales: torch.Tensor,
    b_zeros: torch.Tensor | None,
    g_idx: torch.Tensor | None,
    perm: torch.Tensor | None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Call the public function."""
    (m, k), n, kind = a.shape, b_scales.shape[1], "uint4b8" if b_zeros is None else "uint4"
    return gptq_marlin_gemm(a, out, b_q_weight, b_scales, None, b_zeros, g_idx, perm, None, kind, m, n, k)


def operations(a: torch.Tensor, b_scales: torch.Tensor) -> int:
    """Count the multiplications and additions of the product."""
    return int(2 * a.shape[0] * a.shape[1] * b_scales.shape[1])


def peers(a: torch.Tensor, b_scales: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return torch's product with weights of 16 bits."""
    dense = torch.randn(b_scales.shape[1], a.shape[1], device=a.device, dtype=a.dtype).t()
    return {"torch 16 bits": lambda: a @ dense}


CONTRACT = Contract(
    function=gptq_marlin_gemm,
    check=check,
    reference=reference,
    make=make,
    call=model,
    samples=SAMPLES,
    refusals=REFUSALS,
    tolerance=rounded_once("the sum in float32, in the tensor core", of_largest=2.0**-10),
    workloads=tuple(
        {"m": m, "n": n, "k": k, "groups": k // 128, "dtype": torch.bfloat16}
        for n, k in LAYERS
        for m in (1, 16, 32, 64, 128, 256, 512, 2048)
    ),
    operations=operations,
    peers=peers,
    traits=(
        Trait(
            TraitKind.FALLS_BACK,
            "without a unit for the SM it dequantises the weights, and torch multiplies",
            "gptq_marlin_dequantize",
        ),
        Trait(TraitKind.NEVER_IN_PLACE, "an output has another shape than what is multiplied"),
    ),
)

"""The queries of multi-head latent attention with absorbed weights: two parts of each head, joined."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import (
    check_at_most,
    check_dim,
    check_inner_stride,
    check_min_dim,
    check_same_device,
    check_size,
)
from warpwright.contract import EXACT, Arguments, Contract, Output, each, refuse, sample
from warpwright.draw import Draw, widened
from warpwright.elementwise._concat_mla import check_concat_dtypes
from warpwright.gradient import call, is_recorded

_concat_mla_absorb_q = torch.ops.warpwright.concat_mla_absorb_q.default


def concat_mla_absorb_q(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Join two tensors along their last dimension.

    ``out[..., :] = concat(a[..., :], b[..., :])``, copied bit by bit: the queries of all heads in the latent space, and
    behind them the rotated ones. Method: DeepSeek-AI, "DeepSeek-V2" (arXiv:2405.04434), section 2.1, with the weights
    that lead to the latent space absorbed in the queries.

    Parameters
    ----------
    a
        ``(tokens, heads, dim_a)`` or ``(rows, dim_a)``, float16, bfloat16, float32 or float8_e4m3fn. Rows may lie at
        any distances, as in the transposed result of a product of batches; the elements of a row are adjacent.
    b
        ``(tokens, heads, dim_b)`` or ``(rows, dim_b)``, of the dtype of ``a``, as freely laid out. Sizes, starts and
        distances of whole 16 bytes run fastest.

    Returns
    -------
    A new contiguous tensor of ``dim_a + dim_b`` columns. No rows give an empty one.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(a, b):
        return call(_concat_mla_absorb_q, a, b)
    return _concat_mla_absorb_q(a, b)


def check(a: torch.Tensor, b: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    check_same_device("b", b, "a", a)
    check_min_dim("a", a, 2)
    check_at_most("the number of dimensions of a", a.dim(), 3, "flatten the first ones")
    check_dim("b", b, a.dim())
    check_concat_dtypes("a", a, "b", b)
    for dim in range(a.dim() - 1):
        check_size("b", b, dim, a.shape[dim], "that of a")
    check_inner_stride("a", a)
    check_inner_stride("b", b)


def reference(a: torch.Tensor, b: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return both, joined."""
    return torch.cat((a.to(wide), b.to(wide)), dim=-1)


def output(a: torch.Tensor, b: torch.Tensor) -> Output:
    """Return what the result looks like."""
    return Output((*a.shape[:-1], a.shape[-1] + b.shape[-1]), a.dtype)


def make(
    draw: Draw,
    tokens: int = 16,
    heads: int = 128,
    dim_a: int = 512,
    dim_b: int = 64,
    dtype: torch.dtype = torch.bfloat16,
) -> Arguments:
    """Make a call."""
    return {"a": draw.normal(tokens, heads, dim_a, dtype=dtype), "b": draw.normal(tokens, heads, dim_b, dtype=dtype)}


def peers(a: torch.Tensor, b: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    out = a.new_empty((*a.shape[:-1], a.shape[-1] + b.shape[-1]))
    return {
        "torch": lambda: torch.cat((a, b), dim=-1),
        "sglang-kernel": lambda: torch.ops.sgl_kernel.concat_mla_absorb_q.default(a, b, out),
    }


def _heads_first(tensor: torch.Tensor) -> torch.Tensor:
    """Return the same values as a view of a tensor whose heads stand before its tokens."""
    return tensor.transpose(0, 1).contiguous().transpose(0, 1)


CONTRACT = Contract(
    function=concat_mla_absorb_q,
    check=check,
    reference=reference,
    make=make,
    output=output,
    samples=(
        sample("typical"),
        sample("smallest", tokens=1, heads=1, dim_a=1, dim_b=1),
        sample("odd", tokens=7, heads=3, dim_a=33, dim_b=17, dtype=torch.float16),
        sample("float32", tokens=5, heads=16, dim_a=64, dim_b=32, dtype=torch.float32),
        sample("float8", tokens=5, heads=12, dtype=torch.float8_e4m3fn),
        sample("odd float8", tokens=3, heads=5, dim_a=31, dim_b=16, dtype=torch.float8_e4m3fn),
        sample("vectors of 4 bytes alone", tokens=9, heads=8, dim_a=30, dim_b=18),
        sample("several vectors a thread", tokens=67),
        sample("two dimensions", each(a=lambda x: x[:, 0], b=lambda x: x[:, 1])),
        sample("heads first", each(a=_heads_first), tokens=13),
        sample("heads first in both", each(a=_heads_first, b=_heads_first), tokens=13, heads=6),
        sample("one row for all", each(b=lambda x: x[:1, :1].expand(x.shape)), tokens=3),
        sample("nothing behind", tokens=3, heads=4, dim_b=0),
        sample("slices", each(a=widened, b=widened), tokens=5, heads=16),
        sample("slices off every vector", each(a=lambda x: widened(x, 3), b=lambda x: widened(x, 5)), tokens=5),
        sample("empty", tokens=0),
        sample("largest", tokens=70_000, heads=2, dim_a=8, dim_b=8),
    ),
    refusals=(
        refuse(
            "dtype", "a has dtype int16, expected float16 or bfloat16 or float32 or float8_e4m3fn", a=torch.Tensor.short
        ),
        refuse("b dtype", "b has dtype float16, expected bfloat16, the dtype of a", b=torch.Tensor.half),
        refuse("one dimension", "a has 1 dimensions; expected at least 2", a=lambda x: x[0, 0]),
        refuse(
            "four dimensions",
            "the number of dimensions of a is 4, expected at most 3: flatten the first ones",
            a=lambda x: x[None],
        ),
        refuse("b dim", "b has 2 dimensions, shape (16, 64); expected 3", b=lambda x: x[:, 0]),
        refuse("tokens", "size 2 in dimension 0, expected 16 (that of a)", b=lambda x: x[:2]),
        refuse("heads", "size 2 in dimension 1, expected 128 (that of a)", b=lambda x: x[:, :2]),
        refuse("crossed", "a has strides (131072, 1024, 2), expected 1", a=lambda x: x.repeat(1, 1, 2)[..., ::2]),
        refuse("b crossed", "b has strides (16384, 128, 2), expected 1", b=lambda x: x.repeat(1, 1, 2)[..., ::2]),
    ),
    tolerance=EXACT,
    workloads=(
        *({"tokens": tokens} for tokens in (1, 8, 64, 256, 1024, 4096)),
        *({"tokens": tokens, "heads": 16} for tokens in (1, 64, 1024, 16_384)),
        {"tokens": 1024, "dtype": torch.float8_e4m3fn},
    ),
    peers=peers,
)

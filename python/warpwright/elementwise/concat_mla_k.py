"""The keys of multi-head latent attention: a part of each head, then the part that all heads share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad

from warpwright.checks import check_dim, check_inner_stride, check_same_device, check_same_dtype, check_size, known
from warpwright.contract import EXACT, Arguments, Contract, each, refuse, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.elementwise._concat_mla import check_concat_dtypes
from warpwright.gradient import is_recorded, write
from warpwright.rows import check_apart, out_row_stride, row_stride, rows_of

_concat_mla_k = torch.ops.warpwright.concat_mla_k.default


def concat_mla_k(k: torch.Tensor, k_nope: torch.Tensor, k_rope: torch.Tensor) -> torch.Tensor:
    """Write the keys of all heads: what is not rotated, and behind it what is, which all heads share.

    ``k[t, h] = concat(k_nope[t, h], k_rope[t, 0])``, copied bit by bit. Method: DeepSeek-AI, "DeepSeek-V2"
    (arXiv:2405.04434), section 2.1.3, the decoupled rotary embedding of multi-head latent attention.

    Parameters
    ----------
    k
        ``(tokens, heads, nope + rope)``, float16, bfloat16, float32 or float8_e4m3fn: the result. The heads of all
        tokens stand at one distance from each other.
    k_nope
        ``(tokens, heads, nope)``, of the dtype of ``k``; its heads stand at one distance too, as in a slice of wider
        ones. It may be the first ``nope`` columns of ``k`` themselves; otherwise ``k`` has memory of its own.
    k_rope
        ``(tokens, 1, rope)``, of the dtype of ``k``. Sizes, starts and distances of whole 16 bytes run fastest.

    Returns
    -------
    ``k``. No tokens and no heads leave it as it is.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(k, k_nope, k_rope):
        return write(_concat_mla_k, k, k_nope, k_rope)
    _concat_mla_k(k, k_nope, k_rope)
    return k


def check(k: torch.Tensor, k_nope: torch.Tensor, k_rope: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    check_same_device("k_nope", k_nope, "k", k)
    check_same_device("k_rope", k_rope, "k", k)
    check_dim("k", k, 3)
    check_dim("k_nope", k_nope, 3)
    check_dim("k_rope", k_rope, 3)
    check_concat_dtypes("k", k, "k_nope", k_nope)
    check_same_dtype("k_rope", k_rope, "k", k)
    check_size("k_nope", k_nope, 0, k.shape[0], "that of k")
    check_size("k_nope", k_nope, 1, k.shape[1], "that of k")
    check_size("k_rope", k_rope, 0, k.shape[0], "that of k")
    check_size("k_rope", k_rope, 1, 1, "one for all heads")
    check_size("k", k, 2, k_nope.shape[2] + k_rope.shape[2], "those of k_nope and k_rope together")
    check_inner_stride("k", k)
    check_inner_stride("k_nope", k_nope)
    check_inner_stride("k_rope", k_rope)
    if not known(k.numel() == 0):
        _check_memory(k, k_nope, k_rope)


def _check_memory(k: torch.Tensor, k_nope: torch.Tensor, k_rope: torch.Tensor) -> None:
    """Refuse keys that overlap a part in another way than in place of what is not rotated."""
    rows = rows_of(k, out_row_stride("k", k))
    nope_rows = rows_of(k_nope, row_stride("k_nope", k_nope))
    rope_rows = rows_of(k_rope, row_stride("k_rope", k_rope))
    in_place = (
        rows is not None
        and nope_rows is not None
        and nope_rows.is_same(rows._replace(size=k_nope.shape[2] * k.element_size()))
    )
    check_apart("k", rows, [("k_nope", None if in_place else nope_rows), ("k_rope", rope_rows)])


def reference(k_nope: torch.Tensor, k_rope: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return the keys."""
    return torch.cat((k_nope.to(wide), k_rope.to(wide).expand(-1, k_nope.shape[1], -1)), dim=-1)


def make(
    draw: Draw,
    tokens: int = 16,
    heads: int = 128,
    nope: int = 128,
    rope: int = 64,
    dtype: torch.dtype = torch.bfloat16,
) -> Arguments:
    """Make a call."""
    return {
        "k": draw.unwritten(tokens, heads, nope + rope, dtype=torch.float32).to(dtype),
        "k_nope": draw.normal(tokens, heads, nope, dtype=dtype),
        "k_rope": draw.normal(tokens, 1, rope, dtype=dtype),
    }


def call(k_nope: torch.Tensor, k_rope: torch.Tensor, k: torch.Tensor | None = None) -> torch.Tensor:
    """Call it as a model does, with new memory for the keys where none is given."""
    if k is None:
        k = k_nope.new_empty((*k_nope.shape[:2], k_nope.shape[2] + k_rope.shape[2]))
    return concat_mla_k(k, k_nope, k_rope)


def peers(k: torch.Tensor, k_nope: torch.Tensor, k_rope: torch.Tensor) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    nope = k_nope.shape[2]

    def by_torch() -> None:
        k[..., :nope] = k_nope
        k[..., nope:] = k_rope

    return {
        "torch": by_torch,
        "sglang-kernel": lambda: torch.ops.sgl_kernel.concat_mla_k.default(k, k_nope, k_rope),
    }


def _in_place(call: Arguments) -> Arguments:
    """Put what is not rotated where it is copied to."""
    nope = call["k_nope"].shape[2]
    call["k"][..., :nope] = call["k_nope"]
    return {"k_nope": call["k"][..., :nope]}


CONTRACT = Contract(
    function=concat_mla_k,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        sample("typical"),
        sample("smallest", tokens=1, heads=1, nope=1, rope=1),
        sample("odd", tokens=7, heads=3, nope=33, rope=17, dtype=torch.float16),
        sample("float32", tokens=5, heads=16, nope=64, rope=32, dtype=torch.float32),
        sample("float8", tokens=5, heads=12, dtype=torch.float8_e4m3fn),
        sample("odd float8", tokens=3, heads=5, nope=31, rope=16, dtype=torch.float8_e4m3fn),
        sample("vectors of 4 bytes alone", tokens=9, heads=8, nope=30, rope=18),
        sample("several vectors a thread", tokens=131),
        sample("one head", tokens=33, heads=1),
        sample("no part of its own", tokens=3, heads=4, nope=0),
        sample("nothing shared", tokens=3, heads=4, rope=0),
        sample("slices", each(k=widened, k_nope=widened, k_rope=widened), tokens=5, heads=16),
        sample("slices off every vector", each(k=lambda x: widened(x, 3), k_nope=lambda x: widened(x, 5)), tokens=5),
        sample("in place", _in_place, tokens=5),
        sample("empty", tokens=0),
        sample("no heads", heads=0),
        sample("largest", tokens=70_000, heads=2, nope=8, rope=8),
    ),
    refusals=(
        refuse(
            "dtype", "k has dtype int16, expected float16 or bfloat16 or float32 or float8_e4m3fn", k=torch.Tensor.short
        ),
        refuse("k_nope dtype", "k_nope has dtype float16, expected bfloat16, the dtype of k", k_nope=torch.Tensor.half),
        refuse("k_rope dtype", "k_rope has dtype float16, expected bfloat16, the dtype of k", k_rope=torch.Tensor.half),
        refuse("dim", "k has 2 dimensions, shape (16, 24576); expected 3", k=lambda x: x.flatten(1)),
        refuse("k_nope dim", "k_nope has 2 dimensions, shape (16, 128); expected 3", k_nope=lambda x: x[:, 0]),
        refuse("k_rope dim", "k_rope has 2 dimensions, shape (16, 64); expected 3", k_rope=lambda x: x[:, 0]),
        refuse("tokens", "size 2 in dimension 0, expected 16 (that of k)", k_nope=lambda x: x[:2]),
        refuse("heads", "size 2 in dimension 1, expected 128 (that of k)", k_nope=lambda x: x[:, :2]),
        refuse("rope tokens", "size 2 in dimension 0, expected 16 (that of k)", k_rope=lambda x: x[:2]),
        refuse(
            "a rope for each head",
            "size 128 in dimension 1, expected 1 (one for all heads)",
            k_rope=lambda x: x.expand(-1, 128, -1),
        ),
        refuse(
            "size",
            "size 190 in dimension 2, expected 192 (those of k_nope and k_rope together)",
            k=lambda x: x[..., :190],
        ),
        refuse(
            "crossed",
            "expected 1 in the last dimension",
            k_nope=lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        ),
        refuse(
            "heads first",
            "k_nope has strides (128, 2048, 1) for shape (16, 128, 128), expected rows at one distance from each other",
            k_nope=lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
        ),
        refuse("repeated", "expected rows at one distance from each other", k=repeated),
        refuse(
            "one row of k",
            "expected rows that do not overlap: at least 192 elements apart",
            k=lambda x: x[:1, :1].expand(x.shape),
        ),
        refuse(
            "shifted",
            "k overlaps k_nope in memory, expected memory of its own: clone one of them",
            lambda call: {"k_nope": call["k"][..., 8:136]},
        ),
        refuse(
            "rope in it",
            "k overlaps k_rope in memory, expected memory of its own: clone one of them",
            lambda call: {"k_rope": call["k"][:, :1, 128:]},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        *({"tokens": tokens} for tokens in (1, 8, 64, 256, 1024, 4096, 16_384)),
        *({"tokens": tokens, "heads": 16} for tokens in (64, 1024, 4096, 16_384)),
        {"tokens": 4096, "dtype": torch.float8_e4m3fn},
    ),
    peers=peers,
)

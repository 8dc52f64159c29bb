"""The logits of a router: the product of hidden states and a row of weights for each expert."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import is_grad_enabled
from torch.autograd import forward_ad
from torch.compiler import is_compiling

from warpwright.checks import (
    FLOAT16_TYPES,
    FLOAT_TYPES,
    check_at_most,
    check_dim,
    check_dtype,
    check_inner_stride,
    check_same_device,
    check_same_dtype,
    check_size,
)
from warpwright.contract import Arguments, Contract, Output, each, refuse, rounded_once, sample
from warpwright.draw import Draw, repeated, widened
from warpwright.gradient import call as call_recorded
from warpwright.gradient import is_recorded

_dsv3_router_gemm = torch.ops.warpwright.dsv3_router_gemm.default

MOST_EXPERT_ROWS = 2**28
MANY = 256
"""Tokens from which on torch's product is faster: it is bound by arithmetic, and no longer by reading the weights."""


def dsv3_router_gemm(
    hidden_states: torch.Tensor, router_weights: torch.Tensor, out_dtype: torch.dtype = torch.bfloat16
) -> torch.Tensor:
    """Multiply hidden states by the weights of a router.

    ``out[t, e] = sum(hidden_states[t, k] * router_weights[e, k])``, summed in float32 and rounded once. It is made for
    few tokens: up to eight are multiplied by a block of threads for each expert, more on tensor cores, with a sum dealt
    out to the warps of a block and on SM 9.0 to the blocks of a cluster. More than 256 on a GPU of SM 8.0 and newer are
    handed to ``torch.mm`` with a float32 result, but for compiled graphs, which call this operator for any number. The
    same call gives the same bits. Tensor cores drop the last bits of their sums. Interface of sgl_kernel, which takes
    up to 16 tokens and 256 or 384 experts; here any number of each goes.

    Parameters
    ----------
    hidden_states
        ``(tokens, hidden)``, bfloat16 or float16. Rows may lie apart; sizes, starts and distances of whole 16 bytes run
        fastest, and they alone on tensor cores.
    router_weights
        ``(experts, hidden)``, of the same dtype. Rows may lie apart.
    out_dtype
        bfloat16, float32 or float16.

    Returns
    -------
    A new contiguous ``(tokens, experts)`` tensor. No tokens give an empty one.

    Raises
    ------
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), or the wheel has no code for
        the GPU.
    """
    if (is_grad_enabled() or forward_ad._current_level >= 0) and is_recorded(hidden_states, router_weights):
        return call_recorded(_dsv3_router_gemm, hidden_states, router_weights, out_dtype)
    if not is_compiling() and _is_for_torch(hidden_states, router_weights):
        check(hidden_states, router_weights, out_dtype)
        return torch.mm(hidden_states, router_weights.t(), out_dtype=torch.float32).to(out_dtype)
    return _dsv3_router_gemm(hidden_states, router_weights, out_dtype)


def _is_for_torch(hidden_states: torch.Tensor, router_weights: torch.Tensor) -> bool:
    """True for many tokens on a GPU whose tensor cores know both dtypes."""
    if hidden_states.dim() != 2 or hidden_states.shape[0] <= MANY or not hidden_states.is_cuda:
        return False
    has_tensor_cores = torch.cuda.get_device_capability(hidden_states.device) >= (8, 0)
    return has_tensor_cores and 0 not in router_weights.shape


def check(hidden_states: torch.Tensor, router_weights: torch.Tensor, out_dtype: torch.dtype) -> None:
    """Refuse what the operator cannot take."""
    check_same_device("router_weights", router_weights, "hidden_states", hidden_states)
    check_dim("hidden_states", hidden_states, 2)
    check_dim("router_weights", router_weights, 2)
    check_dtype("hidden_states", hidden_states.dtype, *FLOAT16_TYPES)
    check_same_dtype("router_weights", router_weights, "hidden_states", hidden_states)
    check_dtype("out_dtype", out_dtype, *FLOAT_TYPES)
    check_size("router_weights", router_weights, 1, hidden_states.shape[1], "that of hidden_states")
    check_at_most(
        "the number of rows of router_weights", router_weights.shape[0], MOST_EXPERT_ROWS, "more are not supported"
    )
    check_inner_stride("hidden_states", hidden_states)
    check_inner_stride("router_weights", router_weights)


def reference(hidden_states: torch.Tensor, router_weights: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    """Return the logits."""
    return hidden_states.to(wide) @ router_weights.to(wide).t()


def output(hidden_states: torch.Tensor, router_weights: torch.Tensor, out_dtype: torch.dtype) -> Output:
    """Return what the result looks like."""
    return Output((hidden_states.shape[0], router_weights.shape[0]), out_dtype)


def make(
    draw: Draw,
    tokens: int = 16,
    experts: int = 64,
    hidden: int = 512,
    dtype: torch.dtype = torch.bfloat16,
    to: torch.dtype = torch.float32,
) -> Arguments:
    """Make a call."""
    return {
        "hidden_states": draw.normal(tokens, hidden, dtype=dtype),
        "router_weights": draw.normal(experts, hidden, dtype=dtype, scale=max(hidden, 1) ** -0.5),
        "out_dtype": to,
    }


def operations(hidden_states: torch.Tensor, router_weights: torch.Tensor) -> int:
    """Count the multiplications and additions of a product."""
    return int(2 * hidden_states.shape[0] * router_weights.numel())


def peers(
    hidden_states: torch.Tensor, router_weights: torch.Tensor, out_dtype: torch.dtype
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    tokens, experts = hidden_states.shape[0], router_weights.shape[0]
    out = hidden_states.new_empty((tokens, experts), dtype=out_dtype)
    found: dict[str, Callable[[], object]] = {
        "torch": lambda: torch.nn.functional.linear(hidden_states, router_weights),
    }
    if out_dtype == torch.float32:
        found["torch"] = lambda: torch.mm(hidden_states, router_weights.t(), out_dtype=torch.float32)
    if tokens <= 16 and experts in (256, 384) and hidden_states.shape[1] == 7168:
        found["sglang-kernel"] = lambda: torch.ops.sgl_kernel.dsv3_router_gemm.default(
            out, hidden_states, router_weights
        )
    return found


DEEPSEEK = {"experts": 256, "hidden": 7168}

CONTRACT = Contract(
    function=dsv3_router_gemm,
    check=check,
    reference=reference,
    make=make,
    output=output,
    operations=operations,
    samples=(
        sample("typical"),
        sample("smallest", tokens=1, experts=1, hidden=1),
        sample("odd", tokens=7, experts=13, hidden=333, dtype=torch.float16),
        sample("one token", tokens=1, experts=256, hidden=7168),
        sample("two tokens", tokens=2, experts=160, hidden=5120, to=torch.bfloat16),
        sample("three tokens", tokens=3, experts=384, hidden=7168),
        sample("four tokens", tokens=4, experts=31, hidden=8200),
        sample("five tokens", tokens=5, experts=256, hidden=7168),
        sample("a tile and one token", tokens=17, experts=257, hidden=2048, to=torch.bfloat16),
        sample("float16", tokens=16, experts=60, hidden=1032, dtype=torch.float16, to=torch.float16),
        sample("one token of float16", tokens=1, experts=60, hidden=1032, dtype=torch.float16),
        sample("two tokens of float16", tokens=2, experts=9, hidden=8, dtype=torch.float16, to=torch.bfloat16),
        sample("a long sum of a small tile", tokens=16, experts=24, hidden=8200),
        sample("a long sum of a large tile", tokens=40, experts=24, hidden=8200),
        sample("a short sum", tokens=16, experts=8, hidden=8),
        sample("many tokens", tokens=150, experts=72, hidden=520),
        sample("many tokens, rounded", tokens=150, experts=72, hidden=520, to=torch.bfloat16),
        sample("several odd tokens", tokens=19, experts=5, hidden=77),
        sample("one row for all", each(hidden_states=repeated), tokens=9),
        sample("slices", each(hidden_states=widened, router_weights=widened), tokens=5),
        sample(
            "slices off every vector", each(hidden_states=lambda x: widened(x, 3), router_weights=widened), tokens=5
        ),
        sample("no sum", hidden=0),
        sample("empty", tokens=0),
        sample("no experts", experts=0),
        sample("largest", tokens=1_100_000, experts=3, hidden=8),
        sample("largest but one", tokens=530_000, experts=3, hidden=5),
    ),
    refusals=(
        refuse(
            "dtype", "hidden_states has dtype float32, expected float16 or bfloat16", hidden_states=torch.Tensor.float
        ),
        refuse(
            "weight dtype",
            "router_weights has dtype float16, expected bfloat16, the dtype of hidden_states",
            router_weights=torch.Tensor.half,
        ),
        refuse(
            "out dtype",
            "out_dtype has dtype int32, expected float16 or bfloat16 or float32",
            out_dtype=lambda _: torch.int32,
        ),
        refuse("dim", "hidden_states has 1 dimensions, shape (8192,); expected 2", hidden_states=torch.Tensor.flatten),
        refuse("weight dim", "router_weights has 3 dimensions", router_weights=lambda x: x[None]),
        refuse(
            "hidden",
            "size 500 in dimension 1, expected 512 (that of hidden_states)",
            router_weights=lambda x: x[:, :500],
        ),
        refuse(
            "crossed", "hidden_states has strides (1, 16), expected 1", hidden_states=lambda x: x.t().contiguous().t()
        ),
        refuse(
            "weights crossed",
            "router_weights has strides (1, 64), expected 1",
            router_weights=lambda x: x.t().contiguous().t(),
        ),
    ),
    tolerance=rounded_once("sums in float32, of which tensor cores drop the last bits", 2.0**-17),
    workloads=(
        *(DEEPSEEK | {"tokens": tokens} for tokens in (1, 2, 4, 8, 16, 32, 64)),
        *(DEEPSEEK | {"tokens": tokens, "to": torch.bfloat16} for tokens in (1, 8, 16, 64)),
        *(DEEPSEEK | {"tokens": tokens, "experts": 384} for tokens in (1, 16)),
    ),
    peers=peers,
    also_in=("gemm",),
)

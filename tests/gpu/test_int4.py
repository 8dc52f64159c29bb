"""Products by weights of 4 bits on the GPU: any group, number of tokens and k, against float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import warpwright
from warpwright.quantization.gptq_marlin_dequantize import reference as dequantized

DTYPES = [torch.float16, torch.bfloat16]
ROUNDING = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
"""Half a unit in the last place, relative: what rounding a value costs at most."""
LAYERS = [(64, 16), (64, 128), (192, 384), (4096, 4096), (6144, 512), (512, 14336)]


def words(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device="cuda")


def problem(m: int, n: int, k: int, group: int, kind: str, dtype: torch.dtype) -> dict[str, Any]:
    """Draw a product whose results stay in float16's range; its weights are any words at all."""
    groups = 1 if group == -1 else k // group
    # None so small that float16 has fewer bits for it, or none.
    scales = ((0.1 + torch.rand(groups, n, device="cuda")) / (8 * k**0.5)).to(dtype)
    return {
        "a": torch.randn(m, k, device="cuda").to(dtype), "c": None, "b_q_weight": words(k // 16, 2 * n),
        "b_scales": warpwright.marlin_permute_scales(scales, k, n, group), "global_scale": None,
        "b_zeros": words(groups, n // 8) if kind == "uint4" else None, "g_idx": None, "perm": None, "workspace": None,
        "b_q_type": kind, "size_m": m, "size_n": n, "size_k": k,
    }  # fmt: skip


def exact_weights(arguments: dict[str, Any]) -> torch.Tensor:
    """Return the weights in float64, from the reference, in plain torch: whole numbers times scales."""
    packed, scales, zeros = (arguments[name] for name in ("b_q_weight", "b_scales", "b_zeros"))
    whole = dequantized(packed, torch.ones_like(scales), zeros, None, torch.float64)
    nines = torch.full_like(packed, -0x66666667)  # one more than the zero point: what is left is the scale
    each = dequantized(nines, scales, None, None, torch.float64)
    return whole * each


def check(arguments: dict[str, Any]) -> None:
    m, n, dtype = arguments["size_m"], arguments["size_n"], arguments["a"].dtype
    arguments["c"] = torch.full((m, n), torch.nan, dtype=dtype, device="cuda")
    out = warpwright.gptq_marlin_gemm(**arguments)
    a, weights = arguments["a"].double(), exact_weights(arguments)
    expected = a @ weights
    # The output is rounded, and the weights may be: errors of one sign each, whose sum grows as the root of K.
    limit = ROUNDING[dtype] * (expected.abs() + 4 * (a.square() @ weights.square()).sqrt())
    worst = ((out.double() - expected).abs() / limit).max()
    assert worst <= 1, f"off by {float(worst):.2f} times what rounding allows"


each_kind = pytest.mark.parametrize("kind", ["uint4b8", "uint4"])
is_gemm = pytest.mark.operator("gptq_marlin_dequantize")


@is_gemm
@each_kind
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("group", [-1, 32, 64, 128])
@pytest.mark.parametrize(("n", "k"), LAYERS[1:])
@pytest.mark.parametrize("m", [1, 17, 64], ids="m={}".format)
def test_the_product_matches_float64(m: int, n: int, k: int, group: int, dtype: torch.dtype, kind: str) -> None:
    check(problem(m, n, k, group, kind, dtype))


@is_gemm
@pytest.mark.parametrize("m", [*range(131), 256, 257, 1000], ids="m={}".format)
def test_any_number_of_tokens_is_right(m: int) -> None:
    if m == 0:
        assert warpwright.gptq_marlin_gemm(**problem(0, 192, 256, 64, "uint4b8", torch.float16)).shape == (0, 192)
    else:
        check(problem(m, 192, 256, 64, "uint4", torch.bfloat16))


@is_gemm
@pytest.mark.parametrize("k", [16, 32, 48, 208, 1040, 16384], ids="k={}".format)
def test_any_k_is_right(k: int) -> None:
    check(problem(5, 128, k, -1, "uint4b8", torch.float16))


SIZES = [(128, 128), (1, 255), (100, 156), (256,), (17, 0, 239), (32,) * 8]


@is_gemm
@each_kind
@pytest.mark.parametrize("m", [1, 5, 200])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_groups_of_any_size_are_those_that_g_idx_says(sizes: tuple[int, ...], m: int, kind: str) -> None:
    """Also a part of k whose groups are those of the whole: what is_k_full=False is for."""
    k, n, groups = 256, 192, len(sizes)
    g_idx = torch.repeat_interleave(torch.arange(groups, device="cuda"), torch.tensor(sizes, device="cuda")).int()
    perm = torch.randperm(k, device="cuda").int()
    arguments = problem(m, n, k, -1, kind, torch.float16) | {"g_idx": g_idx, "perm": perm, "is_k_full": False}
    arguments["b_scales"] = torch.rand(groups, n, device="cuda").half() / 128
    arguments["b_zeros"] = words(groups, n // 8) if kind == "uint4" else None
    out = warpwright.gptq_marlin_gemm(**arguments)
    on_cpu = {name: value.cpu() if isinstance(value, torch.Tensor) else value for name, value in arguments.items()}
    expected = warpwright.gptq_marlin_gemm(**on_cpu)
    torch.testing.assert_close(out.cpu().float(), expected.float(), rtol=2.0**-9, atol=2.0**-6)


@is_gemm
@pytest.mark.parametrize("m", [3, 200])
def test_an_order_of_k_is_taken(m: int) -> None:
    arguments = problem(m, 128, 256, 64, "uint4", torch.bfloat16)
    perm = torch.randperm(256, device="cuda").int()
    expected = warpwright.gptq_marlin_gemm(**arguments)
    given = arguments | {"perm": perm, "a": arguments["a"][:, perm.argsort()]}
    assert torch.equal(warpwright.gptq_marlin_gemm(**given), expected)


@is_gemm
@pytest.mark.parametrize("wrong", [-1, 128, 10**9])
def test_an_order_with_a_row_that_is_not_there_is_refused_and_the_gpu_goes_on(wrong: int) -> None:
    arguments = problem(2, 64, 128, 32, "uint4b8", torch.float16)
    perm = torch.randperm(128, device="cuda").int()
    perm[5] = wrong
    with pytest.raises(RuntimeError, match=f"perm has {wrong} at position 5, expected a row of the weights: 0 to 127"):
        warpwright.gptq_marlin_gemm(**arguments | {"perm": perm})
    with pytest.raises(RuntimeError, match=f"perm has {wrong} at position 5, expected a row of the weights: 0 to 127"):
        warpwright.gptq_marlin_repack(words(16, 64), perm, 128, 64, 4)
    check(arguments)


@pytest.mark.operator("gptq_marlin_repack")
def test_an_order_of_rows_is_taken_in_a_captured_graph() -> None:
    """There its numbers are not read back; the graph takes those that the tensors have when it is replayed."""
    weights, perm = words(32, 128), torch.randperm(256, device="cuda").int()
    warpwright.gptq_marlin_repack(weights, perm, 256, 128, 4)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = warpwright.gptq_marlin_repack(weights, perm, 256, 128, 4)
    weights.copy_(words(32, 128))
    perm.copy_(torch.randperm(256, device="cuda").int())
    captured.fill_(-1)
    graph.replay()
    assert torch.equal(captured, warpwright.gptq_marlin_repack(weights, perm, 256, 128, 4))

"""Weights of 4 bits on the CPU: the orders against their published permutations, and the product."""

from __future__ import annotations

import pytest
import torch

import warpwright
from int4_weights import KINDS, K, N, awq_words, close, gptq_words, problem, published_marlin, weights


def test_gptq_weights_are_brought_into_marlins_order() -> None:
    numbers = weights()
    out = warpwright.gptq_marlin_repack(gptq_words(numbers), torch.empty(0, dtype=torch.int32), K, N, 4)
    assert torch.equal(out, published_marlin(numbers))


def test_gptq_rows_are_permuted() -> None:
    numbers, perm = weights(), torch.randperm(K, dtype=torch.int32)
    out = warpwright.gptq_marlin_repack(gptq_words(numbers), perm, K, N, 4)
    assert torch.equal(out, published_marlin(numbers[perm.long()]))


def test_awq_weights_are_brought_into_marlins_order() -> None:
    numbers = weights()
    assert torch.equal(warpwright.awq_marlin_repack(awq_words(numbers), K, N, 4), published_marlin(numbers))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_awq_weights_are_dequantised(dtype: torch.dtype) -> None:
    numbers, zeros, scales = weights(), torch.randint(0, 16, (4, N)), torch.rand(4, N).to(dtype)
    out = warpwright.awq_dequantize(awq_words(numbers), scales, awq_words(zeros))
    wide = (numbers - zeros.repeat_interleave(K // 4, 0)) * scales.float().repeat_interleave(K // 4, 0)
    assert torch.equal(out, wide.to(dtype))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", [-1, 32, 64, 128])
@pytest.mark.parametrize("m", [0, 1, 5, 300], ids="m={}".format)
def test_the_product_is_that_of_the_dequantised_weights(m: int, group: int, kind: str) -> None:
    arguments, expected = problem(m, group, kind)
    out = warpwright.gptq_marlin_gemm(**arguments)
    assert (out.shape, out.dtype) == ((m, N), torch.float16)
    close(out, expected)


def test_the_output_is_written_where_it_is_given() -> None:
    arguments, expected = problem(3, 64, "uint4b8")
    arguments["c"] = torch.full((3, N), torch.nan, dtype=torch.float16)
    out = warpwright.gptq_marlin_gemm(**arguments)
    assert out is arguments["c"]
    close(out, expected)


def test_activation_order_takes_the_columns_of_a_in_the_order_of_k() -> None:
    arguments, expected = problem(3, 64, "uint4b8")
    perm = torch.randperm(K, dtype=torch.int32)
    arguments["perm"], arguments["g_idx"] = perm, torch.arange(K, dtype=torch.int32) // 64
    arguments["a"] = arguments["a"][:, perm.argsort()]
    close(warpwright.gptq_marlin_gemm(**arguments), expected)


@pytest.mark.parametrize("sizes", [(64, 64), (1, 127), (100, 28), (128, 0), (17, 0, 111)], ids=str)
@pytest.mark.parametrize("is_k_full", [True, False])
def test_groups_of_any_size_are_those_that_g_idx_says(sizes: tuple[int, ...], is_k_full: bool) -> None:
    numbers, a, perm = weights(), torch.randn(3, K).half(), torch.randperm(K, dtype=torch.int32)
    scales = torch.rand(len(sizes), N).half() / 16
    g_idx = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)).int()
    expected = a.double()[:, perm.long()] @ ((numbers - 8).float() * scales.float()[g_idx.long()]).half().double()
    out = warpwright.gptq_marlin_gemm(
        a, None, published_marlin(numbers), warpwright.marlin_permute_scales(scales, len(sizes) * 32, N, 32), None,
        None, g_idx, perm, None, "uint4b8", 3, N, K, is_k_full,
    )  # fmt: skip
    close(out, expected)


def test_a_group_or_a_row_that_is_not_there_is_nan_where_nobody_may_look() -> None:
    """The operators themselves, as a CUDA graph or a compiled program calls them."""
    g_idx = torch.zeros(K, dtype=torch.int32)
    g_idx[5], g_idx[7] = -1, 3
    full = torch.ops.warpwright.gptq_marlin_dequantize(
        published_marlin(weights()), torch.ones(2, N).half(), None, g_idx
    )
    assert full.isnan().any(1).nonzero().flatten().tolist() == [5, 7]
    arguments, _ = problem(2, 64, "uint4b8")
    perm = torch.arange(K, dtype=torch.int32) + 1
    out = torch.zeros(2, N).half()
    torch.ops.warpwright.gptq_marlin_gemm(
        out, arguments["a"], arguments["b_q_weight"], arguments["b_scales"], None, None, perm
    )
    assert out.isnan().all()


def test_a_product_with_activation_order_compiles_for_one_size_and_then_for_any() -> None:
    arguments, _ = problem(3, 64, "uint4b8")
    orders = {"perm": torch.randperm(K, dtype=torch.int32), "g_idx": torch.arange(K, dtype=torch.int32) // 64}

    def layer(a: torch.Tensor) -> torch.Tensor:
        return warpwright.gptq_marlin_gemm(**arguments | orders | {"a": a, "size_m": a.shape[0]})

    run = torch.compile(layer, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        for m in (2, 5, 130):
            a = torch.randn(m, K).half()
            assert torch.equal(run(a), layer(a))

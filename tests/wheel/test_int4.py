"""Weights of 4 bits on the CPU: the orders against their published permutations, the product, and the refusals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import warpwright

K, N = 128, 192
KINDS = ["uint4b8", "uint4"]


@dataclass(frozen=True)
class Kind:
    id: int


def weights() -> torch.Tensor:
    return torch.randint(0, 16, (K, N), dtype=torch.int32)


def pack(numbers: torch.Tensor) -> torch.Tensor:
    """Pack eight numbers of a row into each word, the first in the lowest bits."""
    words = sum(numbers[:, i::8].long() << 4 * i for i in range(8))
    assert isinstance(words, torch.Tensor)
    return (words - (words >> 31 << 32)).int()


def gptq_words(numbers: torch.Tensor) -> torch.Tensor:
    return pack(numbers.t()).t().contiguous()


def awq_words(numbers: torch.Tensor) -> torch.Tensor:
    return pack(numbers.reshape(-1, 8)[:, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(numbers.shape))


def published_order() -> list[int]:
    """The permutation of 1024 weights, four blocks of 16 x 16, as tools that prepare Marlin's checkpoints define it."""
    order = []
    for i in range(32):
        rows = [2 * (i % 4), 2 * (i % 4) + 1, 2 * (i % 4 + 4), 2 * (i % 4 + 4) + 1]
        block = [16 * row + i // 4 + 8 * half for half in (0, 1) for row in rows]
        for j in range(4):
            order += [block[e] + 256 * j for e in (0, 2, 4, 6, 1, 3, 5, 7)]
    return order


def published_marlin(numbers: torch.Tensor) -> torch.Tensor:
    blocks = numbers.reshape(K // 16, 16, N // 16, 16).transpose(1, 2).reshape(-1, 1024)
    return pack(blocks[:, published_order()].reshape(K // 16, 16 * N))


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


def problem(m: int, group: int, kind: str, dtype: torch.dtype = torch.float16) -> tuple[dict[str, Any], torch.Tensor]:
    """Return the arguments of a product, and what it is in float64."""
    groups = 1 if group == -1 else K // group
    numbers, a = weights(), torch.randn(m, K).to(dtype)
    scales, zeros = (torch.rand(groups, N) / 16).to(dtype), torch.randint(0, 16, (groups, N), dtype=torch.int32)
    offsets = zeros if kind == "uint4" else torch.full_like(zeros, 8)
    rows = K // groups
    wide = (numbers - offsets.repeat_interleave(rows, 0)).float() * scales.float().repeat_interleave(rows, 0)
    arguments = {
        "a": a, "c": None, "b_q_weight": published_marlin(numbers),
        "b_scales": warpwright.marlin_permute_scales(scales, K, N, group), "global_scale": None,
        "b_zeros": warpwright.marlin_zero_points(zeros, groups, N, 4) if kind == "uint4" else None,
        "g_idx": None, "perm": None, "workspace": None, "b_q_type": kind, "size_m": m, "size_n": N, "size_k": K,
    }  # fmt: skip
    return arguments, a.double() @ wide.to(dtype).double()


def close(out: torch.Tensor, expected: torch.Tensor) -> None:
    """Allow the last rounding, and float32's in the sum."""
    torch.testing.assert_close(out.double(), expected, rtol=2**-10, atol=2**-16)


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


def test_an_order_is_looked_at_once_until_it_is_written_to() -> None:
    arguments, expected = problem(2, 64, "uint4b8")
    perm = torch.arange(K, dtype=torch.int32)
    for _ in range(2):
        close(warpwright.gptq_marlin_gemm(**arguments | {"perm": perm}), expected)
    perm[3] = 10**9
    with pytest.raises(RuntimeError, match="perm has 1000000000 at position 3"):
        warpwright.gptq_marlin_gemm(**arguments | {"perm": perm})


@pytest.mark.parametrize("how", ["data", "Parameter", "inference"])
def test_other_numbers_in_a_tensor_that_was_found_good_are_looked_at(how: str) -> None:
    arguments, _ = problem(2, 64, "uint4b8")
    good, bad = torch.arange(K, dtype=torch.int32) // 64, torch.arange(K, dtype=torch.int32).flip(0) // 64
    with torch.inference_mode(how == "inference"):
        g_idx = torch.nn.Parameter(good, requires_grad=False) if how == "Parameter" else good.clone()
        given = arguments | {"g_idx": g_idx, "perm": torch.arange(K, dtype=torch.int32)}
        warpwright.gptq_marlin_gemm(**given)
        if how == "inference":
            g_idx.copy_(bad)
        else:
            g_idx.data = bad
        with pytest.raises(RuntimeError, match="g_idx has 0 at position 64, less than the one before it"):
            warpwright.gptq_marlin_gemm(**given)


def test_an_order_found_good_as_rows_is_not_good_as_groups() -> None:
    arguments, _ = problem(2, 32, "uint4b8")
    perm = torch.randperm(K, dtype=torch.int32)
    warpwright.gptq_marlin_gemm(**arguments | {"perm": perm})
    scales = {"b_scales": torch.ones(K, N).half(), "g_idx": perm, "perm": torch.arange(K, dtype=torch.int32)}
    with pytest.raises(RuntimeError, match="less than the one before it"):
        warpwright.gptq_marlin_gemm(**arguments | scales)


@pytest.mark.parametrize("mode", ["meta", "fake"])
def test_orders_without_numbers_are_not_looked_at(mode: str) -> None:
    arguments, _ = problem(2, 64, "uint4b8")
    orders = {"perm": torch.arange(K, dtype=torch.int32), "g_idx": torch.arange(K, dtype=torch.int32) // 64}
    given = {name: value.to("meta") if isinstance(value, torch.Tensor) else value
             for name, value in (arguments | orders).items()}  # fmt: skip
    if mode == "fake":
        with FakeTensorMode() as fake:
            given = {name: fake.from_tensor(value) if isinstance(value, torch.Tensor) else value
                     for name, value in (arguments | orders).items()}  # fmt: skip
            assert warpwright.gptq_marlin_gemm(**given).shape == (2, N)
            assert warpwright.marlin_zero_points(torch.zeros(2, 64).int(), 2, 64, 4).shape == (2, 8)
    else:
        assert warpwright.gptq_marlin_gemm(**given).shape == (2, N)
    for name in ("perm", "g_idx"):
        with pytest.raises(RuntimeError, match=f"{name} is on meta and b_q_weight on cpu"):
            warpwright.gptq_marlin_gemm(**arguments | orders | {name: orders[name].to("meta")})
        with pytest.raises(RuntimeError, match=f"{name} has dtype complex64, expected int32"):
            warpwright.gptq_marlin_gemm(**arguments | orders | {name: orders[name].to(torch.complex64)})


@pytest.mark.parametrize("wrong", [-1, K, 10**9])
def test_a_row_that_is_not_there_is_not_repacked(wrong: int) -> None:
    perm = torch.arange(K, dtype=torch.int32)
    perm[9] = wrong
    with pytest.raises(RuntimeError, match=f"perm has {wrong} at position 9, expected a row of the weights: 0 to 127"):
        warpwright.gptq_marlin_repack(gptq_words(weights()), perm, K, N, 4)


@pytest.mark.parametrize("kind", [Kind(4 << 8 | 8 << 17 | 1 << 50), Kind(4 << 8 | 8 << 17)], ids=["peer", "bare"])
def test_a_peers_scalar_type_is_taken(kind: Kind) -> None:
    arguments, expected = problem(2, 128, "uint4b8")
    arguments["b_q_type"] = kind
    close(warpwright.gptq_marlin_gemm(**arguments), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"b_q_type": "uint8b128"}, "b_q_type is uint8b128, expected uint4 or uint4b8"),
        ({"b_q_type": Kind(8 << 8 | 128 << 17)}, "expected uint4 or uint4b8: other weights are not supported"),
        ({"b_q_type": "uint4"}, "b_zeros has none, expected one row for each group with uint4"),
        ({"global_scale": torch.ones(1)}, "global_scale is given, expected None"),
        ({"is_zp_float": True}, "is_zp_float is True, expected False"),
        ({"g_idx": torch.zeros(K, dtype=torch.int32)}, "g_idx is given without perm, expected both or neither"),
        (
            {"g_idx": torch.arange(K, dtype=torch.int32).flip(0) // 64, "perm": torch.arange(K, dtype=torch.int32)},
            "g_idx has 0 at position 64, less than the one before it; expected groups that ascend: pass g_idx[perm]",
        ),
        (
            {"g_idx": torch.arange(K, dtype=torch.int32) // 32, "perm": torch.arange(K, dtype=torch.int32)},
            "g_idx has 2 at position 64, expected a row of b_scales: 0 to 1",
        ),
        (
            {"perm": torch.arange(1, K + 1, dtype=torch.int32)},
            "perm has 128 at position 127, expected a row of the weights: 0 to 127",
        ),
        (
            {"perm": torch.arange(-1, K - 1, dtype=torch.int32)},
            "perm has -1 at position 0, expected a row of the weights",
        ),
        ({"size_m": 3}, "a has shape (2, 128): size 2 in dimension 0, expected 3 (size_m)"),
        ({"size_n": 256}, "b_q_weight has shape (8, 384): size 384 in dimension 1, expected 512 (2 * size_n)"),
        ({"a": torch.zeros(2, K, dtype=torch.bfloat16)}, "a has dtype bfloat16, expected float16"),
        ({"b_scales": torch.ones(3, N).half()}, "b_scales has 3 groups for K 128, expected groups of a multiple of 16"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_is_not_supported_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    arguments, _ = problem(2, 64, "uint4b8")
    with pytest.raises(RuntimeError, match=re.escape(words)):
        warpwright.gptq_marlin_gemm(**arguments | change)


def test_weights_of_8_bits_are_refused() -> None:
    with pytest.raises(RuntimeError, match="num_bits is 8, expected 4"):
        warpwright.awq_marlin_repack(torch.zeros(K, N // 8, dtype=torch.int32), K, N, 8)
    with pytest.raises(RuntimeError, match="num_bits is 8, expected 4"):
        warpwright.marlin_zero_points(torch.zeros(1, N), 1, N, 8)

"""Weights of 4 bits: orders that are looked at, and what is refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import warpwright
from int4_weights import K, Kind, N, close, gptq_words, problem, weights


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

"""Limits of sizes and of memory, and what prepares checkpoints: refusals that no contract has room for."""

from __future__ import annotations

import pytest
import torch

import warpwright
from contracts.cases import OPERATORS, call_of
from contracts.refused import CUDA
from contracts.results import run
from warpwright._registry import overload


@pytest.mark.parametrize("name", ["int8_scaled_mm", "fp8_scaled_mm", "fp8_blockwise_scaled_mm"])
@pytest.mark.parametrize(("m", "n"), [(0, 256), (64, 0)], ids=["no-rows", "no-columns"])
def test_matrices_of_a_product_that_reads_none_may_start_anywhere(name: str, m: int, n: int) -> None:
    """The reference takes them; the CUDA function goes on to what needs a GPU."""
    contract = OPERATORS[name]
    arguments = call_of(contract, "typical", "cpu")
    for matrix, rows in (("mat_a", m), ("mat_b", n)):
        wide = torch.zeros(rows, 1024, dtype=torch.int8).view(arguments[matrix].dtype)[:, 8:520]
        arguments[matrix] = wide if matrix == "mat_a" else wide.t()
    of_b = {"scales_b": arguments["scales_b"][..., :n].contiguous()} if n == 0 else {}
    of_a = {"scales_a": arguments["scales_a"][:m]}
    arguments |= of_a | of_b | ({"bias": None} if "bias" in arguments else {})
    assert run(contract, arguments)[0].shape == (m, n)
    with pytest.raises(RuntimeError) as refused:
        overload(name).redispatch(CUDA, *arguments.values())
    assert "expected an aligned start" not in str(refused.value)


def test_an_empty_bias_may_start_anywhere() -> None:
    """The reference takes it; the CUDA function goes on to what needs a GPU."""
    call = call_of(OPERATORS["int8_scaled_mm"], "no columns", "cpu") | {"bias": torch.zeros(8).bfloat16()[1:1]}
    assert run(OPERATORS["int8_scaled_mm"], call)[0].shape == (64, 0)
    with pytest.raises(RuntimeError) as refused:
        overload("int8_scaled_mm").redispatch(CUDA, *call.values())
    assert "expected an aligned start" not in str(refused.value)


def test_rows_that_only_interleave_do_not_meet() -> None:
    from warpwright.rows import Rows, meet

    whole = Rows(0, 0, 10, 100, 40)
    assert not meet(whole, Rows(0, 40, 10, 100, 60))
    assert meet(whole, Rows(0, 40, 10, 100, 61))
    assert not meet(whole, Rows(1, 0, 10, 100, 40)), "of another storage"
    assert meet(whole, Rows(0, 350, 3, 70, 1)), "350, 420: the second lies in the fifth row"
    assert not meet(whole, Rows(0, 350, 1, 0, 50))
    assert not meet(Rows(0, 0, 0, 0, 0), whole)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: warpwright.marlin_zero_points(torch.full((2, 64), 7.5), 2, 64, 4),
            "zp has dtype float32, expected whole numbers",
        ),
        (
            lambda: warpwright.marlin_zero_points(torch.full((2, 64), 16), 2, 64, 4),
            "zp has numbers from 16 to 16, expected 0 to 15",
        ),
        (lambda: warpwright.marlin_zero_points(torch.zeros(2, 64).int() - 1, 2, 64, 4), "zp has numbers from -1 to -1"),
        (
            lambda: warpwright.marlin_zero_points(torch.zeros(2, 64).int(), 3, 64, 4),
            "size 2 in dimension 0, expected 3",
        ),
        (
            lambda: warpwright.marlin_zero_points(torch.zeros(2, 96).int(), 2, 96, 4),
            "size_n is 96, expected a multiple of 64",
        ),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(3, 64), 256, 64, 128),
            "size 3 in dimension 0, expected 2 (size_k over group_size)",
        ),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 64, 100),
            "group_size is 100, expected -1 or a divisor of size_k",
        ),
        (lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 64, -1), "size 2 in dimension 0, expected 1"),
        (
            lambda: warpwright.marlin_permute_scales(torch.ones(2, 64), 256, 128, 128),
            "size 64 in dimension 1, expected 128 (size_n)",
        ),
    ],
    ids=["dtype", "high", "low", "groups", "columns", "scales", "group size", "single", "scale columns"],
)
def test_what_prepares_a_checkpoint_refuses_by_name(call: object, words: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        call()  # type: ignore[operator]
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("k", "n", "words"),
    [
        (2**30 + 16, 64, "K, 16 times the rows of b_q_weight, is 1073741840, expected at most 1073741824"),
        (16, 2**30 + 64, "N, half of the columns of b_q_weight, is 1073741888, expected at most 1073741824"),
    ],
    ids="KN",
)
def test_more_4_bit_weights_than_the_kernels_count_are_refused(k: int, n: int, words: str) -> None:
    """On meta, where they need no memory; up to the limit they are taken."""

    def dequantize(k: int, n: int) -> torch.Tensor:
        packed = torch.empty(k // 16, 2 * n, dtype=torch.int32, device="meta")
        scales = torch.empty(1, n, dtype=torch.float16, device="meta")
        found: torch.Tensor = warpwright.gptq_marlin_dequantize(packed, scales, None, None)
        return found

    with pytest.raises(RuntimeError) as refused:
        dequantize(k, n)
    assert words in str(refused.value)
    assert dequantize(min(k, 2**30), min(n, 2**30)).shape == (min(k, 2**30), min(n, 2**30))
    with pytest.raises(RuntimeError, match="size_[kn] is 10737418.., expected at most 1073741824"):
        warpwright.awq_marlin_repack(torch.empty(k, n // 8, dtype=torch.int32, device="meta"), k, n, 4)


@pytest.mark.parametrize(
    ("m", "n", "k", "words"),
    [
        (2**30 + 1, 8, 16, "M, the rows of mat_a, is 1073741825, expected at most 1073741824"),
        (1, 65535 * 512 + 8, 16, "N, the columns of mat_b, is 33553928, expected at most 33553920"),
        (1, 8, 131072, "K, the columns of mat_a, is 131072, expected at most 131056: a longer sum may leave int32"),
    ],
    ids="MNK",
)
def test_sizes_that_no_path_takes_are_refused(m: int, n: int, k: int, words: str) -> None:
    """On meta, where such matrices need no memory; up to the limit they are taken."""

    def multiply(m: int, n: int, k: int) -> torch.Tensor:
        a, b = (torch.empty(rows, k, dtype=torch.int8, device="meta") for rows in (m, n))
        scales = torch.empty(1, device="meta")
        return warpwright.int8_scaled_mm(a, b.t(), scales, scales, torch.float16)

    with pytest.raises(RuntimeError) as refused:
        multiply(m, n, k)
    assert words in str(refused.value)
    assert multiply(min(m, 2**30), min(n, 65535 * 512), min(k, 131056)).shape == (min(m, 2**30), min(n, 65535 * 512))

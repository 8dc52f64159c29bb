"""Weights of 4 bits on the GPU: the orders against the CPU references, the product against float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import warpwright
from warpwright import int4_reference

DTYPES = [torch.float16, torch.bfloat16]
ROUNDING = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
"""Half a unit in the last place, relative: what rounding a value costs at most."""
LAYERS = [(64, 16), (64, 128), (192, 384), (4096, 4096), (6144, 512), (512, 14336)]


def words(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device="cuda")


def empty() -> torch.Tensor:
    return torch.empty(0, dtype=torch.int32, device="cuda")


@pytest.mark.operator("gptq_marlin_repack")
@pytest.mark.parametrize("with_perm", [False, True], ids=["plain", "perm"])
@pytest.mark.parametrize(("n", "k"), LAYERS)
def test_gptq_weights_are_repacked_as_on_the_cpu(n: int, k: int, with_perm: bool) -> None:
    perm = torch.randperm(k, device="cuda").int() if with_perm else empty()
    weights = words(k // 8, n)
    out = warpwright.gptq_marlin_repack(weights, perm, k, n, 4)
    assert torch.equal(out.cpu(), warpwright.gptq_marlin_repack(weights.cpu(), perm.cpu(), k, n, 4))


@pytest.mark.operator("awq_marlin_repack")
@pytest.mark.parametrize(("n", "k"), LAYERS)
def test_awq_weights_are_repacked_as_on_the_cpu(n: int, k: int) -> None:
    weights = words(k, n // 8)
    out = warpwright.awq_marlin_repack(weights, k, n, 4)
    assert torch.equal(out.cpu(), warpwright.awq_marlin_repack(weights.cpu(), k, n, 4))


@pytest.mark.operator("awq_dequantize")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize(("n", "k"), LAYERS)
def test_awq_weights_are_dequantised_as_on_the_cpu(n: int, k: int, groups: int, dtype: torch.dtype) -> None:
    weights, zeros, scales = words(k, n // 8), words(groups, n // 8), torch.rand(groups, n, device="cuda").to(dtype)
    out = warpwright.awq_dequantize(weights, scales, zeros)
    assert torch.equal(out.cpu(), warpwright.awq_dequantize(weights.cpu(), scales.cpu(), zeros.cpu()))


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
    whole = int4_reference.gptq_marlin_dequantize(packed, torch.ones_like(scales), zeros, None)
    nines = torch.full_like(packed, -0x66666667)  # one more than the zero point: what is left is the scale
    each = int4_reference.gptq_marlin_dequantize(nines, scales, None, None)
    return whole.double() * each.double()


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


@is_gemm
def test_rows_of_a_wider_matrix_are_taken_and_written() -> None:
    arguments = problem(9, 128, 256, 64, "uint4", torch.float16)
    wide = torch.randn(9, 320, device="cuda").half()
    arguments["a"] = wide[:, 32:288]
    out = torch.full((9, 256), torch.nan, dtype=torch.float16, device="cuda")
    expected = warpwright.gptq_marlin_gemm(**arguments | {"a": wide[:, 32:288].contiguous()})
    warpwright.gptq_marlin_gemm(**arguments | {"c": out[:, 64:192]})
    assert torch.equal(out[:, 64:192], expected)
    assert bool(out[:, :64].isnan().all())
    assert bool(out[:, 192:].isnan().all())


@is_gemm
@pytest.mark.parametrize("m", [2, 200])
@pytest.mark.parametrize(("width", "first"), [(160, 1), (132, 0), (133, 3)], ids=["start", "stride", "both"])
def test_rows_that_are_not_aligned_are_right(width: int, first: int, m: int) -> None:
    arguments = problem(m, 64, 128, 32, "uint4b8", torch.float16)
    arguments["a"] = torch.randn(m, width, device="cuda").half()[:, first : first + 128]
    check(arguments)


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


@is_gemm
def test_the_same_call_gives_the_same_bits() -> None:
    arguments = problem(16, 4096, 4096, 128, "uint4", torch.bfloat16)
    first = warpwright.gptq_marlin_gemm(**arguments)
    for _ in range(5):
        assert torch.equal(warpwright.gptq_marlin_gemm(**arguments), first)


@is_gemm
@pytest.mark.parametrize(
    ("change", "words_of_error"),
    [
        ({"a": torch.zeros(2, 128).half()}, "a is on cpu and b_q_weight on cuda:0"),
        ({"a": torch.zeros(128, 2).half().t()}, "a has strides"),
        ({"b_scales": torch.ones(4, 64)}, "b_scales has dtype float32, expected float16 or bfloat16"),
        ({"b_scales": torch.ones(3, 64).half()}, "b_scales has 3 groups for K 128"),
    ],
    ids=["CPU", "strides", "dtype", "groups"],
)
def test_what_it_cannot_take_is_refused_by_name(change: dict[str, torch.Tensor], words_of_error: str) -> None:
    arguments = problem(2, 64, 128, 32, "uint4b8", torch.float16)
    on_device = {name: tensor if "on cpu" in words_of_error else tensor.cuda() for name, tensor in change.items()}
    with pytest.raises(RuntimeError, match=words_of_error):
        warpwright.gptq_marlin_gemm(**arguments | on_device)

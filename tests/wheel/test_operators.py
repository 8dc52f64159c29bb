"""The CPU references against float64, and what every operator refuses, with the argument and both values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import warpwright
from calls import CALLS, result

DTYPES = [torch.float16, torch.bfloat16]
# Half a unit in the last place of each type, relative, with as much again for the float32 arithmetic before it.
ROUNDING = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}


def near(found: torch.Tensor, expected: torch.Tensor) -> None:
    tolerance = ROUNDING[found.dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance * 1e-3)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 5, 64), (4, 4096), (8,)], ids=str)
def test_rmsnorm_is_the_root_mean_square_norm(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, weight = torch.randn(shape).to(dtype), torch.randn(shape[-1]).to(dtype)
    exact = x.double()
    expected = exact / (exact.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight.double()
    near(warpwright.rmsnorm(x, weight, 1e-5), expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 2), (3, 14), (2, 5, 64)], ids=str)
def test_silu_and_mul_gates_the_second_half(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randn(shape).to(dtype)
    gate, value = x.double().chunk(2, -1)
    near(warpwright.silu_and_mul(x), gate / (1 + (-gate).exp()) * value)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("with_bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize("per_tensor", [False, True], ids=["per-row", "per-tensor"])
def test_int8_scaled_mm_is_the_scaled_product(dtype: torch.dtype, with_bias: bool, per_tensor: bool) -> None:
    m, n, k = 5, 24, 48
    a = torch.randint(-128, 128, (m, k), dtype=torch.int8)
    b = torch.randint(-128, 128, (n, k), dtype=torch.int8).t()
    scales_a, scales_b = (torch.rand(1), torch.rand(1)) if per_tensor else (torch.rand(m, 1), torch.rand(n))
    bias = torch.randn(n).to(dtype) if with_bias else None
    scales_a, scales_b = scales_a * 1e-2, scales_b * 1e-2
    expected = a.double() @ b.double() * scales_b.double().reshape(1, -1) * scales_a.double().reshape(-1, 1)
    near(
        warpwright.int8_scaled_mm(a, b, scales_a, scales_b, dtype, bias),
        expected + (0 if bias is None else bias.double()),
    )


def blockwise_arguments(**changes: object) -> dict[str, object]:
    m, n, k = 5, 136, 272
    arguments: dict[str, object] = {
        "mat_a": torch.randn(m, k).to(torch.float8_e4m3fn),
        "mat_b": torch.randn(n, k).to(torch.float8_e4m3fn).t(),
        "scales_a": torch.rand(-(-k // 128), m).t(),
        "scales_b": torch.rand(-(-n // 128), -(-k // 128)).t(),
        "out_dtype": torch.bfloat16,
    }
    return {**arguments, **changes}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_fp8_blockwise_scaled_mm_scales_each_block_of_k_and_n(dtype: torch.dtype) -> None:
    arguments = blockwise_arguments(out_dtype=dtype)
    a, b, scales_a, scales_b = (arguments[name].double() for name in ("mat_a", "mat_b", "scales_a", "scales_b"))  # type: ignore[attr-defined]
    expected = torch.zeros(5, 136, dtype=torch.float64)
    for k, n in ((k, n) for k in range(272) for n in range(136)):
        expected[:, n] += a[:, k] * scales_a[:, k // 128] * b[k, n] * scales_b[k // 128, n // 128]
    torch.testing.assert_close(
        warpwright.fp8_blockwise_scaled_mm(**arguments).double(), expected, rtol=ROUNDING[dtype], atol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mat_a": torch.zeros(5, 272)}, "mat_a has dtype float32, expected float8_e4m3fn"),
        ({"scales_a": torch.ones(5, 2)}, r"scales_a has shape \(5, 2\): size 2 in dimension 1, expected 3"),
        ({"scales_b": torch.ones(2, 3)}, r"scales_b has shape \(2, 3\): size 2 in dimension 0, expected 3"),
        ({"scales_b": torch.ones(3, 2).half()}, "scales_b has dtype float16, expected float32"),
        ({"out_dtype": torch.float32}, "out_dtype has dtype float32, expected float16 or bfloat16"),
    ],
    ids=["dtype", "scales-a", "scales-b", "scales-dtype", "out-dtype"],
)
def test_fp8_blockwise_scaled_mm_refuses_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        warpwright.fp8_blockwise_scaled_mm(**blockwise_arguments(**changes))


def test_out_is_written_and_returned() -> None:
    x, weight = torch.randn(3, 16).half(), torch.randn(16).half()
    out = torch.full_like(x, torch.nan)
    assert warpwright.rmsnorm(x, weight, out=out) is out
    assert torch.equal(out, warpwright.rmsnorm(x, weight))


@pytest.mark.parametrize("shape", [(16,), (16, 1), (1, 16)], ids=str)
def test_an_empty_sum_is_the_bias_whatever_its_shape_and_the_scales_are(shape: tuple[int, ...]) -> None:
    a, b, bias = torch.empty(4, 0, dtype=torch.int8), torch.empty(16, 0, dtype=torch.int8).t(), torch.randn(16).half()
    scales = torch.full((1,), torch.nan)
    out = warpwright.int8_scaled_mm(a, b, scales, scales, torch.float16, bias.reshape(shape))
    assert torch.equal(out, bias.expand(4, 16))
    assert torch.equal(warpwright.int8_scaled_mm(a, b, scales, scales, torch.float16), torch.zeros(4, 16).half())


@pytest.mark.parametrize("name", CALLS)
def test_autocast_changes_no_result(name: str) -> None:
    arguments = CALLS[name]("cpu")
    expected = result(name, arguments).clone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(result(name, arguments), expected)


def test_no_rows_give_an_empty_tensor() -> None:
    assert warpwright.rmsnorm(torch.empty(0, 16).half(), torch.ones(16).half()).shape == (0, 16)
    assert warpwright.silu_and_mul(torch.empty(0, 16).half()).shape == (0, 8)
    a, b = torch.empty(0, 16, dtype=torch.int8), torch.zeros(8, 16, dtype=torch.int8).t()
    assert warpwright.int8_scaled_mm(a, b, torch.empty(0), torch.ones(8), torch.float16).shape == (0, 8)


def int8_arguments(**changes: object) -> dict[str, object]:
    arguments: dict[str, object] = {
        "mat_a": torch.zeros(4, 32, dtype=torch.int8),
        "mat_b": torch.zeros(16, 32, dtype=torch.int8).t(),
        "scales_a": torch.ones(4),
        "scales_b": torch.ones(16),
        "out_dtype": torch.bfloat16,
    }
    return {**arguments, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mat_a": torch.zeros(4, 32)}, "mat_a has dtype float32, expected int8"),
        ({"mat_a": torch.zeros(4, dtype=torch.int8)}, r"mat_a has 1 dimensions, shape \(4,?\); expected 2"),
        ({"mat_b": torch.zeros(16, 48, dtype=torch.int8).t()}, r"mat_b has shape \(48, 16\).*32"),
        ({"mat_a": torch.zeros(4, 8, dtype=torch.int8), "mat_b": torch.zeros(16, 8, dtype=torch.int8).t()},
         "K, the columns of mat_a, is 8, expected a multiple of 16"),
        ({"mat_b": torch.zeros(12, 32, dtype=torch.int8).t(), "scales_b": torch.ones(12)},
         "N, the columns of mat_b, is 12, expected a multiple of 8"),
        ({"mat_b": torch.zeros(32, 16, dtype=torch.int8)}, r"mat_b has strides \(16, 1\), expected column-major"),
        ({"scales_a": torch.ones(3)}, "scales_a .*3 elements, expected 4"),
        ({"scales_b": torch.ones(16).double()}, "scales_b has dtype float64, expected float32"),
        ({"out_dtype": torch.float32}, "out_dtype has dtype float32, expected float16 or bfloat16"),
        ({"bias": torch.zeros(16).half()}, "bias has dtype float16, expected bfloat16"),
        ({"bias": torch.zeros(8).bfloat16()}, "bias .*8 elements, expected 16"),
    ],
    ids=["dtype", "dim", "inner", "K", "N", "layout", "scales-a", "scales-b", "out-dtype", "bias-dtype", "bias-size"],
)  # fmt: skip
def test_int8_scaled_mm_refuses_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        warpwright.int8_scaled_mm(**int8_arguments(**changes))


X, WEIGHT = torch.zeros(2, 8).half(), torch.ones(8).half()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: warpwright.rmsnorm(X.float(), WEIGHT), "input has dtype float32, expected float16 or bfloat16"),
        (lambda: warpwright.rmsnorm(X, WEIGHT.float()), "weight has dtype float32, expected float16"),
        (lambda: warpwright.rmsnorm(X, WEIGHT[:7]), r"weight has shape \(7,\): size 7 in dimension 0, expected 8"),
        (lambda: warpwright.rmsnorm(X, WEIGHT, out=X[0]), r"out has shape \(8,\), expected \(2, 8\)"),
        (lambda: warpwright.silu_and_mul(X[:, :7]), "the last dimension of input is 7"),
        (lambda: warpwright.silu_and_mul(X, out=X), "size 8 in dimension 1, expected 4"),
    ],
    ids=["input-dtype", "weight-dtype", "weight-size", "out-shape", "odd", "gate-out-shape"],
)  # fmt: skip
def test_the_elementwise_operators_refuse_by_name(call: Callable[[], object], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_the_names_are_those_of_the_peer_library() -> None:
    import inspect

    import warpwright as sgl_kernel

    assert list(inspect.signature(sgl_kernel.int8_scaled_mm).parameters) == [
        "mat_a", "mat_b", "scales_a", "scales_b", "out_dtype", "bias",
    ]  # fmt: skip
    assert list(inspect.signature(sgl_kernel.fp8_blockwise_scaled_mm).parameters) == [
        "mat_a", "mat_b", "scales_a", "scales_b", "out_dtype",
    ]  # fmt: skip
    assert list(inspect.signature(sgl_kernel.rmsnorm).parameters) == ["input", "weight", "eps", "out"]
    assert list(inspect.signature(sgl_kernel.silu_and_mul).parameters) == ["input", "out"]

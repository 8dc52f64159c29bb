"""The CPU references against formulas that are written out here, and names that callers know."""

from __future__ import annotations

import pytest
import torch

import warpwright

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


@pytest.mark.parametrize("shape", [(16,), (16, 1), (1, 16)], ids=str)
def test_an_empty_sum_is_the_bias_whatever_its_shape_and_the_scales_are(shape: tuple[int, ...]) -> None:
    a, b, bias = torch.empty(4, 0, dtype=torch.int8), torch.empty(16, 0, dtype=torch.int8).t(), torch.randn(16).half()
    scales = torch.full((1,), torch.nan)
    out = warpwright.int8_scaled_mm(a, b, scales, scales, torch.float16, bias.reshape(shape))
    assert torch.equal(out, bias.expand(4, 16))
    assert torch.equal(warpwright.int8_scaled_mm(a, b, scales, scales, torch.float16), torch.zeros(4, 16).half())


def test_the_names_are_those_of_the_peer_library() -> None:
    import inspect

    import warpwright as sgl_kernel

    assert list(inspect.signature(sgl_kernel.int8_scaled_mm).parameters) == [
        "mat_a", "mat_b", "scales_a", "scales_b", "out_dtype", "bias",
    ]  # fmt: skip
    assert list(inspect.signature(sgl_kernel.fp8_blockwise_scaled_mm).parameters) == [
        "mat_a", "mat_b", "scales_a", "scales_b", "out_dtype",
    ]  # fmt: skip
    assert list(inspect.signature(sgl_kernel.rmsnorm).parameters) == ["input", "weight", "eps", "out", "enable_pdl"]
    assert list(inspect.signature(sgl_kernel.silu_and_mul).parameters) == ["input", "out", "enable_pdl"]


@pytest.mark.parametrize(
    "module",
    [
        "activation",
        "elementwise",
        "fused",
        "gemm",
        "moe",
        "norm",
        "quantization",
        "rope",
        "sampling",
        "scalar_type",
        "utils",
    ],
)
def test_the_modules_are_those_that_callers_name(module: str) -> None:
    assert __import__(f"warpwright.{module}", fromlist=["x"]).__doc__


def test_functions_are_where_callers_import_them_from() -> None:
    from warpwright import elementwise, gemm
    from warpwright.scalar_type import ScalarType, scalar_types

    for module, names in (
        (elementwise, ("rmsnorm", "silu_and_mul")),
        (gemm, ("awq_dequantize", "fp8_blockwise_scaled_mm", "fp8_scaled_mm", "int8_scaled_mm")),
    ):
        for name in names:
            assert getattr(module, name) is getattr(warpwright, name)
    assert isinstance(scalar_types.uint4b8, ScalarType)


def test_scalar_types_have_the_ids_of_the_peers() -> None:
    from warpwright.scalar_type import scalar_types

    assert scalar_types.uint4b8.id == 4 << 8 | 8 << 17 | 1 << 50
    assert [str(scalar_types.uint4b8), str(scalar_types.uint4), scalar_types.int8.size_bits] == ["uint4b8", "uint4", 8]
    assert str(scalar_types.float8_e4m3fn) == "float8_e4m3fn"


def test_a_name_that_is_not_there_says_where_the_names_are() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such': warpwright.operators"):
        warpwright.no_such  # noqa: B018


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_there_is_no_programmatic_dependent_launch() -> None:
    from warpwright.utils import is_arch_support_pdl

    assert is_arch_support_pdl() is False

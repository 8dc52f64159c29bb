"""int8_scaled_mm and fp8_scaled_mm on the GPU, against float64, with fresh random inputs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import warpwright

# Half a unit in the last place, relative, and as much again for the float32 epilogue.
ROUNDING = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}
# Relative to the largest result. int32 sums are exact, and a bias may cancel the product, which leaves the rounding of
# float32. A float8 sum keeps 14 bits of the largest term's mantissa in the tensor core (DeepSeek-V3, arXiv:2412.19437,
# section 3.3.2) and drops the rest, always downwards, with every 32 elements of k: 128 times along a k of 4096.
ACCUMULATION = {torch.int8: 2.0**-20, torch.float8_e4m3fn: 128 * 2.0**-14}
ELEMENTS = [
    pytest.param(torch.int8, id="int8", marks=pytest.mark.operator("int8_scaled_mm")),
    pytest.param(torch.float8_e4m3fn, id="fp8", marks=pytest.mark.operator("fp8_scaled_mm")),
]
each_element = pytest.mark.parametrize("element", ELEMENTS)
DTYPES = [torch.float16, torch.bfloat16]
SHAPES = [
    (1, 128, 128), (7, 8, 16), (16, 256, 512), (33, 264, 48), (64, 4096, 4096), (130, 1032, 272), (257, 512, 4096),
    (512, 384, 1040), (1024, 4096, 512), (2049, 256, 128),
]  # fmt: skip


def draw(element: torch.dtype, rows: int, columns: int) -> torch.Tensor:
    """Draw a matrix over the whole of int8, or over the part of float8 that activations use."""
    if element == torch.int8:
        return torch.randint(-128, 128, (rows, columns), dtype=torch.int8, device="cuda")
    return (torch.randn(rows, columns, device="cuda") * 64).clamp(-448, 448).to(element)


def multiply(problem: dict[str, Any]) -> torch.Tensor:
    is_int8 = problem["mat_b"].dtype == torch.int8
    return (warpwright.int8_scaled_mm if is_int8 else warpwright.fp8_scaled_mm)(**problem)


def make(element: torch.dtype, m: int, n: int, k: int, dtype: torch.dtype, *, bias: bool = False) -> dict[str, Any]:
    """Draw a problem whose results stay in float16's range."""
    return {
        "mat_a": draw(element, m, k),
        "mat_b": draw(element, n, k).t(),
        "scales_a": torch.rand(m, 1, device="cuda") / k**0.5,
        "scales_b": torch.rand(n, 1, device="cuda") / 128,
        "out_dtype": dtype,
        "bias": torch.randn(n, device="cuda").to(dtype) if bias else None,
    }


def exact(problem: dict[str, Any]) -> torch.Tensor:
    total = problem["mat_a"].double() @ problem["mat_b"].double()
    scaled = total * problem["scales_b"].double().reshape(1, -1) * problem["scales_a"].double().reshape(-1, 1)
    return scaled if problem["bias"] is None else scaled + problem["bias"].double()


def near(found: torch.Tensor, problem: dict[str, Any]) -> None:
    expected, tolerance = exact(problem), ROUNDING[found.dtype]
    largest = expected.abs().max().item() if expected.numel() else 0.0
    accumulation = largest * ACCUMULATION[problem["mat_b"].dtype]
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=accumulation)


def poison_the_allocator(m: int, n: int, dtype: torch.dtype) -> None:
    """Leave NaNs in the memory that the output will most likely get, so that an unwritten element shows."""
    torch.full((m, n), torch.nan, dtype=dtype, device="cuda")


@each_element
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_product_is_near_float64(
    element: torch.dtype, shape: tuple[int, int, int], dtype: torch.dtype, bias: bool
) -> None:
    m, n, k = shape
    problem = make(element, m, n, k, dtype, bias=bias)
    poison_the_allocator(m, n, dtype)
    out = multiply(problem)
    assert (out.shape, out.dtype, out.is_contiguous()) == ((m, n), dtype, True)
    near(out, problem)


@each_element
@pytest.mark.parametrize("m", range(131))
def test_every_small_m_is_right(element: torch.dtype, m: int) -> None:
    problem = make(element, m, 136, 192, torch.bfloat16, bias=True)
    poison_the_allocator(m, 136, torch.bfloat16)
    out = multiply(problem)
    assert out.shape == (m, 136)
    near(out, problem)


def tiles(element: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of all tiles of the path that runs here, from the refusal of one that is not there."""
    monkeypatch.setenv("WARPWRIGHT_FORCE_TILE", "none")
    with pytest.raises(RuntimeError, match="names no tile of this SM path, which has ") as refused:
        multiply(make(element, 1, 128, 128, torch.float16))
    names = re.sub(".*which has ", "", str(refused.value)).strip().split(", ")
    assert len(names) > 2
    return names


TILE_SHAPES = [
    pytest.param((1, 8, 16), id="smallest"),
    pytest.param((77, 264, 400), id="odd"),
    pytest.param((300, 1000, 1152), id="some-tiles"),
    pytest.param((640, 3072, 384), id="many-tiles"),
]


@each_element
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", TILE_SHAPES)
def test_every_tile_is_right(
    monkeypatch: pytest.MonkeyPatch, element: torch.dtype, shape: tuple[int, int, int], dtype: torch.dtype
) -> None:
    m, n, k = shape
    for tile in tiles(element, monkeypatch):
        monkeypatch.setenv("WARPWRIGHT_FORCE_TILE", tile)
        problem = make(element, m, n, k, dtype, bias=True)
        poison_the_allocator(m, n, dtype)
        near(multiply(problem), problem)


@each_element
@pytest.mark.parametrize("which", ["a", "b", "both"])
def test_one_scale_serves_a_whole_matrix(element: torch.dtype, which: str) -> None:
    problem = make(element, 40, 64, 256, torch.float16)
    for name in ("a", "b"):
        if which in (name, "both"):
            problem[f"scales_{name}"] = torch.full((1,), 0.003, device="cuda")
    near(multiply(problem), problem)


@each_element
@pytest.mark.parametrize("m", [1, 20, 200])
def test_slices_of_wider_matrices_are_read_in_place(element: torch.dtype, m: int) -> None:
    problem = make(element, m, 64, 256, torch.bfloat16)
    wide_a = draw(element, m + 3, 512)
    wide_b = draw(element, 72, 528)
    problem["mat_a"], problem["mat_b"] = wide_a[3:, 16:272], wide_b[8:, 32:288].t()
    near(multiply(problem), problem)


@each_element
@pytest.mark.parametrize("shape", [(0, 64, 32), (4, 0, 32)], ids=["no-rows", "no-columns"])
def test_empty_products_are_no_ops(element: torch.dtype, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    assert multiply(make(element, m, n, k, torch.float16)).shape == (m, n)


@each_element
def test_an_empty_sum_is_the_bias(element: torch.dtype) -> None:
    problem = make(element, 4, 16, 0, torch.float16, bias=True)
    problem["scales_a"] = torch.ones(4, device="cuda")
    assert torch.equal(multiply(problem), problem["bias"].expand(4, 16))
    standing = problem | {
        "bias": problem["bias"].reshape(16, 1),
        "scales_b": torch.full((1,), torch.nan, device="cuda"),
    }
    assert torch.equal(multiply(standing), problem["bias"].expand(4, 16))


def crossed(x: torch.Tensor) -> torch.Tensor:
    return x.t().contiguous().t()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mat_a", lambda x: x.float(), "mat_a has dtype float32, expected int8"),
        ("mat_a", lambda x: x.cpu(), "mat_b is on cuda:0 and mat_a on cpu"),
        ("mat_a", lambda x: x[0], r"mat_a has 1 dimensions, shape \(64,\); expected 2"),
        ("mat_a", lambda x: x[:, :40], "mat_b has shape .*expected 40"),
        ("mat_a", crossed, r"mat_a has strides \(1, 8\), expected row-major"),
        ("mat_b", lambda x: x.contiguous(), r"mat_b has strides \(32, 1\), expected column-major"),
        ("mat_b", lambda x: x.cpu(), "mat_b is on cpu and mat_a on cuda:0"),
        ("mat_b", lambda x: x[:, :12], "N, the columns of mat_b, is 12, expected a multiple of 8"),
        ("scales_a", lambda x: x.half(), "scales_a has dtype float16, expected float32"),
        ("scales_a", lambda x: x[:7], r"scales_a has shape \(7, 1\) with 7 elements, expected 8"),
        ("scales_b", lambda x: torch.cat([x, x])[::2], "scales_b has shape .* expected a contiguous tensor"),
        ("out_dtype", lambda _: torch.float32, "out_dtype has dtype float32, expected float16 or bfloat16"),
        ("bias", lambda x: x.bfloat16(), "bias has dtype bfloat16, expected float16"),
        ("bias", lambda x: x[:8], r"bias has shape \(8,\) with 8 elements, expected 32"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_wrong_arguments_are_refused_by_name(name: str, change: Any, message: str) -> None:
    problem = make(torch.int8, 8, 32, 64, torch.float16, bias=True)
    problem[name] = change(problem[name])
    with pytest.raises(RuntimeError, match=message):
        multiply(problem)


def test_k_that_is_no_multiple_of_16_is_refused() -> None:
    with pytest.raises(RuntimeError, match="K, the columns of mat_a, is 40, expected a multiple of 16"):
        multiply(make(torch.int8, 8, 32, 40, torch.float16))


def test_rows_that_are_not_aligned_are_refused() -> None:
    problem = make(torch.int8, 8, 32, 64, torch.float16)
    problem["mat_a"] = torch.zeros(8, 72, dtype=torch.int8, device="cuda")[:, :64]
    with pytest.raises(RuntimeError, match="the stride of mat_a in dimension 0 is 72, expected a multiple of 16"):
        multiply(problem)
    problem["mat_a"] = torch.zeros(8, 128, dtype=torch.int8, device="cuda")[:, 8:72]
    with pytest.raises(RuntimeError, match="mat_a starts 8 bytes past a multiple of 16"):
        multiply(problem)

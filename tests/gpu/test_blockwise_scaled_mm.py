"""fp8_blockwise_scaled_mm on the GPU, against float64, with fresh random inputs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import warpwright

pytestmark = pytest.mark.operator("fp8_blockwise_scaled_mm")

BLOCK = 128
# Half a unit in the last place, relative, and as much again for the float32 sums.
ROUNDING = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}
# Relative to the largest result: the products of one block keep 14 bits of the largest term's mantissa in the tensor
# core (DeepSeek-V3, arXiv:2412.19437, section 3.3.2); the blocks themselves are added in float32.
ACCUMULATION = 2.0**-10
DTYPES = [torch.float16, torch.bfloat16]
SHAPES = [
    (1, 128, 128), (7, 8, 16), (16, 256, 512), (33, 264, 48), (64, 4096, 4096), (130, 1032, 272), (257, 512, 4096),
    (512, 384, 1040), (1024, 4096, 512), (2049, 264, 144),
]  # fmt: skip


def blocks(size: int) -> int:
    return -(-size // BLOCK)


def draw(rows: int, columns: int) -> torch.Tensor:
    return (torch.randn(rows, columns, device="cuda") * 64).clamp(-448, 448).to(torch.float8_e4m3fn)


def make(m: int, n: int, k: int, dtype: torch.dtype) -> dict[str, Any]:
    """Draw a problem whose results stay in float16's range, with the scales as the peer library lays them out."""
    return {
        "mat_a": draw(m, k),
        "mat_b": draw(n, k).t(),
        "scales_a": torch.rand(blocks(k), m, device="cuda").t() / k**0.5,
        "scales_b": torch.rand(blocks(n), blocks(k), device="cuda").t() / 128,
        "out_dtype": dtype,
    }


def exact(problem: dict[str, Any]) -> torch.Tensor:
    k, n = problem["mat_b"].shape
    a = problem["mat_a"].double() * problem["scales_a"].double().repeat_interleave(BLOCK, 1)[:, :k]
    scales_b = problem["scales_b"].double().repeat_interleave(BLOCK, 0)[:k].repeat_interleave(BLOCK, 1)[:, :n]
    return a @ (problem["mat_b"].double() * scales_b)


def check(problem: dict[str, Any]) -> None:
    m, n = problem["mat_a"].shape[0], problem["mat_b"].shape[1]
    # NaNs in the memory that the output will most likely get: an unwritten element shows.
    torch.full((m, n), torch.nan, dtype=problem["out_dtype"], device="cuda")
    out = warpwright.fp8_blockwise_scaled_mm(**problem)
    assert (out.shape, out.dtype, out.is_contiguous()) == ((m, n), problem["out_dtype"], True)
    expected = exact(problem)
    largest = expected.abs().max().item() if expected.numel() else 0.0
    torch.testing.assert_close(out.double(), expected, rtol=ROUNDING[out.dtype], atol=largest * ACCUMULATION)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_product_is_near_float64(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    check(make(*shape, dtype))


@pytest.mark.parametrize("m", range(131))
def test_every_small_m_is_right(m: int) -> None:
    check(make(m, 136, 400, torch.bfloat16))


TILE_SHAPES = [
    pytest.param((1, 8, 16), id="smallest"),
    pytest.param((77, 264, 400), id="odd"),
    pytest.param((300, 1000, 1152), id="some-tiles"),
    pytest.param((640, 3072, 384), id="many-tiles"),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", TILE_SHAPES)
def test_every_tile_is_right(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    for tile in tiles(monkeypatch):
        monkeypatch.setenv("WARPWRIGHT_FORCE_TILE", tile)
        check(make(*shape, dtype))


def tiles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of all tiles of the path that runs here, from the refusal of one that is not there."""
    monkeypatch.setenv("WARPWRIGHT_FORCE_TILE", "none")
    with pytest.raises(RuntimeError, match="names no tile of this SM path, which has ") as refused:
        warpwright.fp8_blockwise_scaled_mm(**make(1, 128, 128, torch.float16))
    names = re.sub(".*which has ", "", str(refused.value)).strip().split(", ")
    assert len(names) > 2
    return names


@pytest.mark.parametrize("m", [1, 20, 200])
def test_slices_of_wider_matrices_are_read_in_place(m: int) -> None:
    problem = make(m, 264, 400, torch.bfloat16)
    problem["mat_a"], problem["mat_b"] = draw(m + 3, 512)[3:, 16:416], draw(272, 528)[8:, 32:432].t()
    check(problem)


@pytest.mark.parametrize("m", [3, 130])
def test_scales_are_right_at_any_strides(m: int) -> None:
    problem = make(m, 264, 400, torch.float16)
    problem["scales_a"] = problem["scales_a"].contiguous()
    problem["scales_b"] = problem["scales_b"].contiguous()
    check(problem)
    problem["scales_a"] = (torch.rand(2 * m, 9, device="cuda") / 400**0.5)[::2, 1::2]
    problem["scales_b"] = (torch.rand(1, 1, device="cuda") / 128).expand(4, 3)
    check(problem)


@pytest.mark.parametrize("shape", [(0, 64, 32), (4, 0, 32)], ids=["no-rows", "no-columns"])
def test_empty_products_are_no_ops(shape: tuple[int, int, int]) -> None:
    check(make(*shape, torch.float16))


def test_an_empty_sum_is_zero() -> None:
    out = warpwright.fp8_blockwise_scaled_mm(**make(4, 16, 0, torch.float16))
    assert torch.equal(out, torch.zeros(4, 16, dtype=torch.float16, device="cuda"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mat_a", lambda x: x.float(), "mat_a has dtype float32, expected float8_e4m3fn"),
        ("mat_b", lambda x: x.contiguous(), "mat_b has strides .* expected column-major"),
        ("mat_b", lambda x: x[:, :12], "N, the columns of mat_b, is 12, expected a multiple of 8"),
        ("scales_a", lambda x: x[:7], r"scales_a has shape \(7, 4\): size 7 in dimension 0, expected 8"),
        ("scales_a", lambda x: x[:, :3], "size 3 in dimension 1, expected 4 .one for each 128 columns of mat_a"),
        ("scales_a", lambda x: x.half(), "scales_a has dtype float16, expected float32"),
        ("scales_b", lambda x: x.t(), r"scales_b has shape \(3, 4\): size 3 in dimension 0, expected 4"),
        ("scales_b", lambda x: x.cpu(), "scales_b is on cpu and mat_a on cuda:0"),
        ("out_dtype", lambda _: torch.float32, "out_dtype has dtype float32, expected float16 or bfloat16"),
    ],
    ids=["dtype", "layout", "N", "rows", "blocks", "scales-dtype", "transposed", "device", "out-dtype"],
)
def test_wrong_arguments_are_refused_by_name(name: str, change: Any, message: str) -> None:
    problem = make(8, 264, 400, torch.float16)
    problem[name] = change(problem[name])
    with pytest.raises(RuntimeError, match=message):
        warpwright.fp8_blockwise_scaled_mm(**problem)

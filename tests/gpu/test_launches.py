"""No size leaves a part of an output unwritten, also where a grid or a GPU has not enough of a dimension."""

from __future__ import annotations

import pytest
import torch

import warpwright
from tiles import PRODUCTS, Product, each_product, forced_tile


def poisoned(*shape: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    return torch.full(shape, torch.nan, dtype=dtype, device="cuda")


def words(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-(2**31), 2**31, (rows, columns), dtype=torch.int32, device="cuda")


def free_memory(needed: int) -> None:
    """Skip where the GPU has too little memory left, which other processes may have taken."""
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    if free < needed:
        pytest.skip(f"needs {needed >> 30} GiB of GPU memory, {free >> 30} are free")


@pytest.mark.operator("rmsnorm")
@pytest.mark.parametrize("rows", [2**31 - 1, 2**31 + 5], ids=["limit", "beyond"])
def test_rmsnorm_writes_all_rows_that_a_grid_has_and_more(rows: int) -> None:
    free_memory(14 << 30)
    x = torch.empty(rows, 1, dtype=torch.float16, device="cuda").fill_(3)
    x[-1000:] = -2
    out = poisoned(rows, 1)
    warpwright.rmsnorm(x, torch.ones(1, device="cuda").half(), 0.0, out=out)
    assert bool((out[:-1000] == 1).all())
    assert bool((out[-1000:] == -1).all())


@pytest.mark.operator("silu_and_mul")
@pytest.mark.parametrize("rows", [65535, 65536, 200_000], ids=str)
def test_silu_and_mul_writes_all_rows_that_a_grid_has_and_more(rows: int) -> None:
    x, out = torch.randn(rows, 16, device="cuda").half(), poisoned(rows, 8)
    warpwright.silu_and_mul(x, out=out)
    gate, value = x.double().chunk(2, -1)
    torch.testing.assert_close(out.double(), gate / (1 + (-gate).exp()) * value, rtol=2.0**-10, atol=2.0**-13)


def same_at_the_end(whole: torch.Tensor, part: torch.Tensor) -> None:
    assert torch.equal(whole[:, -part.shape[1] :], part)


@pytest.mark.operator("awq_dequantize")
@pytest.mark.parametrize("n", [65535 * 256 * 8, 65536 * 256 * 8 + 64], ids=["limit", "beyond"])
def test_awq_dequantize_writes_all_columns(n: int) -> None:
    weights, scales, zeros = words(1, n // 8), torch.rand(1, n, device="cuda").half(), words(1, n // 8)
    poisoned(1, n)  # what torch's allocator will most likely give to the output
    whole = warpwright.awq_dequantize(weights, scales, zeros)
    ends = (tensor[:, -columns:].contiguous() for tensor, columns in ((weights, 800), (scales, 6400), (zeros, 800)))
    same_at_the_end(whole, warpwright.awq_dequantize(*ends))


@pytest.mark.operator("gptq_marlin_dequantize")
@pytest.mark.parametrize(
    "n", [65535 * 8 * 64, 65535 * 8 * 64 + 64, 2 * 65535 * 8 * 64 + 64], ids=["limit", "beyond", "twice"]
)
def test_gptq_marlin_dequantize_writes_all_columns(n: int) -> None:
    free_memory(8 << 30)
    weights, scales = words(1, 2 * n), torch.rand(1, n, device="cuda").half()
    poisoned(16, n)
    whole = torch.ops.warpwright.gptq_marlin_dequantize(weights, scales, None, None)
    assert not bool(whole[:, -1000:].isnan().any())
    columns = 64 * 100
    part = torch.ops.warpwright.gptq_marlin_dequantize(
        weights[:, -2 * columns :].contiguous(), scales[:, -columns:].contiguous(), None, None
    )
    same_at_the_end(whole, part)
    middle = slice(n // 2 // 64 * 64, n // 2 // 64 * 64 + 64)
    part = torch.ops.warpwright.gptq_marlin_dequantize(
        weights[:, 2 * middle.start : 2 * middle.stop].contiguous(), scales[:, middle].contiguous(), None, None
    )
    assert torch.equal(whole[:, middle], part)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param("gptq_marlin_repack", 2, marks=pytest.mark.operator("gptq_marlin_repack"), id="gptq"),
        pytest.param("awq_marlin_repack", 16, marks=pytest.mark.operator("awq_marlin_repack"), id="awq"),
    ],
)
@pytest.mark.parametrize("n", [2**27, 2**27 + 64], ids=["limit", "beyond"])
def test_repack_writes_all_columns(name: str, rows: int, n: int) -> None:
    free_memory(5 << 30)
    each = n if rows == 2 else n // 8
    weights, none = words(rows, each), torch.empty(0, dtype=torch.int32, device="cuda")

    def repack(packed: torch.Tensor, columns: int) -> torch.Tensor:
        order = [none] if rows == 2 else []
        found: torch.Tensor = getattr(warpwright, name)(packed, *order, 16, columns, 4)
        return found

    same_at_the_end(repack(weights, n), repack(weights[:, -each * 640 // n :].contiguous(), 640))


@pytest.mark.operator("gptq_marlin_dequantize")
@pytest.mark.parametrize(
    ("m", "n"), [(1, 65535 * 128), (33, 65536 * 128 + 64), (2_097_120, 64), (2_097_185, 64)], ids=str
)
def test_gptq_marlin_gemm_writes_all_columns_and_tokens(m: int, n: int) -> None:
    a, weights, scales = (
        torch.randn(m, 16, device="cuda").half(),
        words(1, 2 * n),
        torch.rand(1, n, device="cuda").half(),
    )

    def multiply(tokens: torch.Tensor, packed: torch.Tensor, each: torch.Tensor) -> torch.Tensor:
        rows, columns = tokens.shape[0], each.shape[1]
        out = poisoned(rows, columns)
        return warpwright.gptq_marlin_gemm(
            tokens, out, packed, each, None, None, None, None, None, "uint4b8", rows, columns, 16
        )

    whole = multiply(a, weights, scales)
    columns = min(n, 6400)
    part = multiply(a[-100:], weights[:, -2 * columns :].contiguous(), scales[:, -columns:].contiguous())
    torch.testing.assert_close(whole[-100:, -columns:], part, rtol=2.0**-9, atol=2.0**-9)
    assert not bool(whole[0].isnan().any())


# Its kernel's grid has a row of blocks for each 64 columns; only a forced name reaches it with so many.
NARROW = ("warp_specialized_64x64x128_2x1", 65535 * 64)
LIMITS = [
    pytest.param((3, 65535 * 64, 16), id="columns-limit"),
    pytest.param((3, 65536 * 64 + 8, 16), id="columns-beyond"),
    pytest.param((65535 * 128, 8, 16), id="rows-limit"),
    pytest.param((65536 * 128 + 1, 8, 16), id="rows-beyond"),
]


@each_product
@pytest.mark.parametrize("shape", LIMITS)
def test_every_tile_writes_all_rows_and_columns(product: Product, shape: tuple[int, int, int]) -> None:
    free_memory(4 << 30)
    problem = product.make(*shape)
    expected = product.exact(problem)
    for tile in product.tiles():
        poisoned(*shape[:2], dtype=torch.bfloat16)
        with forced_tile(tile):
            if tile == NARROW[0] and shape[1] > NARROW[1]:
                with pytest.raises(RuntimeError, match="the problem needs more blocks than a grid has"):
                    product.run(problem)
                continue
            found = product.run(problem)
        product.near_to(found, expected, shape[2])


@each_product
def test_the_most_columns_are_written_and_more_are_refused(product: Product) -> None:
    free_memory(8 << 30)
    most = 65535 * 8 * 64
    problem = product.make(1, most, 16)
    whole = product.run(problem)
    assert not bool(whole.isnan().any())
    product.near(whole[:, -1024:], ends_of(problem, 1024))
    del problem, whole
    with pytest.raises(RuntimeError, match=f"N, the columns of mat_b, is {most + 8}, expected at most {most}"):
        product.run(product.make(1, most + 8, 16))


def ends_of(problem: dict[str, torch.Tensor], columns: int) -> dict[str, torch.Tensor]:
    """Return the problem of the last columns."""
    part = dict(problem)
    part["mat_b"] = problem["mat_b"][:, -columns:]
    is_block_wise = problem["scales_b"].dim() == 2
    part["scales_b"] = problem["scales_b"][:, -columns // 128 :] if is_block_wise else problem["scales_b"][-columns:]
    if "bias" in problem:
        part["bias"] = problem["bias"][-columns:]
    return part


@pytest.mark.operator("int8_scaled_mm")
@pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
def test_the_longest_sum_of_int8_products_is_right_on_every_tile(sign: int) -> None:
    k, product = 131056, PRODUCTS[0]
    problem = product.make(3, 64, k) | {
        "scales_a": torch.ones(3, device="cuda"),
        "scales_b": torch.ones(64, device="cuda"),
    }
    problem["mat_a"].fill_(-128)
    problem["mat_b"].fill_(-128 if sign > 0 else 127)
    expected = torch.full((3, 64), -128.0 * (-128 if sign > 0 else 127) * k, device="cuda").bfloat16()
    for tile in product.tiles():
        with forced_tile(tile):
            assert torch.equal(product.run(problem | {"bias": None}), expected), tile
    longer = product.make(1, 8, k + 16)
    with pytest.raises(RuntimeError, match="K, the columns of mat_a, is 131072, expected at most 131056"):
        product.run(longer)

"""The quantised products: every tile, every small number of tokens, and scales as callers lay them out."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from tiles import Product, each_product, forced_tile
from warpwright.contract import each
from warpwright.draw import poison_of, widened

SHAPES = [
    pytest.param((1, 8, 16), id="smallest"),
    pytest.param((77, 264, 400), id="odd"),
    pytest.param((300, 1000, 1152), id="some-tiles"),
    pytest.param((640, 3072, 384), id="many-tiles"),
]


def poison_what_comes_next(m: int, n: int, dtype: torch.dtype) -> None:
    """Leave NaNs in the memory that the output will most likely get, so that an unwritten element shows."""
    torch.full((m, n), poison_of(dtype), dtype=dtype, device="cuda")


@each_product
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_tile_is_right(product: Product, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    for tile in product.tiles():
        call = product.make(*shape, dtype)
        poison_what_comes_next(*shape[:2], dtype)
        with forced_tile(tile):
            product.near(product.run(call), call)


@each_product
@pytest.mark.parametrize("k", [192, 400])
def test_every_small_number_of_tokens_is_right(product: Product, k: int) -> None:
    for m in range(131):
        call = product.make(m, 136, k)
        poison_what_comes_next(m, 136, torch.bfloat16)
        product.near(product.run(call), call)


@each_product
@pytest.mark.parametrize("shape", [(257, 512, 1040), (512, 384, 1040), (1024, 4096, 512), (2049, 264, 144)], ids=str)
def test_many_tokens_are_right(product: Product, shape: tuple[int, int, int]) -> None:
    call = product.make(*shape)
    poison_what_comes_next(*shape[:2], torch.bfloat16)
    product.near(product.run(call), call)


@each_product
@pytest.mark.parametrize("m", [1, 20, 200])
def test_every_tile_reads_slices_of_wider_matrices_in_place(product: Product, m: int) -> None:
    wide = partial(widened, start=16, after=32)
    for tile in product.tiles():
        call = product.make(m, 264, 400)
        call |= each(mat_a=wide, mat_b=wide)(call)
        with forced_tile(tile):
            product.near(product.run(call), call)


@each_product
def test_a_long_sum_keeps_what_the_tensor_core_keeps(product: Product) -> None:
    """A float8 sum drops what is below 14 bits of its largest term with every 32 elements, always downwards."""
    call = product.make(64, 4096, 4096)
    expected = product.exact(call)
    off = (product.run(call).double() - expected).abs().max() / expected.abs().max()
    assert float(off) <= 2.0**-8 + 128 * 2.0**-14

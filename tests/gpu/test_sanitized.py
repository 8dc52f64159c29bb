"""Every tile, and orders of weights, small enough for compute-sanitizer: parts of tiles, slices, odd addresses."""

from __future__ import annotations

import pytest
import torch

import warpwright
from tiles import Product, each_product, forced_tile

pytestmark = pytest.mark.sanitized


@each_product
@pytest.mark.parametrize("shape", [(1, 8, 16), (77, 264, 400), (300, 520, 272)], ids=["smallest", "odd", "tiles"])
def test_a_product_runs_on_every_tile(product: Product, shape: tuple[int, int, int]) -> None:
    problem = product.make(*shape)
    for tile in product.tiles():
        with forced_tile(tile):
            product.near(product.run(problem), problem)


@pytest.mark.operator("gptq_marlin_dequantize")
@pytest.mark.parametrize("m", [1, 9, 17, 130])
@pytest.mark.parametrize("order", ["none", "perm", "groups", "outside"])
def test_weights_of_4_bits(m: int, order: str) -> None:
    k, n = 272, 192
    words = torch.randint(-(2**31), 2**31, (k // 16, 2 * n), dtype=torch.int32, device="cuda")
    scales = torch.rand(17, n, device="cuda").half()
    perm = torch.randperm(k, device="cuda").int() + (10**9 if order == "outside" else 0)
    g_idx = torch.arange(k, device="cuda", dtype=torch.int32) // 16 - (3 if order == "outside" else 0)
    wide = torch.randn(m, k + 3, device="cuda").half()
    out = torch.empty(m, n, device="cuda").half()
    torch.ops.warpwright.gptq_marlin_gemm(
        out, wide[:, 1 : k + 1], words, scales, None, g_idx if order in ("groups", "outside") else None,
        None if order == "none" else perm,
    )  # fmt: skip
    assert bool(out.isnan().all()) == (order == "outside")


@pytest.mark.operator("gptq_marlin_repack")
@pytest.mark.parametrize("wrong", [None, -1, 128, 10**9])
def test_an_order_that_leaves_the_weights_reads_nothing(wrong: int | None) -> None:
    words = torch.randint(-(2**31), 2**31, (16, 64), dtype=torch.int32, device="cuda")
    perm = torch.randperm(128, device="cuda").int()
    if wrong is None:
        assert warpwright.gptq_marlin_repack(words, perm, 128, 64, 4).shape == (8, 128)
        return
    perm[77] = wrong
    with pytest.raises(RuntimeError, match=f"perm has {wrong} at position 77, expected a row of the weights: 0 to 127"):
        warpwright.gptq_marlin_repack(words, perm, 128, 64, 4)

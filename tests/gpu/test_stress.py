"""Every tile of every table under stress: the shortest k, many tiles for each CTA, beside copies on another stream.

A buffer that is used again too early shows where a tile's products take less time than what it leaves behind, and not
in every run: so each tile runs thirty times, and every run has to give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

import warpwright
from tiles import Product, each_product, forced_tile

RUNS = 30
SHAPES = [
    pytest.param((4129, 8264, 16), id="many-tiles"),
    pytest.param((2065, 16392, 144), id="two-steps"),
    pytest.param((129, 65544, 16), id="few-tokens"),
]


@contextmanager
def copies_beside() -> Iterator[Callable[[], None]]:
    """Return a function that sets copies on their way, on a stream of their own."""
    stream, source = torch.cuda.Stream(), torch.empty(64 << 20, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)

    def copy() -> None:
        with torch.cuda.stream(stream):
            for _ in range(4):
                target.copy_(source, non_blocking=True)

    torch.cuda.synchronize()
    yield copy
    stream.synchronize()


def differing_runs(call: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Run a call often; return its first result and how many others were not the same bits.

    Before each, the memory that its output will most likely get is filled with NaNs: that of the run before has the
    right bits in it.
    """
    with copies_beside() as copy:
        copy()
        first = call()
        different = torch.zeros((), dtype=torch.int64, device="cuda")
        for _ in range(RUNS - 1):
            torch.full_like(first, torch.nan)
            copy()
            different += (call().view(torch.int16) != first.view(torch.int16)).any()
    return first, int(different)


@each_product
@pytest.mark.parametrize("shape", SHAPES)
def test_every_tile_gives_the_same_bits_in_every_run(product: Product, shape: tuple[int, int, int]) -> None:
    found: dict[str, int] = {}
    for tile in product.tiles():
        problem = product.make(*shape)
        with forced_tile(tile):
            first, found[tile] = differing_runs(lambda problem=problem: product.run(problem))  # type: ignore[misc]
        if found[tile] == 0:
            product.near(first, problem)
    assert not any(found.values()), f"of {RUNS} runs were different: {found}"


@pytest.mark.operator("gptq_marlin_dequantize")
@pytest.mark.parametrize("m", [5, 13, 40, 128], ids="m={}".format)
@pytest.mark.parametrize("k", [16, 48], ids="k={}".format)
@pytest.mark.parametrize("kind", ["uint4b8", "uint4"])
def test_every_block_of_tokens_gives_the_same_bits_in_every_run(m: int, k: int, kind: str) -> None:
    n = 64 * 2003
    a = torch.randn(m, k, device="cuda").half()
    words = torch.randint(-(2**31), 2**31, (k // 16, 2 * n), dtype=torch.int32, device="cuda")
    scales = torch.rand(1, n, device="cuda").half() / 8
    zeros = torch.randint(-(2**31), 2**31, (1, n // 8), dtype=torch.int32, device="cuda") if kind == "uint4" else None

    def call() -> torch.Tensor:
        return warpwright.gptq_marlin_gemm(
            a, None, words, scales, None, zeros, None, None, None, kind, m, n, k
        )  # fmt: skip

    first, different = differing_runs(call)
    assert different == 0
    full = torch.ops.warpwright.gptq_marlin_dequantize(words, scales, zeros, None)
    expected = a.double() @ full.double()
    torch.testing.assert_close(first.double(), expected, rtol=2.0**-10, atol=2.0**-10 * float(expected.abs().max()))

"""The quantised products on every tile of the path that runs here, and what they are in float64."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

import warpwright

BLOCK = 128

Problem = dict[str, Any]


def int8(rows: int, columns: int) -> torch.Tensor:
    return torch.randint(-128, 128, (rows, columns), dtype=torch.int8, device="cuda")


def fp8(rows: int, columns: int) -> torch.Tensor:
    return (torch.randn(rows, columns, device="cuda") * 64).clamp(-448, 448).to(torch.float8_e4m3fn)


def row_wise(draw: Callable[[int, int], torch.Tensor], m: int, n: int, k: int) -> Problem:
    """Draw a problem whose results stay in float16's range."""
    return {
        "mat_a": draw(m, k),
        "mat_b": draw(n, k).t(),
        "scales_a": torch.rand(m, device="cuda") / k**0.5,
        "scales_b": torch.rand(n, device="cuda") / 128,
        "out_dtype": torch.bfloat16,
        "bias": torch.randn(n, device="cuda").bfloat16(),
    }


def block_wise(m: int, n: int, k: int) -> Problem:
    k_blocks, n_blocks = -(-k // BLOCK), -(-n // BLOCK)
    return {
        "mat_a": fp8(m, k),
        "mat_b": fp8(n, k).t(),
        "scales_a": torch.rand(k_blocks, m, device="cuda").t() / k**0.5,
        "scales_b": torch.rand(n_blocks, k_blocks, device="cuda").t() / 128,
        "out_dtype": torch.bfloat16,
    }


def row_wise_exact(problem: Problem) -> torch.Tensor:
    total = problem["mat_a"].double() @ problem["mat_b"].double()
    return total * problem["scales_b"].double() * problem["scales_a"].double()[:, None] + problem["bias"].double()


def block_wise_exact(problem: Problem) -> torch.Tensor:
    k, n = problem["mat_b"].shape
    a = problem["mat_a"].double() * problem["scales_a"].double().repeat_interleave(BLOCK, 1)[:, :k]
    scales_b = problem["scales_b"].double().repeat_interleave(BLOCK, 0)[:k].repeat_interleave(BLOCK, 1)[:, :n]
    return a @ (problem["mat_b"].double() * scales_b)


@dataclass(frozen=True)
class Product:
    """A product with a table of tiles; ``accumulation`` is what its sums may be off by, relative to the largest."""

    name: str
    make: Callable[[int, int, int], Problem] = field(repr=False)
    exact: Callable[[Problem], torch.Tensor] = field(repr=False)
    accumulation: float

    def run(self, problem: Problem) -> torch.Tensor:
        out: torch.Tensor = getattr(warpwright, self.name)(**problem)
        return out

    def near(self, found: torch.Tensor, problem: Problem) -> None:
        """Allow the last rounding and as much again, and the sums what the tensor core drops."""
        expected = self.exact(problem)
        largest = float(expected.abs().max())
        torch.testing.assert_close(found.double(), expected, rtol=2.0**-7, atol=largest * self.accumulation)

    def tiles(self) -> list[str]:
        """Return the names of all tiles of the path that runs here, from the refusal of one that is not there."""
        with forced_tile("none"), pytest.raises(RuntimeError, match="names no tile of this SM path") as refused:
            self.run(self.make(1, 128, 128))
        names = re.sub(".*which has ", "", str(refused.value)).strip().split(", ")
        assert len(names) > 2
        return names


# int32 sums are exact; float8 sums keep 14 bits in the tensor core (DeepSeek-V3, arXiv:2412.19437, section 3.3.2).
PRODUCTS = [
    Product("int8_scaled_mm", lambda m, n, k: row_wise(int8, m, n, k), row_wise_exact, 2.0**-20),
    Product("fp8_scaled_mm", lambda m, n, k: row_wise(fp8, m, n, k), row_wise_exact, 2.0**-10),
    Product("fp8_blockwise_scaled_mm", block_wise, block_wise_exact, 2.0**-10),
]
each_product = pytest.mark.parametrize(
    "product", [pytest.param(each, id=each.name, marks=pytest.mark.operator(each.name)) for each in PRODUCTS]
)


@contextmanager
def forced_tile(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARPWRIGHT_FORCE_TILE", name)
        yield

"""The quantised products on every tile of the path that runs here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
import torch

from contracts.cases import OPERATORS
from contracts.results import exact, near, run
from warpwright.contract import Arguments, Contract
from warpwright.draw import Draw

SHORT, OF_SHORT = 512, 2.0**-10
"""16 times 32 elements, with each of which a float8 sum drops what is below 14 bits of its largest term."""


@dataclass(frozen=True)
class Product:
    """A product with a table of tiles."""

    contract: Contract

    @property
    def name(self) -> str:
        return self.contract.name

    def make(self, m: int, n: int, k: int, dtype: torch.dtype = torch.bfloat16) -> Arguments:
        """Draw a call, another one each time."""
        fresh = Draw("cuda", int(torch.randint(2**31, ())))
        return self.contract.make(fresh, m=m, n=n, k=k, dtype=dtype)

    def run(self, call: Arguments) -> torch.Tensor:
        return run(self.contract, call)[0]

    def exact(self, call: Arguments) -> torch.Tensor:
        found: torch.Tensor = exact(self.contract, call)[0]
        return found

    def near(self, found: torch.Tensor, call: Arguments) -> None:
        self.near_to(found, self.exact(call), call["mat_a"].shape[1])

    def near_to(self, found: torch.Tensor, expected: torch.Tensor, k: int) -> None:
        """Hold a result against what it is; of a sum of up to 512 the tensor core drops less than of a longer one."""
        tolerance = self.contract.tolerance
        if k <= SHORT:
            tolerance = replace(tolerance, of_largest=min(tolerance.of_largest, OF_SHORT))
        near(replace(self.contract, tolerance=tolerance), found, expected)

    def tiles(self) -> list[str]:
        """Return the names of all tiles of the path that runs here, from the refusal of one that is not there."""
        with forced_tile("none"), pytest.raises(RuntimeError, match="names no tile of this SM path") as refused:
            self.run(self.make(1, 128, 128))
        names = re.sub(".*which has ", "", str(refused.value)).strip().split(", ")
        assert len(names) > 2
        return names


PRODUCTS = [Product(OPERATORS[name]) for name in ("int8_scaled_mm", "fp8_scaled_mm", "fp8_blockwise_scaled_mm")]
each_product = pytest.mark.parametrize(
    "product", [pytest.param(each, id=each.name, marks=pytest.mark.operator(each.name)) for each in PRODUCTS]
)


@contextmanager
def forced_tile(name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARPWRIGHT_FORCE_TILE", name)
        yield

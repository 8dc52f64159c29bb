"""The quantised products on every tile of the path that runs here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch

from contracts.cases import OPERATORS
from contracts.results import exact, near, run
from warpwright.contract import Arguments, Contract
from warpwright.draw import Draw


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
        near(self.contract, found, self.exact(call))

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

"""Where operators live, and how their public functions come into the package: each when it is first asked for.

A family is a package beside this module, and an operator is a module of it whose name has no leading underscore.
Nothing here knows an operator by name, and the import of warpwright reads no more of them than their files' names: it
has to take no longer for a hundred.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warpwright.contract import Contract

HERE = Path(__file__).parent
FAMILIES = (
    "allreduce", "attention", "elementwise", "fused", "gemm", "grammar", "kvcacheio", "mamba", "memory", "moe",
    "quantization", "sampling", "speculative", "top_k",
)  # fmt: skip
HELPERS = {
    "marlin_permute_scales": "quantization",
    "marlin_zero_points": "quantization",
    "top_k_renorm_prob": "sampling",
    "top_p_renorm_prob": "sampling",
}
"""Public functions that are no operators, or other names of such, and the families that have them."""


@functools.lru_cache(maxsize=1)
def family_of() -> Mapping[str, str]:
    """Return the family of every operator, by the operator's name."""
    found = {}
    for family in FAMILIES:
        folder = HERE / family
        for file in folder.iterdir() if folder.is_dir() else ():
            if file.suffix == ".py" and not file.name.startswith("_"):
                found[file.stem] = family
    return dict(sorted(found.items()))


def contract_of(name: str) -> Contract:
    """Return the contract of one operator."""
    contract: Contract = importlib.import_module(f"warpwright.{family_of()[name]}.{name}").CONTRACT
    return contract


@functools.lru_cache(maxsize=1)
def operators() -> Mapping[str, Contract]:
    """Return the contract of every operator, by name."""
    return {name: contract_of(name) for name in family_of()}


def public(name: str) -> Any:
    """Return a public function of the package, or a package of some; AttributeError where there is no such name."""
    if (HERE / name / "__init__.py").is_file():
        return importlib.import_module(f"warpwright.{name}")
    family = HELPERS.get(name) or family_of().get(name)
    if family is None:
        raise AttributeError(
            f"module 'warpwright' has no attribute {name!r}: warpwright.operators() names every operator"
        )
    return getattr(importlib.import_module(f"warpwright.{family}"), name)


class Family(ModuleType):
    """A family's package. Its operators' names stand for their functions, and not for the modules that these are in.

    Where an operator has the family's own name, a call of the package is a call of it.
    """

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the operator of the family's name."""
        return self._own_operator()(*given, **named)

    def _own_operator(self) -> Any:
        """Return the operator of the family's name; TypeError where there is none."""
        name = self.__name__.rpartition(".")[2]
        if family_of().get(name) != name:
            raise TypeError(f"{self.__name__} is a package and no operator, so it cannot be called")
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Bind a name: where the import system binds an operator's module, its function."""
        if isinstance(value, ModuleType) and hasattr(value, "CONTRACT"):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """Return a function when it is first asked for: of this family, or one that callers look for here."""
        own = self.__name__.rpartition(".")[2]
        if name == "__signature__" and family_of().get(own) == own:
            return inspect.signature(self._own_operator())
        if name.startswith("_"):
            raise AttributeError(name)
        if family_of().get(name) == own:
            importlib.import_module(f"{self.__name__}.{name}")
            return self.__dict__[name]
        if name in family_of() and own in contract_of(name).also_in:
            value = contract_of(name).function
            setattr(self, name, value)
            return value
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def open_family(module: str) -> None:
    """Make a package a family; its __init__.py calls it."""
    sys.modules[module].__class__ = Family

"""What callers find in this package: modules, functions and classes, where each is, and what it takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import warpwright
from warpwright import _rooms

PLAIN = ("scalar_type", "utils")
"""Modules that are no families, and that callers of sgl_kernel import from."""


def modules() -> list[str]:
    """Return the modules of this package that have no leading underscore."""
    return sorted(each.name for each in pkgutil.iter_modules(warpwright.__path__) if not each.name.startswith("_"))


def functions() -> list[dict[str, Any]]:
    """Return every public function, and the classes beside them."""
    contracts = _rooms.operators()
    found = [
        _describe(name, contract.function, _places(name, contract.function, (contract.family, *contract.also_in)), name)
        for name, contract in contracts.items()
    ]
    operator_of = {contract.function: name for name, contract in contracts.items()}
    for name, family in _rooms.HELPERS.items():
        function = _rooms.public(name)
        found.append(_describe(name, function, _places(name, function, (family,)), operator_of.get(function)))
    return [*sorted(found, key=lambda each: str(each["name"])), *_in_plain_modules()]


def _places(name: str, function: Callable[..., Any], families: Sequence[str]) -> list[str]:
    """Return the modules that have a function: the package itself has another thing where a family has its name."""
    package = ["warpwright"] if _rooms.public(name) is function else []
    return [*package, *(f"warpwright.{family}" for family in families)]


def _in_plain_modules() -> Iterator[dict[str, Any]]:
    for place in (f"warpwright.{name}" for name in PLAIN):
        for name, value in sorted(vars(importlib.import_module(place)).items()):
            if callable(value) and value.__module__ == place:
                yield _describe(name, value, [place], None)


def _describe(name: str, function: Callable[..., Any], places: list[str], operator: str | None) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {
        "name": name,
        "modules": places,
        "operator": operator,
        "parameters": [
            {"name": each.name, "kind": each.kind.name, "required": each.default is each.empty} for each in parameters
        ],
    }

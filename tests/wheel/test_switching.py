"""docs/switching_from_sgl_kernel.md against this wheel: what it says to work takes the arguments of every version."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import warpwright

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest needs it there

DOCS = Path(__file__).parents[2] / "docs"
FAMILIES: dict[str, dict[str, dict[str, dict[str, str]]]] = tomllib.loads(
    (DOCS / "sgl_kernel.toml").read_text(encoding="utf-8")
)["families"]
MODULE_OF = {name: module for modules in FAMILIES.values() for module, names in modules.items() for name in names}
FORMS = {name: forms for modules in FAMILIES.values() for names in modules.values() for name, forms in names.items()}
PAGE = (DOCS / "switching_from_sgl_kernel.md").read_text(encoding="utf-8")
TOLD = dict(re.findall(r"^\| \[?`(\w+)`[^|]* \| [\d., ]+ \| (works|differs)", PAGE, re.MULTILINE))
WORKS = [name for name, told in TOLD.items() if told == "works"]


def found(name: str) -> Any:
    """Return what a caller finds by a name of sgl_kernel; None where there is nothing."""
    try:
        return getattr(warpwright, name)
    except AttributeError:
        return getattr(module_of(name), name, None)


def module_of(name: str) -> Any:
    """Return the module of the same name as sgl_kernel's that has the name; None where there is none."""
    module = MODULE_OF[name]
    try:
        return importlib.import_module(f"warpwright.{module}")
    except ModuleNotFoundError:
        return None


def calls(arguments: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Return calls with all arguments and with those alone that have no default, in order and by name."""
    parsed = ast.parse(f"def function({arguments}): ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    in_order = [each.arg for each in parsed.args.args]
    required = in_order[: len(in_order) - len(parsed.args.defaults)]
    by_name = [each.arg for each in parsed.args.kwonlyargs]
    for chosen, named in ((in_order, by_name), (required, [])):
        yield chosen, {name: name for name in named}
        yield [], {name: name for name in (*chosen, *named)}


def test_the_page_tells_of_some_names() -> None:
    assert len(WORKS) > 20
    assert {*TOLD} <= {*FORMS}


@pytest.mark.parametrize("name", WORKS)
def test_a_name_that_works_takes_the_arguments_of_every_version(name: str) -> None:
    signature = inspect.signature(found(name))
    for arguments in FORMS[name].values():
        for given, named in calls(arguments):
            signature.bind(*given, **named)


@pytest.mark.parametrize("name", FORMS)
def test_a_name_is_here_where_the_page_says_so(name: str) -> None:
    assert (found(name) is not None) == (name in TOLD), "run `nox -s operator-pages -- WHEEL`"


@pytest.mark.parametrize("name", TOLD)
def test_a_module_of_the_same_name_has_what_callers_import_from_it(name: str) -> None:
    module = module_of(name)
    if module is not None:
        assert getattr(module, name, None) is found(name), f"its contract lacks also_in=({MODULE_OF[name]!r},)"


def test_a_contract_that_differs_is_told_to_differ() -> None:
    told = {name for name, contract in warpwright.operators().items() if contract.differs and name in FORMS}
    assert told <= {name for name, word in TOLD.items() if word == "differs"}


def test_nothing_is_put_where_the_operators_of_sgl_kernel_are() -> None:
    assert not [each for each in torch._C._jit_get_all_schemas() if each.name.startswith("sgl_kernel::")]

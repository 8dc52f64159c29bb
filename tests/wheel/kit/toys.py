"""Operators of shapes that few in the package have, made of torch: with several outputs, defaults, tuples, caches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from toy_functions import (
    _largest,
    add_norm,
    check_add_norm,
    check_quantize,
    check_rows,
    check_store,
    check_sum,
    check_top,
    determined_rows,
    make_add_norm,
    make_quantize,
    make_rows,
    make_store,
    make_sum,
    make_top,
    output_of_top,
    quantized,
    rows_by_group,
    stored,
    sums,
    top,
    toy_add_norm,
    toy_quantize,
    toy_rows,
    toy_store,
    toy_sum,
    toy_top,
)
from warpwright import _registry
from warpwright.contract import (
    EXACT,
    Contract,
    Output,
    Sample,
    Tolerance,
    Trait,
    TraitKind,
    each,
    refuse,
    sample,
)
from warpwright.draw import widened

SINGLE = Tolerance({torch.float32: 2.0**-20, torch.int8: 1}, 2.0**-20, "float32, and ties of a scale that is rounded")
SCHEMAS = {
    "toy_add_norm": "(Tensor(a!) input, Tensor(b!) residual, Tensor weight, float eps=1e-6) -> ()",
    "toy_quantize": "(Tensor(a!) out, Tensor(b!) scales, Tensor input) -> ()",
    "toy_store": "(Tensor(a!) cache, Tensor key, Tensor slots) -> ()",
    "toy_top": "(Tensor input, int k=2) -> (Tensor, Tensor)",
    "toy_rows": "(Tensor(a!) order, Tensor groups) -> ()",
    "toy_sum": "(Tensor(a!)? largest, Tensor input) -> Tensor",
}


def toy(function: Callable[..., Any], argument: str, words: str, **parts: Any) -> Contract:
    """Return a contract with samples of the names that every one has."""
    sizes = {"smallest": {"rows": 1}, "odd": {"rows": 7}, "empty": {"rows": 0}, "largest": {"rows": 99}}
    return Contract(
        function=function,
        samples=(
            sample("typical"),
            *(Sample(name, given) for name, given in sizes.items()),
            sample("slices", each(**{argument: widened})),
            *parts.pop("more", ()),
        ),
        refusals=(refuse("dtype", words, **{argument: torch.Tensor.short}),),
        workloads=({"rows": 4},),
        traits=(Trait(TraitKind.NEVER_IN_PLACE, "results are of another shape"), *parts.pop("traits", ())),
        **parts,
    )


CONTRACTS = [
    toy(
        toy_rows, "groups", "groups has dtype int16, expected int64",
        check=check_rows, reference=rows_by_group, make=make_rows, determined=determined_rows, tolerance=EXACT,
        traits=(Trait(TraitKind.UNDETERMINED, "rows of a group come as they are found"),),
    ),
    toy(
        toy_add_norm, "input", "input has dtype int16, expected float32",
        check=check_add_norm, reference=add_norm, make=make_add_norm, tolerance=SINGLE,
    ),
    toy(
        toy_quantize, "input", "input has dtype int16, expected float32",
        check=check_quantize, reference=quantized, make=make_quantize, tolerance=SINGLE,
    ),
    toy(
        toy_store, "key", "key has dtype int16, expected int8",
        check=check_store, reference=stored, make=make_store, tolerance=SINGLE,
    ),
    toy(
        toy_top, "input", "input has dtype int16, expected float32",
        check=check_top, reference=top, output=output_of_top, make=make_top, tolerance=SINGLE,
    ),
    toy(
        toy_sum, "input", "input has dtype int16, expected float32",
        check=check_sum, reference=sums, output=lambda input: Output((input.shape[0],), torch.float32),  # noqa: A006
        make=make_sum, tolerance=SINGLE, more=(sample("largest numbers too", _largest),),
    ),
]  # fmt: skip


def _add(contract: Contract, library: torch.library.Library) -> None:
    library.define(f"{contract.name}{SCHEMAS[contract.name]}")
    _registry.register_kernels(contract.name, lambda: contract, library)
    torch.library.impl(f"warpwright::{contract.name}", "CUDA", _registry.Kernels(contract).on_cpu, lib=library)


@contextmanager
def registered() -> Iterator[None]:
    """Add the operators, and for what a CUDA function would be their references."""
    library = torch.library.Library("warpwright", "FRAGMENT")
    for contract in CONTRACTS:
        _add(contract, library)
    yield
    library._destroy()

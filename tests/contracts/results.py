"""Runs an operator, and holds what it wrote against the reference and against what it may not touch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from contracts.cases import SEED
from warpwright._registry import as_tuple, by_name, overload, written
from warpwright.contract import Arguments, Contract

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def outs(contract: Contract) -> list[str]:
    """Name the arguments that are written to."""
    return written(overload(contract.name)._schema)


def pure_outs(contract: Contract) -> list[str]:
    """Name those of them that are not read: the reference does without them."""
    return [name for name in outs(contract) if name not in inspect.signature(contract.reference).parameters]


def run(contract: Contract, call: Arguments) -> tuple[torch.Tensor, ...]:
    """Call an operator; return what it wrote and what it gave back."""
    returned = overload(contract.name)(*call.values())
    return (*(call[name] for name in outs(contract)), *(() if returned is None else as_tuple(returned)))


def exact(contract: Contract, call: Arguments) -> tuple[torch.Tensor, ...]:
    """Return the reference in float64, on whatever device the call is."""
    return as_tuple(by_name(contract.reference)(call | {"wide": torch.float64}))


def near(contract: Contract, found: torch.Tensor, expected: torch.Tensor) -> None:
    """Hold a result against the reference, as the contract allows."""
    again = f"; WARPWRIGHT_TEST_SEED={SEED} brings these inputs back"
    tolerance, rounded = contract.tolerance, expected.to(found.dtype)
    relative, absolute = tolerance.relative.get(found.dtype, 0.0), 0.0
    if not tolerance.is_exact:
        finite = expected[expected.isfinite()]
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        absolute = largest * tolerance.of_largest + float(torch.finfo(found.dtype).smallest_normal) * 2.0**-9
    torch.testing.assert_close(
        found if tolerance.is_exact else found.double(),
        rounded if tolerance.is_exact else expected.double(),
        rtol=relative,
        atol=absolute,
        equal_nan=True,
        msg=lambda words: f"{contract.name}: {words}{again}",
    )


def bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor's bits as whole numbers, which compare as NaN does not."""
    return tensor.contiguous().view(BITS[tensor.element_size()])


def tensors(call: Arguments) -> Iterator[tuple[str, torch.Tensor]]:
    return ((name, value) for name, value in call.items() if isinstance(value, torch.Tensor))


class Untouched:
    """What a call may not write to: other arguments, and what lies around its outputs."""

    def __init__(self, contract: Contract, call: Arguments) -> None:
        self.call, self.outs = call, outs(contract)
        self.before = self._read()

    def check(self) -> None:
        for name, kept in self._read().items():
            assert torch.equal(kept, self.before[name]), f"the call wrote to {name}"

    def _read(self) -> Mapping[str, torch.Tensor]:
        shared = {self.call[name].untyped_storage()._cdata for name in self.outs}
        kept = {f"memory around {name}": _around(self.call[name]) for name in self.outs}
        for name, tensor in tensors(self.call):
            if tensor.untyped_storage()._cdata not in shared:
                kept[name] = bits(tensor).clone()
        return kept


def _around(tensor: torch.Tensor) -> torch.Tensor:
    """Return the bits of a tensor's storage that are not its own."""
    whole = torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(tensor.untyped_storage())
    outside = torch.ones(whole.shape, dtype=torch.bool, device=tensor.device)
    outside.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).fill_(False)
    return whole.view(BITS[tensor.element_size()])[outside]


def take_over(call: Arguments, other: Arguments) -> None:
    """Copy the tensors of one call into those of another, in place."""
    for name, mine in tensors(call):
        mine.copy_(other[name], non_blocking=True)


def same(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(bits(one), bits(other)) for one, other in zip(found, expected, strict=True))


def clones(results: Any) -> tuple[torch.Tensor, ...]:
    return tuple(result.clone() for result in as_tuple(results))

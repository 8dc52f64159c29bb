"""Runs an operator, and holds what it wrote against the reference and against what it may not touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from contracts.cases import SEED
from warpwright._registry import apart, as_tuple, by_name, overload, pure_outs, written
from warpwright.contract import Arguments, Contract
from warpwright.draw import poison_of

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def outs(contract: Contract) -> list[str]:
    """Name the arguments that are written to."""
    return written(overload(contract.name)._schema)


def in_outs(contract: Contract) -> list[str]:
    """Name those of them that are read as well."""
    return [name for name in outs(contract) if name not in pure_outs(contract)]


def with_its_own(contract: Contract, call: Arguments) -> Arguments:
    """Return a call with copies of what it reads and writes: the one that is given may be made again."""
    return call | {name: call[name].clone() for name in in_outs(contract) if call[name] is not None}


def run(contract: Contract, call: Arguments) -> tuple[torch.Tensor, ...]:
    """Call an operator; return what it wrote and what it gave back."""
    returned = overload(contract.name)(*call.values())
    wrote = (call[name] for name in outs(contract) if call[name] is not None)
    return (*wrote, *(() if returned is None else as_tuple(returned)))


def determined(contract: Contract, call: Arguments, results: Any) -> tuple[torch.Tensor, ...]:
    """Return what of results is determined: they themselves, but where a contract says otherwise."""
    if contract.determined is None:
        return as_tuple(results)
    return as_tuple(by_name(contract.determined)(call | {"results": as_tuple(results)}))


def outcome(contract: Contract, call: Arguments) -> tuple[torch.Tensor, ...]:
    """Call an operator; return what of its results is determined."""
    return determined(contract, call, run(contract, call))


def exact(contract: Contract, call: Arguments) -> tuple[torch.Tensor, ...]:
    """Return the reference in float64, on whatever device the call is; of outputs that a call leaves out, nothing."""
    return apart(referred(contract, call, torch.float64), call)


def referred(contract: Contract, call: Arguments, wide: torch.dtype) -> tuple[torch.Tensor, ...]:
    """Return what the reference makes in a dtype; of outputs that a call leaves out, nothing."""
    return asked(left_out(contract, call), by_name(contract.reference)(call | {"wide": wide}))


def left_out(contract: Contract, call: Arguments) -> list[int]:
    """Return which results of the reference have no tensor to be written to."""
    return [index for index, name in enumerate(outs(contract)) if call[name] is None]


def asked(left_out: Sequence[int], results: Any) -> tuple[torch.Tensor, ...]:
    """Return the results of a reference but for those."""
    return tuple(result for index, result in enumerate(as_tuple(results)) if index not in left_out)


def near(contract: Contract, found: torch.Tensor, expected: torch.Tensor) -> None:
    """Hold a result against the reference, as the contract allows."""
    again = f"; WARPWRIGHT_TEST_SEED={SEED} brings these inputs back"
    tolerance, is_float = contract.tolerance, found.dtype.is_floating_point
    relative, absolute = tolerance.relative.get(found.dtype, 0.0), 0.0
    if not is_float:
        relative, absolute = 0.0, relative
    elif not tolerance.is_exact:
        finite = expected[expected.isfinite()]
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        kind = torch.finfo(found.dtype)
        part = kind.eps / 2 if kind.bits == 8 else 2.0**-9  # in 8 bits, half of the least subnormal number
        absolute = largest * tolerance.of_largest + kind.smallest_normal * part
    right = expected.to(found.dtype) if tolerance.is_exact or not is_float else expected
    torch.testing.assert_close(
        found.double() if is_float else found,
        right.double() if is_float else right,
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


def has_float8(call: Arguments) -> bool:
    """True where opcheck cannot compare the inputs: torch has no arithmetic for float8."""
    return any(tensor.dtype == torch.float8_e4m3fn for _, tensor in tensors(call))


class Untouched:
    """What a call may not write to: other arguments, and what lies around its outputs."""

    def __init__(self, contract: Contract, call: Arguments) -> None:
        self.call, self.outs = call, [name for name in outs(contract) if call[name] is not None]
        self.before = self._read()

    def check(self) -> None:
        for name, kept in self._read().items():
            assert torch.equal(kept, self.before[name]), f"the call wrote to {name}"

    def _read(self) -> Mapping[str, torch.Tensor]:
        shared = {self.call[name].untyped_storage()._cdata for name in self.outs}
        written_to = [self.call[name] for name in self.outs]
        kept = {f"memory around {name}": around(self.call[name], *written_to) for name in self.outs}
        for name, tensor in tensors(self.call):
            if tensor.untyped_storage()._cdata not in shared:
                kept[name] = bits(tensor).clone()
        return kept


def around(tensor: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    """Return the bits of a tensor's storage that are neither its own nor those of others in it."""
    whole = torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(tensor.untyped_storage())
    outside = torch.ones(whole.shape, dtype=torch.bool, device=tensor.device)
    for each in (tensor, *others):
        if each.untyped_storage()._cdata == tensor.untyped_storage()._cdata and each.dtype == tensor.dtype:
            outside.as_strided(each.shape, each.stride(), each.storage_offset()).fill_(False)
    return whole.view(BITS[tensor.element_size()])[outside]


def poison(contract: Contract, call: Arguments, results: tuple[torch.Tensor, ...]) -> None:
    """Poison results, but for arguments that are read as well."""
    kept = [call[name] for name in in_outs(contract)]
    for result in results:
        if not any(result is each for each in kept):
            result.fill_(poison_of(result.dtype))


def poison_outs(contract: Contract, call: Arguments) -> None:
    """Poison the outputs of a call that are not in place of an input."""
    for name in pure_outs(contract):
        if call[name] is not None and not shares_memory(call, name):
            call[name].fill_(poison_of(call[name].dtype))


def shares_memory(call: Arguments, name: str) -> bool:
    """True where another argument lies in the storage of one."""
    storage = call[name].untyped_storage()._cdata
    return any(tensor.untyped_storage()._cdata == storage for other, tensor in tensors(call) if other != name)


def take_over(call: Arguments, other: Arguments) -> None:
    """Copy the tensors of one call into those of another, in place."""
    for name, mine in tensors(call):
        mine.copy_(other[name], non_blocking=True)


def same(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(bits(one), bits(other)) for one, other in zip(found, expected, strict=True))


def clones(results: Any) -> tuple[torch.Tensor, ...]:
    return tuple(result.clone() for result in as_tuple(results))

"""Where random numbers come from: a seed and an offset, drawn from a generator or given by the caller.

An operator that draws takes ``(int seed, int offset, Tensor? seeds, Tensor? offsets)``; its kernel makes the numbers of
a row from them by Philox4x32-10, as `words` does here (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy
as 1, 2, 3", SC 2011). The numbers of row r follow from seed, offset and r; where each row has a seed of its own, from
its seed and offset alone. So they are the same on every GPU and, in a batch of any size, for the same row.

Under CUDA graphs a number would be frozen into the graph, and every replay would draw the same again. There, and where
torch.compile traces, seed and offset are therefore drawn on the device by torch, whose generator advances at each
replay; numbers that a caller gives are refused, and tensors are the caller's to advance. Of numbers, torch.compile
compiles anew for each; of tensors once.
"""

from __future__ import annotations

import operator
from threading import Lock
from typing import NamedTuple, TypeAlias

import torch

from warpwright.checks import Size, check_contiguous, check_dim, check_dtype, check_same_device, check_size

Number: TypeAlias = int | torch.Tensor
LEAST, END = -(2**63), 2**63 - 1
STEP = 4
"""By how much a call advances the offset of its generator: torch's own are multiples of it."""
OF_OURS = 1 << 31
"""Set in the last word of a counter, where torch's own numbers of one seed and offset have none."""


class Source(NamedTuple):
    """The arguments of an operator that draws, in the order of its schema."""

    seed: int = 0
    offset: int = 0
    seeds: torch.Tensor | None = None
    offsets: torch.Tensor | None = None


def source_of(
    device: torch.device, generator: torch.Generator | None, seed: Number | None, offset: Number | None
) -> Source:
    """Return what a call draws from: the seed and offset that the caller gives, or the next ones of a generator."""
    if seed is not None or offset is not None:
        return _given(seed, offset)
    if torch.compiler.is_compiling() or _is_captured(device):
        drawn = torch.randint(LEAST, END, (2,), dtype=torch.int64, device=device, generator=generator)
        return Source(seeds=drawn[:1], offsets=drawn[1:])
    if device.type == "cuda":
        return _next_of(generator or torch.cuda.default_generators[_index(device)])
    drawn = torch.randint(LEAST, END, (2,), dtype=torch.int64, generator=generator)
    return Source(int(drawn[0]), int(drawn[1]))


def check_random(
    seeds: torch.Tensor | None, offsets: torch.Tensor | None, rows: Size, name: str, on: torch.Tensor
) -> None:
    """Refuse seeds and offsets that are not int64, of one element or one for each row, and on the device of ``on``."""
    for own, numbers in (("seeds", seeds), ("offsets", offsets)):
        if numbers is None:
            continue
        check_same_device(own, numbers, name, on)
        check_dtype(own, numbers.dtype, torch.int64)
        check_dim(own, numbers, 1)
        if numbers.shape[0] != 1:
            check_size(own, numbers, 0, rows, "one for each row, or one for all")
        check_contiguous(own, numbers)


def words(source: Source, rows: int, device: torch.device, index: int = 0) -> torch.Tensor:
    """Return four random words for each row, ``(rows, 4)`` in int64: what the kernels make of the same source."""
    each = torch.arange(rows, device=device, dtype=torch.int64)
    own = source.seeds is not None and source.seeds.shape[0] != 1
    seed = _for_rows(source.seed, source.seeds, rows, device)
    offset = _for_rows(source.offset, source.offsets, rows, device)
    last = torch.full_like(each, index | OF_OURS)
    return _philox(
        [offset & _LOW, offset >> 32 & _LOW, each * 0 if own else each, last], [seed & _LOW, seed >> 32 & _LOW]
    )


def unit_interval(high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """Return numbers from 0 to less than 1 in float64, of the upper 53 bits of two words each."""
    return ((high << 21) | (low >> 11)).double() * 2.0**-53


_LOW = 0xFFFFFFFF


def _philox(counter: list[torch.Tensor], key: list[torch.Tensor]) -> torch.Tensor:
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (second >> 32 & _LOW) ^ counter[1] ^ key[0],
            second & _LOW,
            (first >> 32 & _LOW) ^ counter[3] ^ key[1],
            first & _LOW,
        ]
        key = [key[0] + 0x9E3779B9 & _LOW, key[1] + 0xBB67AE85 & _LOW]
    return torch.stack(counter, -1)


def _for_rows(number: int, numbers: torch.Tensor | None, rows: int, device: torch.device) -> torch.Tensor:
    if numbers is None:
        return torch.full((rows,), number, dtype=torch.int64, device=device)
    return numbers.expand(rows)


def _given(seed: Number | None, offset: Number | None) -> Source:
    """Return the caller's seed and offset. The operator refuses numbers where a graph would keep them."""
    if seed is None or offset is None:
        raise RuntimeError("seed and offset are given together, or neither of them")
    seed_number, seeds = _split(seed)
    offset_number, offsets = _split(offset)
    return Source(seed_number, offset_number, seeds, offsets)


def _is_captured(device: torch.device) -> bool:
    return device.type == "cuda" and not torch.compiler.is_compiling() and torch.cuda.is_current_stream_capturing()


def _split(number: Number) -> tuple[int, torch.Tensor | None]:
    """Return a number of 64 bits as a signed one, or a tensor of such."""
    if isinstance(number, torch.Tensor):
        signed = number.view(torch.int64) if number.dtype == torch.uint64 else number
        return 0, signed.reshape(1) if signed.dim() == 0 else signed
    if not torch.compiler.is_compiling():
        number = operator.index(number)  # a number of numpy's has 64 bits, which the sum below would leave
    return (number + 2**63) % 2**64 - 2**63, None


_advancing = Lock()


def _next_of(generator: torch.Generator) -> Source:
    with _advancing:  # two threads that read the same offset would draw the same
        offset = int(generator.get_offset())
        generator.set_offset(offset + STEP)
    return Source((generator.initial_seed() + 2**63) % 2**64 - 2**63, offset)


def _index(device: torch.device) -> int:
    return int(torch.cuda.current_device() if device.index is None else device.index)

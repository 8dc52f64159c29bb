"""Random numbers: Philox against its authors' known answers, and where seed and offset come from."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch._dynamo.testing

import warpwright
from warpwright import random
from warpwright.random import Source, source_of, unit_interval, words

CPU = torch.device("cpu")

# Random123 1.14, examples/kat_vectors: philox4x32 of 10 rounds.
KNOWN = {
    "zeros": ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    "ones": ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_philox_gives_its_authors_known_answers(name: str) -> None:
    counter, key, expected = KNOWN[name]
    found = random._philox([torch.tensor([word]) for word in counter], [torch.tensor([word]) for word in key])
    assert tuple(found[0].tolist()) == expected


def test_a_row_draws_the_same_in_a_batch_of_any_size() -> None:
    few, many = (words(Source(7, 12), rows, CPU) for rows in (3, 100))
    assert torch.equal(few, many[:3])
    assert len({tuple(row) for row in many.tolist()}) == 100


def test_a_row_with_a_seed_of_its_own_draws_the_same_anywhere() -> None:
    seeds, offsets = torch.arange(10) * 1_000_003, torch.arange(10) * 4
    there = words(Source(seeds=seeds, offsets=offsets), 10, CPU)
    turned = words(Source(seeds=seeds.flip(0), offsets=offsets.flip(0)), 10, CPU)
    assert torch.equal(there.flip(0), turned)


def test_numbers_are_spread_over_the_unit_interval() -> None:
    drawn = words(Source(3, 0), 20_000, CPU)
    uniform = unit_interval(drawn[:, 0], drawn[:, 1])
    assert float(uniform.min()) >= 0
    assert float(uniform.max()) < 1
    counts = torch.histc(uniform, 100, 0, 1)
    chi_square = float((counts - 200).square().sum() / 200)
    assert chi_square < 149  # the 99.9% point of 99 degrees of freedom


def test_a_generator_advances_and_its_seed_brings_the_draws_back() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = (source_of(CPU, generator, None, None) for _ in range(2))
    assert first != second
    assert source_of(CPU, generator.manual_seed(5), None, None) == first


def test_seed_and_offset_are_given_together() -> None:
    with pytest.raises(RuntimeError, match="seed and offset are given together, or neither of them"):
        warpwright.sampling_from_probs(torch.ones(2, 3), seed=1)


@pytest.mark.parametrize("seed", [2**64 - 1, -1, 2**63])
def test_a_seed_may_be_any_number_of_64_bits(seed: int) -> None:
    probs = torch.rand(4, 50)
    as_tensor = torch.tensor([(seed + 2**63) % 2**64 - 2**63])
    by_number = warpwright.sampling_from_probs(probs, seed=seed, offset=0)
    assert torch.equal(by_number, warpwright.sampling_from_probs(probs, seed=as_tensor, offset=torch.tensor([0])))
    unsigned = as_tensor.view(torch.uint64)
    assert torch.equal(by_number, warpwright.sampling_from_probs(probs, seed=unsigned, offset=torch.tensor([0])))


def test_a_seed_may_be_a_number_of_numpy_or_a_tensor_without_dimensions() -> None:
    probs = torch.rand(4, 50)
    expected = warpwright.sampling_from_probs(probs, seed=5, offset=8)
    assert torch.equal(warpwright.sampling_from_probs(probs, seed=np.int64(5), offset=np.uint64(8)), expected)
    as_tensors = warpwright.sampling_from_probs(probs, seed=torch.tensor(5), offset=torch.tensor(8))
    assert torch.equal(as_tensors, expected)


def test_threads_that_share_a_generator_draw_different_numbers() -> None:
    generator = SharedGenerator()
    with ThreadPoolExecutor(8) as threads:
        sources = list(threads.map(lambda _: random._next_of(generator), range(400)))
    assert len({source.offset for source in sources}) == 400


class SharedGenerator:
    """As torch's of a GPU, but that other threads run between what is read and what is set."""

    offset = 0

    def get_offset(self) -> int:
        found = self.offset
        time.sleep(0)
        return found

    def set_offset(self, offset: int) -> None:
        self.offset = offset

    def initial_seed(self) -> int:
        return 1


@pytest.mark.parametrize(("numbers", "compiled"), [("tensors", 1), ("ints", 3)])
def test_compiled_code_is_made_once_for_tensors_and_anew_for_ints(numbers: str, compiled: int) -> None:
    torch.compiler.reset()
    counter, probs = torch._dynamo.testing.CompileCounter(), torch.rand(4, 50)

    draw = torch.compile(
        lambda seed: warpwright.sampling_from_probs(probs, seed=seed, offset=seed), backend=counter, fullgraph=True
    )
    for number in (3, 4, 5):
        given = number if numbers == "ints" else torch.tensor([number])
        assert torch.equal(draw(given), warpwright.sampling_from_probs(probs, seed=number, offset=number))
    assert counter.frame_count == compiled

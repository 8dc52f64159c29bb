"""Truth values as bits on the CPU: the forms of sgl_kernel and of FlashInfer, and what neither can mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import warpwright

quantization: Any = warpwright.quantization
speculative_family: Any = warpwright.speculative
FLASHINFER = torch.tensor([1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1], dtype=torch.bool)
ENDS, STARTS = torch.tensor([0, 4, 7, 11]), torch.tensor([0, 1, 2, 3])


@pytest.mark.parametrize("bitorder", ["big", "little"])
def test_bits_are_packed_as_numpy_packs_them(bitorder: Any) -> None:
    x = torch.rand(1003) < 0.5
    assert warpwright.packbits(x, bitorder).tolist() == np.packbits(x.numpy(), bitorder=bitorder).tolist()
    assert torch.equal(warpwright.packbits(x.float(), bitorder=bitorder), quantization.packbits(x, bitorder))


def test_segments_are_packed_in_flashinfers_form() -> None:
    ends = torch.tensor([0, 4, 7, 11])
    calls: Any = (((FLASHINFER, ends), {}), ((FLASHINFER, ends, "big"), {}), ((FLASHINFER,), {"indptr": ends}))
    for given, named in calls:
        y, starts = quantization.segment_packbits(*given, **named)
        assert (y.tolist(), starts.tolist(), starts.dtype) == (
            [0b10110000, 0b100000, 0b11010000],
            [0, 1, 2, 3],
            torch.int32,
        )
    y, _ = warpwright.segment_packbits(FLASHINFER, ends, bitorder="little")
    assert y.tolist() == [0b1101, 0b100, 0b1011]


@pytest.mark.parametrize("segments", [(), (3,)], ids=["0.1.4", "0.4.5"])
def test_segments_are_packed_in_sgl_kernels_form(segments: tuple[int, ...]) -> None:
    ends, starts, y = torch.tensor([0, 4, 7, 11]).int(), torch.tensor([0, 2, 3, 5]).int(), torch.full((5,), 9).byte()
    assert speculative_family.segment_packbits(FLASHINFER, ends, starts, y, *segments) is None
    assert y.tolist() == [0b1101, 9, 0b100, 0b1011, 9]


def test_only_the_first_segments_are_packed_where_fewer_are_asked_for() -> None:
    ends, starts, y = torch.tensor([0, 4, 7, 11]), torch.tensor([0, 1, 2, 3]), torch.full((3,), 9).byte()
    warpwright.segment_packbits(FLASHINFER, ends, starts, y, 1)
    assert y.tolist() == [0b1101, 9, 9]


def test_an_order_of_bits_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(ValueError, match="bitorder is 'bit', expected 'big' or 'little'"):
        warpwright.packbits(FLASHINFER, "bit")
    with pytest.raises(TypeError, match="needs y"):
        warpwright.segment_packbits(FLASHINFER, torch.tensor([0, 4]), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        (-2, "batch_size is -2, expected at least 0"),
        (4, "batch_size is 4, expected at most 3: input_indptr has one number more than segments"),
    ],
)
def test_a_number_of_segments_that_there_are_none_of_is_refused(segments: int, words: str) -> None:
    y = torch.full((3,), 9).byte()
    with pytest.raises(RuntimeError, match=words):
        warpwright.segment_packbits(FLASHINFER, ENDS, STARTS, y, segments)
    assert y.tolist() == [9, 9, 9]


@pytest.mark.parametrize("ends", [ENDS[:0], ENDS[:1], ENDS], ids=["no ends", "one end", "ends"])
def test_no_segments_may_be_asked_for(ends: torch.Tensor) -> None:
    y = torch.full((3,), 9).byte()
    warpwright.segment_packbits(FLASHINFER, ends, STARTS, y, 0)
    assert y.tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("x", "ends", "words"),
    [
        (FLASHINFER, ENDS[:0], "the size of {name}, one more than the segments, is 0, expected at least 1"),
        (FLASHINFER, ENDS[0], r"{name} has 0 dimensions, shape \(\); expected 1"),
        (FLASHINFER, ENDS.float(), "{name} has dtype float32, expected int32 or int64"),
        (FLASHINFER[0], ENDS, r"x has 0 dimensions, shape \(\); expected 1"),
    ],
    ids=["no ends", "one end alone", "dtype", "one value alone"],
)
@pytest.mark.parametrize("name", ["input_indptr", "indptr"])
def test_ends_that_end_nothing_are_refused_by_the_name_they_have(
    name: str, x: torch.Tensor, ends: torch.Tensor, words: str
) -> None:
    with pytest.raises(RuntimeError, match=rf"\b{words.format(name=name)}"):
        quantization.segment_packbits(x, **{name: ends})


def test_one_end_alone_is_refused_in_sgl_kernels_form() -> None:
    with pytest.raises(RuntimeError, match=r"input_indptr has 0 dimensions, shape \(\); expected 1"):
        warpwright.segment_packbits(FLASHINFER, ENDS[0], STARTS, torch.zeros(3).byte(), 1)


@pytest.mark.parametrize("dynamic", [False, True], ids=["numbers", "symbols"])
def test_the_first_segments_are_packed_by_a_compiled_program(dynamic: bool) -> None:
    def pack(y: torch.Tensor, segments: int) -> torch.Tensor:
        warpwright.segment_packbits(FLASHINFER, ENDS, STARTS, y, segments)
        return y

    compiled = torch.compile(pack, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    assert [compiled(torch.zeros(3).byte(), many).tolist() for many in (2, 3)] == [[13, 4, 0], [13, 4, 11]]

"""Truth values as bits, segment by segment: each begins with a byte of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from warpwright.checks import check_at_least
from warpwright.contract import EXACT, Arguments, Contract, Trait, TraitKind, each, refuse, sample
from warpwright.draw import Draw
from warpwright.speculative._arrays import (
    check_array,
    check_dim_first,
    check_first,
    check_indices,
    check_indices_first,
    check_separate,
)
from warpwright.speculative._pack_bits import as_truth, bytes_of_each, is_big, packed

_segment_packbits = torch.ops.warpwright.segment_packbits.default


def segment_packbits(
    x: torch.Tensor,
    input_indptr: torch.Tensor | None = None,
    output_indptr: torch.Tensor | str | None = None,
    y: torch.Tensor | None = None,
    batch_size: int | None = None,
    *,
    bitorder: str | None = None,
    indptr: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Pack the truth values of each segment into bits, eight in a byte and zero behind the last of a segment.

    In sgl_kernel's form, with ``output_indptr`` and ``y``, bytes are written to ``y``; the first of eight is the lowest
    bit. In FlashInfer's, ``segment_packbits(x, indptr, bitorder="big")``, they are new: how many there are, the
    device alone knows, and the host waits for it.

    Parameters
    ----------
    x
        ``(size,)``, contiguous; what is not zero is true. Bool and uint8 are read as they are, others are converted.
    input_indptr
        ``(segments + 1,)``, int32 or int64: segment ``i`` is ``x[input_indptr[i]:input_indptr[i + 1]]``.
    output_indptr
        ``(segments + 1,)``, int32 or int64: the bytes of segment ``i`` begin at ``y[output_indptr[i]]``. In
        FlashInfer's form, a word here is the order of bits.
    y
        ``(bytes,)`` uint8: the result; what belongs to no segment is kept.
    batch_size
        How many segments there are: at most, and by default, one less than ``input_indptr`` has numbers.
    bitorder
        ``"big"``: the first of eight is the highest bit. ``"little"``: it is the lowest. By default as the form has it.
    indptr
        FlashInfer's name of ``input_indptr``.

    Returns
    -------
    Nothing in sgl_kernel's form; in FlashInfer's the bytes, and ``(segments + 1,)`` of int32: where each segment's
    begin.

    Notes
    -----
    The data decide nothing dangerous. What a segment has outside of ``x`` is left out, and one that begins outside, or
    ends before it begins, is empty; bytes outside of ``y`` are not written. Of segments that share bytes of ``y``,
    either may be written last.

    Raises
    ------
    ValueError
        ``bitorder`` is neither.
    RuntimeError
        A dtype, shape, stride or device is wrong (the argument is named with both values), ``y`` overlaps an input, or
        the wheel has no code for the GPU.
    """
    name, ends = ("input_indptr", input_indptr) if indptr is None else ("indptr", indptr)
    if ends is None:
        raise TypeError("segment_packbits() needs input_indptr: where the segments end")
    if isinstance(output_indptr, str):
        output_indptr, bitorder = None, output_indptr
    if output_indptr is None:
        return _packed(x, name, ends, "big" if bitorder is None else bitorder)
    if y is None:
        raise TypeError("segment_packbits() needs y beside output_indptr")
    check_indices_first(name, ends, "x", x)
    if batch_size is not None and batch_size != ends.shape[0] - 1:
        check_first("batch_size", batch_size, max(ends.shape[0] - 1, 0), f"{name} has one number more than segments")
        ends = ends[: batch_size + 1]
    _segment_packbits(as_truth(x), ends, output_indptr, y, is_big(bitorder or "little"))
    return None


def _packed(x: torch.Tensor, name: str, ends: torch.Tensor, bitorder: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return new bytes, as many as the device says."""
    first_is_high = is_big(bitorder)
    check_dim_first("x", x, 1)
    check_indices_first(name, ends, "x", x)
    if ends.shape[0] < 1:
        check_at_least(f"the size of {name}, one more than the segments,", ends.shape[0], 1)
    starts = torch.zeros(ends.shape[0], dtype=torch.int64, device=ends.device)
    sizes = (ends[1:].long() - ends[:-1].long()).clamp(min=0, max=x.shape[0])
    torch.cumsum(bytes_of_each(sizes), 0, out=starts[1:])
    y = torch.zeros(int(starts[-1]), dtype=torch.uint8, device=x.device)
    _segment_packbits(as_truth(x), ends, starts, y, first_is_high)
    return y, starts.to(torch.int32)


def check(x: torch.Tensor, input_indptr: torch.Tensor, output_indptr: torch.Tensor, y: torch.Tensor) -> None:
    """Refuse what the operator cannot take."""
    on = ("x", x)
    check_array("x", x, *on, (torch.bool, torch.uint8), None)
    check_indices("input_indptr", input_indptr, *on, None)
    check_indices("output_indptr", output_indptr, *on, None)
    check_array("y", y, *on, (torch.uint8,), None)
    check_at_least("the size of output_indptr", output_indptr.shape[0], input_indptr.shape[0])
    check_separate({"y": y}, {"x": x, "input_indptr": input_indptr, "output_indptr": output_indptr})


def reference(
    x: torch.Tensor,
    input_indptr: torch.Tensor,
    output_indptr: torch.Tensor,
    y: torch.Tensor,
    first_is_high: bool,
    wide: torch.dtype,  # noqa: ARG001  nothing is rounded
) -> torch.Tensor:
    """Return the bytes."""
    written, size = y.clone(), x.shape[0]
    ends = input_indptr.tolist()
    for first, end, out in zip(ends, ends[1:], output_indptr.tolist(), strict=False):
        if not 0 <= first < min(size, end):
            continue
        made = packed(x[first:end], first_is_high=first_is_high)
        made = made[max(-out, 0) :][: max(y.shape[0] - max(out, 0), 0)]
        written[max(out, 0) : max(out, 0) + made.shape[0]] = made
    return written


def make(
    draw: Draw,
    segments: int = 8,
    size: int = 100,
    values: int = 800,
    first_is_high: bool = False,
    dtype: torch.dtype = torch.int32,
) -> Arguments:
    """Make a call whose segments have up to ``size`` values each, as far as there are so many."""
    sizes = draw.integers(0, size + 1, segments, dtype=torch.int64)
    ends, starts = (torch.zeros(segments + 1, dtype=torch.int64, device=draw.device) for _ in range(2))
    ends[1:], starts[1:] = sizes.cumsum(0), bytes_of_each(sizes).cumsum(0)
    return {
        "x": draw.integers(0, 2, values, dtype=torch.bool),
        "input_indptr": ends.to(dtype),
        "output_indptr": starts.to(dtype),
        "y": draw.integers(0, 256, values // 4, dtype=torch.uint8),
        "first_is_high": first_is_high,
    }


def call(
    x: torch.Tensor, input_indptr: torch.Tensor, output_indptr: torch.Tensor, y: torch.Tensor, first_is_high: bool
) -> None:
    """Call it as a model does, for as many segments as there are."""
    segment_packbits(x, input_indptr, output_indptr, y, bitorder="big" if first_is_high else "little")


def peers(
    x: torch.Tensor,
    input_indptr: torch.Tensor,
    output_indptr: torch.Tensor,
    y: torch.Tensor,
    first_is_high: bool,
) -> dict[str, Callable[[], object]]:
    """Return who else does it."""
    if first_is_high or input_indptr.dtype != torch.int32:
        return {}
    call = (x, input_indptr, output_indptr, y, input_indptr.shape[0] - 1)
    sgl = torch.ops.sgl_kernel
    return {"sglang-kernel": lambda: sgl.segment_packbits.default(*call, torch.cuda.current_stream().cuda_stream)}


def _ends(name: str, numbers: Sequence[int]) -> Callable[[Arguments], Arguments]:
    """Put numbers in place of where segments end."""
    return lambda call: {name: torch.tensor(numbers, dtype=torch.int32, device=call["x"].device)}


def _outside(call: Arguments) -> Arguments:
    """Let segments begin before the values, end behind them, and lie there; the bytes of each are its own."""
    change = _ends("input_indptr", (-9, 7, 390, 900, 1000))
    return change(call) | _ends("output_indptr", (0, 2, 50, 60, 70))(call)


CONTRACT = Contract(
    function=segment_packbits,
    check=check,
    reference=reference,
    make=make,
    call=call,
    samples=(
        sample("typical"),
        sample("smallest", segments=1, size=1, values=4),
        sample("odd", segments=3, size=1003, values=3009),
        sample("the first is the highest bit", segments=5, first_is_high=True),
        sample("64 bits", segments=5, dtype=torch.int64),
        sample("bytes for truth", each(x=lambda x: x.to(torch.uint8) * 6)),
        sample("a start off every vector", each(x=lambda x: x[3:])),
        sample("more starts than segments", each(input_indptr=lambda x: x[:4])),
        sample("no ends", each(input_indptr=lambda x: x[:0])),
        sample("more values than there are", size=500),
        sample("empty segments", each(input_indptr=lambda x: x * 0 + 5)),
        sample("segments out of order", _ends("input_indptr", (40, 0, 33, 20, 399)), segments=4, values=400),
        sample("segments outside", _outside, segments=4, values=400),
        sample("bytes outside", _ends("output_indptr", (-1, 20, 45, 10_000, 0)), segments=4, size=50, values=200),
        sample("empty", segments=0, values=0),
        sample("no segments", segments=0),
        sample("no values", each(x=lambda x: x[:0])),
        sample("largest", segments=70_000, size=30, values=2_100_000),
    ),
    refusals=(
        refuse("dtype", "x has dtype int32, expected bool or uint8", x=torch.Tensor.int),
        refuse("dim", "x has 2 dimensions, shape (800, 1); expected 1", x=lambda x: x[:, None]),
        refuse("strides", "x has shape (400,) and strides (2,), expected a contiguous tensor", x=lambda x: x[::2]),
        refuse("ends", "input_indptr has dtype int16, expected int32 or int64", input_indptr=torch.Tensor.short),
        refuse("result", "y has dtype int8, expected uint8", y=torch.Tensor.char),
        refuse(
            "ends dim", "input_indptr has 2 dimensions, shape (9, 1); expected 1", input_indptr=lambda x: x[:, None]
        ),
        refuse("few starts", "the size of output_indptr is 8, expected at least 9", output_indptr=lambda x: x[:8]),
        refuse(
            "in place",
            "y overlaps x in memory, expected memory of its own",
            lambda call: {"x": call["y"], "y": call["y"]},
        ),
    ),
    tolerance=EXACT,
    workloads=(
        *(
            {"segments": segments, "size": size, "values": segments * size}
            for size in (8 * (1024 + 8), 64 * (4096 + 64))
            for segments in (1, 8, 64, 256)
        ),
    ),
    peers=peers,
    traits=(Trait(TraitKind.NEVER_SLICED, "truth values are adjacent, as a byte's bits are"),),
    also_in=("quantization",),
)

"""What cuobjdump prints of device code is read as it is; text that is none is an error, never a crash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_code import FakeCuobjdump, FakeKernel
from doubles import FakeRunner
from wheelworks.cuobjdump import DeviceKernel, Usage, parse_kernels, read_kernels, read_sms
from wheelworks.errors import AuditError
from wheelworks.sm import Sm

# What cuobjdump 13.2.51 prints of a unit that nvcc 13.0.88 compiled for 80, 80-ptx and 90a; dumps of bytes left out.
RECORDED = (Path(__file__).parent / "recorded" / "cuobjdump.txt").read_text(encoding="utf-8")
TWICE, HOLDS = "_ZN10warpwright5twiceEPf", "_ZN10warpwright5holdsILi20EEEvPfi"
BINARY = Path("_C.abi3.so")
TOOL = Path("cuobjdump")


def test_recorded_kernels_are_read_with_their_unit_size_and_usage() -> None:
    kernels = list(parse_kernels(RECORDED))
    assert {kernel.unit for kernel in kernels} == {"holds_sm80"}
    assert [(str(kernel.sm), kernel.symbol) for kernel in kernels] == [
        ("80", HOLDS), ("80", TWICE), ("80-ptx", TWICE), ("80-ptx", HOLDS), ("90a", HOLDS), ("90a", TWICE),
    ]  # fmt: skip
    assert kernels[0].bytes == 0x880
    assert kernels[0].usage == Usage(registers=64, shared=128, stack=16, spills=4)
    assert kernels[1] == DeviceKernel("holds_sm80", Sm(80), TWICE, 0x180, Usage(8, 0, 0, 0))
    assert kernels[2].usage is None


def test_spills_of_an_older_compiler_are_unknown_and_not_none() -> None:
    of_cuda_12 = "64bit elf: type=2, abi=7, sm=80, toolkit=124, flags = 0x500550"
    old, count = re.subn(r"^64-bit ELF: .*$", of_cuda_12, RECORDED, flags=re.MULTILINE)
    assert count == 2
    assert {kernel.usage.spills for kernel in parse_kernels(old) if kernel.usage} == {None}


def test_the_stand_in_prints_what_the_reader_reads() -> None:
    made = (FakeKernel("a_sm80", "80", 640, 40, 128, 16, 3), FakeKernel("a_sm80", "80-ptx"))
    kernels = read_kernels(TOOL, BINARY, FakeCuobjdump(made))
    assert kernels[0] == DeviceKernel("a_sm80", Sm(80), "_ZN10warpwright13a_sm80_kernelEv", 640, Usage(40, 128, 16, 3))
    assert [str(kernel.sm) for kernel in kernels] == ["80", "80-ptx"]
    assert read_sms(TOOL, BINARY, FakeCuobjdump(made)) == {Sm(80), Sm(80, "", ptx=True)}


def test_a_binary_without_device_code_has_no_kernels() -> None:
    words = "cuobjdump info    : File 'a.so' does not contain device code"
    assert read_kernels(TOOL, BINARY, FakeRunner(lambda _: (255, words))) == ()


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        (1, "cuobjdump fatal : Invalid fatbin header", "there is no device code in 'cuobjdump fatal"),
        (0, RECORDED.replace("arch = sm_80", "arch = sm_x"), "a block names no SM"),
        (0, RECORDED.replace(".text.", ".data."), "kernels for SM 80 in unit 'holds_sm80', and 0 of them with code"),
        (0, RECORDED.replace("REG:8 ", "REG:? "), "1 kernels for SM 80"),
        (1, RECORDED, "ended with 1"),
    ],
    ids=["no device code", "unknown SM", "no code", "unknown registers", "failed"],
)
def test_what_cannot_be_read_is_an_error_that_says_why(status: int, text: str, why: str) -> None:
    with pytest.raises(AuditError, match=r"cuobjdump cannot read the device code of _C\.abi3\.so") as error:
        read_kernels(TOOL, BINARY, FakeRunner(lambda _: (status, text)))
    assert why in str(error.value)


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(RECORDED) - 1), st.text(max_size=3)), min_size=1, max_size=8),
    cut=st.one_of(st.none(), st.integers(0, len(RECORDED))),
    lines=st.lists(st.integers(0, 600), max_size=6),
)
def test_no_change_of_the_text_breaks_the_reader(
    changes: list[tuple[int, str]], cut: int | None, lines: list[int]
) -> None:
    text = RECORDED
    for index, put in changes:
        text = text[:index] + put + text[index + 1 :]
    rows = text[:cut].splitlines(keepends=True)
    text = "".join(row for number, row in enumerate(rows) if number not in lines)
    try:
        kernels = read_kernels(TOOL, BINARY, FakeRunner(lambda _: (0, text)))
    except AuditError as error:
        assert "_C.abi3.so" in str(error)  # noqa: PT017 - the error is one of two right answers
    else:
        assert all(kernel.symbol and kernel.bytes >= 0 for kernel in kernels)

"""The reader of device code in a binary: cuobjdump's listings as data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheelworks.errors import AuditError
from wheelworks.process import Completed, Runner
from wheelworks.sm import Sm

LISTED = re.compile(r"^(ELF|PTX) file +\d+: .*\.sm_(\d{2,3})([a-z]?)\.(?:cubin|ptx)$", re.MULTILINE)
NOTHING = ("does not contain device code", "No ELF file found", "No PTX file found")
TIME_LIMIT = 1800.0

BLOCK = re.compile(r"^Fatbin (elf|ptx) code:\n=+\n", re.MULTILINE)
ARCHITECTURE = re.compile(r"^arch = sm_(\d{2,3})([a-z]?)$", re.MULTILINE)
UNIT = re.compile(r"^identifier = (.+)$", re.MULTILINE)
TOOLKIT = re.compile(r"^64-bit ELF: .*\btoolkit=(\d+)\.", re.MULTILINE)
CODE = re.compile(r"^ *[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) .* \.text\.(\S+)$", re.MULTILINE)
USAGE = re.compile(r"^ Function (\S+):\n +REG:(\d+) STACK:(\d+) SHARED:(\d+) ", re.MULTILINE)
FUNCTION = re.compile(r"^ Function ", re.MULTILINE)
ENTRY = re.compile(r"^(?:\.\w+ +)*\.entry +([\w$]+)", re.MULTILINE)
SPILLS_SINCE = 13
"""The CUDA major version from which on the compiler writes down each instruction that spills or refills a register."""


@dataclass(frozen=True)
class Usage:
    """What the compiler gave a kernel: static shared memory and stack in bytes, the instructions that spill or refill.

    ``spills`` is None where the compiler was too old to write it down.
    """

    registers: int
    shared: int
    stack: int
    spills: int | None


@dataclass(frozen=True)
class DeviceKernel:
    """A kernel for one SM: the unit that it was compiled in, the bytes of its code; no usage where that is PTX."""

    unit: str
    sm: Sm
    symbol: str
    bytes: int
    usage: Usage | None


def read_sms(cuobjdump: Path, binary: Path, run: Runner) -> frozenset[Sm]:
    """Return the SMs that a binary has code for, as SASS or as PTX."""
    listings = "".join(_list(cuobjdump, option, binary, run) for option in ("--list-elf", "--list-ptx"))
    return frozenset(Sm(int(number), suffix, kind == "PTX") for kind, number, suffix in LISTED.findall(listings))


def read_kernels(cuobjdump: Path, binary: Path, run: Runner) -> tuple[DeviceKernel, ...]:
    """Return every kernel in a binary, for every SM that it has code for."""
    done = run([cuobjdump, "-elf", "-res-usage", "-ptx", binary], timeout=TIME_LIMIT)
    if any(words in done.output for words in NOTHING):
        return ()
    try:
        kernels = tuple(parse_kernels(done.output))
    except ValueError as error:
        raise _unreadable(binary, done, str(error)) from error
    if not done.ok:
        raise _unreadable(binary, done, done.last_lines())
    return kernels


def parse_kernels(text: str) -> Iterator[DeviceKernel]:
    """Read the output of ``cuobjdump -elf -res-usage -ptx``; ValueError where it is not what is known."""
    start, *parts = BLOCK.split(text)
    if not parts:
        raise ValueError(f"there is no device code in {start[-200:]!r}")
    for kind, block in zip(parts[::2], parts[1::2], strict=True):
        architecture = ARCHITECTURE.search(block)
        if architecture is None:
            raise ValueError(f"a block names no SM: {block[:200]!r}")
        unit = UNIT.search(block)
        sm = Sm(int(architecture[1]), architecture[2], kind == "ptx")
        yield from _parse_block(unit[1] if unit else "", sm, block)


def _parse_block(unit: str, sm: Sm, block: str) -> Iterator[DeviceKernel]:
    if sm.ptx:
        starts = [found.start() for found in ENTRY.finditer(block)] + [len(block)]
        for index, symbol in enumerate(ENTRY.findall(block)):
            yield DeviceKernel(unit, sm, symbol, starts[index + 1] - starts[index], None)
        return
    sizes = {symbol: int(size, 16) for size, symbol in CODE.findall(block)}
    spills = _count_spills(block)
    rows = USAGE.findall(block)
    if {row[0] for row in rows} != set(sizes) or len(rows) != len(FUNCTION.findall(block)):
        raise ValueError(f"{len(rows)} kernels for SM {sm} in unit {unit!r}, and {len(sizes)} of them with code")
    for symbol, registers, stack, shared in rows:
        count = spills[symbol] if spills is not None else None
        yield DeviceKernel(unit, sm, symbol, sizes[symbol], Usage(int(registers), int(shared), int(stack), count))


def _count_spills(block: str) -> Counter[str] | None:
    """Count the notes on spills in each kernel's information; None where the compiler wrote none."""
    toolkit = TOOLKIT.search(block)
    if toolkit is None or int(toolkit[1]) < SPILLS_SINCE:
        return None
    counts: Counter[str] = Counter()
    section = ""
    for line in block.splitlines():
        if line.startswith("."):
            section = line
        elif "SpillRefill" in line:
            counts[section.removeprefix(".nv.info.")] += 1
    return counts


def _list(cuobjdump: Path, option: str, binary: Path, run: Runner) -> str:
    done = run([cuobjdump, option, binary], timeout=TIME_LIMIT)
    if any(words in done.output for words in NOTHING):
        return ""
    if not done.ok or LISTED.search(done.output) is None:
        raise _unreadable(binary, done, done.last_lines())
    return done.output


def _unreadable(binary: Path, done: Completed, why: str) -> AuditError:
    return AuditError(
        f"cuobjdump cannot read the device code of {binary.name}",
        why=f"{done.command_line} ended with {done.returncode}:\n{why}",
        fix="use a cuobjdump at least as new as the CUDA that built the file",
    )

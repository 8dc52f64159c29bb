"""Stands in for cuobjdump: device code that a test describes, in the words of the real program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheelworks import process
from wheelworks.process import Completed

ALL_SMS = ("75", "80", "90a")
"""The SMs whose code serves every SM of the default lane."""

CUOBJDUMP = Path("cuobjdump")

ELF = """
Fatbin elf code:
================
arch = sm_{sm}
identifier = {unit}

64-bit ELF: type=ET_EXEC, ABI=8, sm={sm}, toolkit={toolkit}, flags=0x6005004
Sections:
Index Offset   Size ES Align                      Type    Flags Link     Info Name
   10   1500 {bytes:6x}  0 80                     PROGBITS        6    3  800000c .text.{symbol}

.nv.info.{symbol}
{spilled}
Resource usage:
 Common:
  GLOBAL:0
 Function {symbol}:
  REG:{registers} STACK:{stack} SHARED:{shared} LOCAL:0 CONSTANT[0]:360 TEXTURE:0 SURFACE:0 SAMPLER:0
"""
PTX = """
Fatbin ptx code:
================
arch = sm_{sm}
identifier = {unit}

.visible .entry {symbol}(
)
"""
SPILLED = "\t\tSpillRefill : \tOffset : 0xb0\n"


@dataclass(frozen=True)
class FakeKernel:
    """A kernel of a unit for one SM; the toolkit is the compiler that noted its spills, or did not.

    ``name`` is the C++ name of a kernel that other units have too; a unit's own has the unit's.
    """

    unit: str
    sm: str
    bytes: int = 4096
    registers: int = 32
    shared: int = 0
    stack: int = 0
    spills: int = 0
    toolkit: str = "13.0"
    name: str = ""

    @property
    def symbol(self) -> str:
        """The mangled name of ``warpwright::UNIT_kernel()``, or of ``warpwright::NAME()``."""
        name = self.name or f"{self.unit.partition('+')[0] or 'nameless'}_kernel"
        return f"_ZN10warpwright{len(name)}{name}Ev"

    def block(self) -> str:
        """Return what cuobjdump prints of it."""
        fields: dict[str, Any] = {**vars(self), "symbol": self.symbol, "sm": self.sm.removesuffix("-ptx")}
        if self.sm.endswith("-ptx"):
            return PTX.format(**fields)
        return ELF.format(**fields, spilled=SPILLED * self.spills)


def every_operator(operators: Iterable[str], sms: Sequence[str]) -> tuple[FakeKernel, ...]:
    """Return one kernel of every operator for every SM."""
    return tuple(FakeKernel(f"{operator}_sm{sm.removesuffix('-ptx')}", sm) for operator in operators for sm in sms)


class FakeCuobjdump:
    """Runs every other program for real."""

    def __init__(self, kernels: Sequence[FakeKernel], status: int = 0) -> None:
        self.kernels = kernels
        self.status = status

    def __call__(self, command: Sequence[str | Path], **options: Any) -> Completed:
        if command[0] != CUOBJDUMP:
            return process.run(command, **options)
        answers: Mapping[str, str] = {
            "--list-elf": self._list("ELF", "cubin", [sm for sm in self._sms if not sm.endswith("-ptx")]),
            "--list-ptx": self._list("PTX", "ptx", [sm for sm in self._sms if sm.endswith("-ptx")]),
        }
        blocks = "".join(kernel.block() for kernel in self.kernels)
        return Completed(tuple(map(str, command)), self.status, answers.get(str(command[1]), blocks))

    @property
    def _sms(self) -> list[str]:
        return sorted({kernel.sm for kernel in self.kernels})

    def _list(self, kind: str, ending: str, sms: Sequence[str]) -> str:
        lines = [f"{kind} file {n:4}: unit.sm_{sm.removesuffix('-ptx')}.{ending}\n" for n, sm in enumerate(sms, 1)]
        return "".join(lines) or f"cuobjdump info    : No {kind} file found to extract"

"""The reader of device code in a binary: cuobjdump's listings as data."""

from __future__ import annotations

import re
from pathlib import Path

from wheelworks.errors import AuditError
from wheelworks.process import Completed, Runner
from wheelworks.sm import Sm

LISTED = re.compile(r"^(ELF|PTX) file +\d+: .*\.sm_(\d{2,3})([a-z]?)\.(?:cubin|ptx)$", re.MULTILINE)
NOTHING = ("does not contain device code", "No ELF file found", "No PTX file found")


def read_sms(cuobjdump: Path, binary: Path, run: Runner) -> frozenset[Sm]:
    """Give the SMs that a binary has code for, as SASS or as PTX."""
    listings = "".join(_list(cuobjdump, option, binary, run) for option in ("--list-elf", "--list-ptx"))
    return frozenset(Sm(int(number), suffix, kind == "PTX") for kind, number, suffix in LISTED.findall(listings))


def _list(cuobjdump: Path, option: str, binary: Path, run: Runner) -> str:
    done = run([cuobjdump, option, binary], timeout=600.0)
    if any(words in done.output for words in NOTHING):
        return ""
    if not done.ok or LISTED.search(done.output) is None:
        raise _unreadable(binary, done)
    return done.output


def _unreadable(binary: Path, done: Completed) -> AuditError:
    return AuditError(
        f"cuobjdump cannot read the device code of {binary.name}",
        why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
        fix="use a cuobjdump at least as new as the CUDA that built the file",
    )

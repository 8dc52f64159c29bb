"""The file of the extension: whether it is whole, which is read before it is loaded, and what the loader says of it."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

from warpwright._refusal import REINSTALL, refuse

LIBRARY = Path(__file__).parent / "_C.abi3.so"

HEADER = struct.Struct("<4sBB10xHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
LOADED = 1
MACHINES = {62: "x86_64", 183: "aarch64"}

ADVICE = {
    r"GLIBC(XX)?_[\d.]+'? not found": "this system's C or C++ library is older than the wheel's, which is for glibc "
    "2.28 or newer: use a newer system or container",
    r"undefined symbol": "this torch lacks what the wheel needs: install an unmodified torch 2.10 or newer beside it",
    r"libtorch|libc10": "torch's own libraries are not where torch is: reinstall it with `pip install "
    "--force-reinstall torch`",
    r"failed to map segment|Operation not permitted": "the file system may be mounted with noexec: install the wheel "
    "into another folder",
    r"Permission denied": "make the file readable for this user",
}
"""What mends that which the loader says, by its words; the first that fits."""

OTHERWISE = (
    "the wheel is for Linux with glibc 2.28 or newer and an unmodified torch: reinstall both into one environment"
)


def check(path: Path) -> None:
    """Refuse a library that is missing, cut off or of another machine: to load it could end the process by a signal."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(4096)
    except FileNotFoundError:
        raise refuse(
            "extension-missing",
            f"warpwright: {path} is missing: this is a source tree or a damaged installation; install a wheel, for "
            "example with `pip install warpwright`",
        ) from None
    except OSError as error:
        raise cannot_load(path, str(error)) from error
    _check_head(path, head, size)


def _check_head(path: Path, head: bytes, size: int) -> None:
    if len(head) < HEADER.size or head[:6] != b"\x7fELF\x02\x01":
        raise refuse("extension-damaged", f"warpwright: {path} ({size} bytes) is no 64-bit ELF library: {REINSTALL}")
    found = MACHINES.get(HEADER.unpack_from(head)[4])
    if found != os.uname().machine:
        raise refuse(
            "extension-machine",
            f"warpwright: {path} is for {found or 'another machine'}, and this one is {os.uname().machine}: "
            "install the wheel for it",
        )
    whole = _whole_size(head)
    if size < whole:
        raise refuse(
            "extension-damaged", f"warpwright: {path} is cut off, {size} bytes of at least {whole}: {REINSTALL}"
        )


def _whole_size(head: bytes) -> int:
    """Return where the last of what the header promises ends: the section table, or a segment that is mapped."""
    *_, segments_at, sections_at, _, _, segment_size, segments, section_size, sections, _ = HEADER.unpack_from(head)
    ends = [sections_at + section_size * sections, segments_at + segment_size * segments]
    for number in range(segments):
        at = segments_at + segment_size * number
        if at + SEGMENT.size <= len(head):
            kind, _, offset, _, _, length, _, _ = SEGMENT.unpack_from(head, at)
            ends.append(offset + length if kind == LOADED else 0)
    return int(max(ends))


def cannot_load(path: Path, reason: str) -> ImportError:
    """Return the error for what the loader says, with what mends it."""
    words = " ".join(reason.split())
    advice = next((advice for pattern, advice in ADVICE.items() if re.search(pattern, words)), OTHERWISE)
    return refuse("extension-loader", f"warpwright: cannot load {path}: {words}; {advice}")

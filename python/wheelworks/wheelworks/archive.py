"""Zip archives that may be anything: bounded reads, and nothing is unpacked that could leave its folder."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from wheelworks import files
from wheelworks.errors import FileError, WheelError

MIB = 1 << 20


class FaultKind(StrEnum):
    """What makes an archive unsafe to unpack."""

    PATH_ESCAPE = "path-escape"
    UNSAFE_NAME = "unsafe-name"
    NOT_A_PLAIN_FILE = "not-a-plain-file"
    DUPLICATE_ENTRY = "duplicate-entry"
    ZIP_BOMB = "zip-bomb"


@dataclass(frozen=True, order=True)
class Fault:
    """One reason not to unpack an archive: the entry, with ASCII escapes, and what is wrong with it."""

    entry: str
    kind: FaultKind
    found: str


@dataclass(frozen=True)
class Limits:
    """What an archive may hold. Device code comes compressed, so an entry that shrinks much further is no library."""

    entries: int = 100_000
    total_bytes: int = 8192 * MIB
    small_entry_bytes: int = 16 * MIB
    ratio: int = 200
    text_bytes: int = 16 * MIB


DEFAULT_LIMITS = Limits()


def refused(path: Path, why: str) -> WheelError:
    """Return the error for a file that cannot be read as a wheel."""
    return WheelError(f"cannot read {path.name} as a wheel", why=why, fix="build or download the file again")


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever is wrong with its bytes, also when they are read later, is a WheelError."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                _check_packing(path, info)
            yield archive
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise refused(path, str(error) or type(error).__name__) from error
    except (OSError, ValueError, OverflowError) as error:
        raise refused(path, str(error)) from error


def read_text(path: Path, archive: zipfile.ZipFile, entry: str, limits: Limits) -> str:
    """Read one small UTF-8 file of an archive."""
    try:
        info = archive.getinfo(entry)
    except KeyError as error:
        raise refused(path, f"it has no {entry}") from error
    if info.file_size > limits.text_bytes:
        raise refused(path, f"{entry} has {info.file_size} bytes, more than the {limits.text_bytes} that it may have")
    try:
        return archive.read(info).decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(path, f"{entry} is no UTF-8: {error}") from error


def newest_time(path: Path) -> int:
    """Return the time of an archive's newest file in seconds of the epoch, read as UTC."""
    with opened(path) as archive:
        times = [datetime(*info.date_time, tzinfo=UTC) for info in archive.infolist()]
    return int(max(times, default=datetime(1980, 1, 1, tzinfo=UTC)).timestamp())


def find_faults(archive: zipfile.ZipFile, size: int, limits: Limits) -> Iterator[Fault]:
    """Find all that makes an archive of ``size`` bytes unsafe to unpack, from its list of files alone."""
    infos = archive.infolist()
    for info in infos:
        yield from _name_faults(info)
        yield from _kind_faults(info)
        if info.file_size > max(limits.small_entry_bytes, limits.ratio * info.compress_size):
            found = f"{info.file_size} bytes packed into {info.compress_size}"
            yield Fault(_shown(info), FaultKind.ZIP_BOMB, found)
    yield from _duplicate_faults(infos)
    total, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if total > limits.total_bytes or len(infos) > limits.entries or packed > size:
        found = f"{len(infos)} files of {total} bytes, packed into {packed} in a file of {size}"
        yield Fault("", FaultKind.ZIP_BOMB, found)


def unpack(path: Path, into: Path, limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack an archive into a new folder. One with faults is refused, and a failure leaves no folder behind."""
    with opened(path) as archive:
        faults = sorted(find_faults(archive, path.stat().st_size, limits))
        if faults:
            raise refused(path, "; ".join(f"{fault.kind} {fault.entry!r}: {fault.found}" for fault in faults[:5]))
        into.mkdir(parents=True)
        try:
            for info in archive.infolist():
                _unpack_entry(archive, info, into / info.filename)
        except BaseException:
            files.remove(into)
            raise


def _unpack_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    if info.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as packed, target.open("xb") as stream:
        while chunk := packed.read(MIB):
            _write(stream, chunk, target)


def _write(stream: BinaryIO, chunk: bytes, target: Path) -> None:
    try:
        stream.write(chunk)
    except OSError as error:  # of the disk, not of the archive
        raise FileError(f"cannot write {target}", why=str(error), fix="free some space, or set TMPDIR") from error


def _check_packing(path: Path, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise refused(path, f"{_shown(info)} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refused(path, f"{_shown(info)} is packed by method {info.compress_type}; a wheel uses 0 or 8")


def _shown(info: zipfile.ZipInfo) -> str:
    return ascii(info.orig_filename)[1:-1]


def _name_faults(info: zipfile.ZipInfo) -> Iterator[Fault]:
    name = info.orig_filename  # filename is cut at a NUL
    if not name.isascii() or not name.isprintable():
        yield Fault(_shown(info), FaultKind.UNSAFE_NAME, "a name with characters beyond printable ASCII")
    parts = name.removesuffix("/").split("/")
    if "\\" in name or ":" in name or {"", ".", ".."} & set(parts):
        yield Fault(_shown(info), FaultKind.PATH_ESCAPE, "a name that is no plain path below the folder")
    elif max(map(len, parts)) > 255 or len(name) > 4000:
        yield Fault(_shown(info)[:80], FaultKind.UNSAFE_NAME, f"a name of {len(name)} characters")


def _kind_faults(info: zipfile.ZipInfo) -> Iterator[Fault]:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        yield Fault(_shown(info), FaultKind.NOT_A_PLAIN_FILE, "a symbolic link")
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield Fault(_shown(info), FaultKind.NOT_A_PLAIN_FILE, f"a special file of type {kind:#o}")


def _duplicate_faults(infos: list[zipfile.ZipInfo]) -> Iterator[Fault]:
    names = [info.filename.removesuffix("/") for info in infos]
    for name, count in Counter(names).items():
        if count > 1:
            yield Fault(ascii(name)[1:-1], FaultKind.DUPLICATE_ENTRY, f"{count} entries of this name")
    plain = {info.filename for info in infos if not info.is_dir()}
    for name in sorted(plain):
        if any(str(parent) in plain for parent in PurePosixPath(name).parents):
            yield Fault(ascii(name)[1:-1], FaultKind.DUPLICATE_ENTRY, "a file below another file")

"""What the loader reads of an ELF file, as data."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct.core import ConstructError
from elftools.elf.dynamic import DynamicSegment, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerSymSection
from elftools.elf.sections import SymbolTableSection

from wheelworks.errors import AuditError

MAGIC = b"\x7fELF"
EXECUTABLE = 1  # PF_X
BIND_NOW = 8  # DF_BIND_NOW
NOW = 1  # DF_1_NOW

# What pyelftools raises, beyond its own errors, where a table of a broken file points nowhere.
MALFORMED = (ELFError, ConstructError, struct.error, ValueError, KeyError, IndexError, AttributeError, TypeError,
             AssertionError, OverflowError, MemoryError, OSError)  # fmt: skip


@dataclass(frozen=True)
class Elf:
    """A shared library or program: what it needs, where the loader looks for it, and how it is hardened."""

    entry: str
    path: Path
    needed: tuple[str, ...]
    run_path: tuple[str, ...]
    executable_stack: bool
    read_only_after_relocation: bool
    bound_at_start: bool
    undefined: tuple[str, ...]
    sections: frozenset[str]

    @property
    def full_relro(self) -> bool:
        """True where the whole table of addresses is read-only once the file is loaded."""
        return self.read_only_after_relocation and self.bound_at_start

    @property
    def has_device_code(self) -> bool:
        """True where the file carries CUDA binaries."""
        return ".nv_fatbin" in self.sections


@dataclass(frozen=True)
class Symbols:
    """The dynamic symbols of a library. ``needed`` leaves out the weak ones, which may be missing, and those with a
    version, which name the library that has them (libc, libstdc++)."""

    exported: frozenset[str]
    needed: frozenset[str]


def read_elf(path: Path, entry: str) -> Elf | None:
    """Read a file that the loader can load; None for any other file, a broken one is an AuditError."""
    with path.open("rb") as stream:
        if stream.read(4) != MAGIC:
            return None
        try:
            file = ELFFile(stream)
            return _read(file, path, entry) if file["e_type"] in ("ET_DYN", "ET_EXEC") else None
        except MALFORMED as error:
            raise AuditError(
                f"cannot read {entry} as an ELF file",
                why=f"{type(error).__name__}: {error}",
                fix="the file is cut or damaged: build the wheel again",
            ) from error


def symbols_of(path: Path, entry: str) -> Symbols:
    """Read what a library gives to others and what it must get; a file that is none is an AuditError."""
    try:
        with path.open("rb") as stream:
            return _split_symbols(ELFFile(stream))
    except MALFORMED as error:
        raise AuditError(
            f"cannot read the symbols of {entry}", why=f"{type(error).__name__}: {error}", fix="get the file again"
        ) from error


def _split_symbols(file: ELFFile) -> Symbols:
    table, versions = file.get_section_by_name(".dynsym"), file.get_section_by_name(".gnu.version")
    if not isinstance(table, SymbolTableSection):
        return Symbols(frozenset(), frozenset())
    exported, needed = set(), set()
    for index, symbol in enumerate(table.iter_symbols()):
        binding = symbol["st_info"]["bind"]
        if symbol["st_shndx"] != "SHN_UNDEF":
            exported.add(symbol.name)
        elif binding == "STB_GLOBAL" and not _has_version(versions, index):
            needed.add(symbol.name)
    return Symbols(frozenset(exported), frozenset(needed))


def _has_version(versions: object, index: int) -> bool:
    return isinstance(versions, GNUVerSymSection) and isinstance(versions.get_symbol(index)["ndx"], int)


def _read(file: ELFFile, path: Path, entry: str) -> Elf | None:
    if file["e_machine"] == "EM_CUDA":
        return None  # a cubin: device code alone, which the driver loads
    segments = {segment["p_type"]: segment for segment in file.iter_segments()}
    dynamic = segments.get("PT_DYNAMIC")
    tags = list(dynamic.iter_tags()) if isinstance(dynamic, DynamicSegment) else []
    stack = segments.get("PT_GNU_STACK")
    return Elf(
        entry=entry,
        path=path,
        needed=_strings(tags, "DT_NEEDED"),
        run_path=_strings(tags, "DT_RPATH") + _strings(tags, "DT_RUNPATH"),
        executable_stack=stack is None or bool(stack["p_flags"] & EXECUTABLE),  # none asked for: the old default
        read_only_after_relocation="PT_GNU_RELRO" in segments,
        bound_at_start=any(_binds_now(tag.entry.d_tag, tag.entry.d_val) for tag in tags),
        undefined=_undefined(file),
        sections=frozenset(section.name for section in file.iter_sections()),
    )


def _strings(tags: list[DynamicTag], kind: str) -> tuple[str, ...]:
    attribute = kind.removeprefix("DT_").lower()  # pyelftools adds the string under this name
    return tuple(str(getattr(tag, attribute)) for tag in tags if tag.entry.d_tag == kind)


def _binds_now(tag: str, value: int) -> bool:
    return (
        tag == "DT_BIND_NOW"
        or (tag == "DT_FLAGS" and value & BIND_NOW != 0)
        or (tag == "DT_FLAGS_1" and value & NOW != 0)
    )


def _undefined(file: ELFFile) -> tuple[str, ...]:
    table = file.get_section_by_name(".dynsym")
    if not isinstance(table, SymbolTableSection):
        return ()
    return tuple(
        sorted(symbol.name for symbol in table.iter_symbols() if symbol.name and symbol["st_shndx"] == "SHN_UNDEF")
    )

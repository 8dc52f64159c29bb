"""A wheel as data: its name, metadata and list of files, read without unpacking it."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from wheelworks.archive import DEFAULT_LIMITS, Fault, Limits, find_faults, opened, read_text, refused


@dataclass(frozen=True)
class RecordRow:
    """A line of RECORD; the digest is ``sha256=...``, and RECORD's own line has neither digest nor size."""

    path: str
    digest: str
    size: str


@dataclass(frozen=True)
class Wheel:
    """What a wheel says of itself, and the files that it holds. With faults, it must not be unpacked."""

    path: Path
    name: NormalizedName
    version: Version
    tags: frozenset[Tag]
    dist_info: str
    metadata_name: NormalizedName
    metadata_version: Version
    metadata: str
    requires: tuple[Requirement, ...]
    requires_python: SpecifierSet
    wheel_tags: frozenset[Tag]
    record: tuple[RecordRow, ...]
    entries: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def platforms(self) -> frozenset[str]:
        """The platform tags of the file name."""
        return frozenset(tag.platform for tag in self.tags)

    @property
    def platform(self) -> str:
        """The platform tags as the file name has them: in its order, with dots between them."""
        return self.path.stem.rpartition("-")[2]


def read_wheel(path: Path, limits: Limits = DEFAULT_LIMITS) -> Wheel:
    """Read a wheel's file name, metadata and list of files; one that cannot be read is a WheelError."""
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise refused(path, str(error)) from error
    with opened(path) as archive:
        dist_info = _find_dist_info(path, archive)
        texts = {
            part: read_text(path, archive, f"{dist_info}/{part}", limits) for part in ("METADATA", "WHEEL", "RECORD")
        }
        faults = tuple(sorted(find_faults(archive, path.stat().st_size, limits)))
        entries = tuple(info.filename for info in archive.infolist() if not info.is_dir())
    metadata, _ = parse_email(texts["METADATA"])
    return Wheel(
        path=path,
        name=name,
        version=version,
        tags=tags,
        dist_info=dist_info,
        metadata_name=canonicalize_name(metadata.get("name", "")),
        metadata_version=_parse_version(path, metadata.get("version", "")),
        metadata=texts["METADATA"],
        requires_python=_parse_specifiers(path, metadata.get("requires_python", "")),
        requires=tuple(_parse_requirement(path, line) for line in metadata.get("requires_dist", [])),
        wheel_tags=_parse_wheel_tags(path, texts["WHEEL"]),
        record=_parse_record(path, texts["RECORD"]),
        entries=entries,
        faults=faults,
    )


def read_metadata(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """Read the METADATA of a wheel, and nothing else of it."""
    with opened(path) as archive:
        return read_text(path, archive, f"{_find_dist_info(path, archive)}/METADATA", limits)


def _find_dist_info(path: Path, archive: zipfile.ZipFile) -> str:
    tops = {name.split("/")[0] for name in archive.namelist()}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        raise refused(path, f"expected one .dist-info folder, found {found or 'none'}")
    return found[0]


def _parse_version(path: Path, text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise refused(path, f"METADATA has the version {text!r}, which is none by PEP 440") from error


def _parse_requirement(path: Path, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise refused(path, f"METADATA requires {text!r}, which is no requirement") from error


def _parse_specifiers(path: Path, text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise refused(path, f"METADATA requires Python {text!r}, which is no set of versions") from error


def _parse_wheel_tags(path: Path, text: str) -> frozenset[Tag]:
    lines = HeaderParser().parsestr(text).get_all("Tag", [])
    try:
        return frozenset(tag for line in lines for tag in parse_tag(str(line)))
    except ValueError as error:
        raise refused(path, f"WHEEL has a Tag that is none: {error}") from error


def _parse_record(path: Path, text: str) -> tuple[RecordRow, ...]:
    try:
        rows = [row for row in csv.reader(text.splitlines(), strict=True) if row]
    except csv.Error as error:
        raise refused(path, f"RECORD is no CSV: {error}") from error
    if any(len(row) != 3 for row in rows):
        raise refused(path, "RECORD has a line without exactly three columns")
    return tuple(RecordRow(*row) for row in rows)

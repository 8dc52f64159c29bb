"""A release as data: its wheels, what is known of each, and the proofs that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from packaging.tags import Tag
from packaging.version import Version
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from wheelworks.manifest.document import read_document
from wheelworks.manifest.fields import (
    AnyVersion,
    Commit,
    ProjectName,
    PublicVersion,
    Sha256,
    Size,
    SmWord,
    Specifiers,
    WheelName,
    name_parts,
)
from wheelworks.proof import ProofKind


class Channel(StrEnum):
    """Where a release is offered. A preview is a local build that lacks proofs: it is on no index but its own."""

    RELEASE = "release"
    NIGHTLY = "nightly"
    PREVIEW = "preview"


class Record(BaseModel):
    """Base of all parts of a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


class ProofEntry(Record):
    """A proof with the digest of its file: whether it holds, what it shows in one sentence, and its content or sums."""

    kind: ProofKind
    sha256: Sha256
    holds: bool
    summary: Annotated[str, Field(max_length=1000)]
    content: dict[str, JsonValue]


class ReleasedWheel(Record):
    """One file of a release, and what a user or an index must know of it without opening it."""

    file: WheelName
    sha256: Sha256
    size: Size
    metadata_sha256: Sha256
    provenance_sha256: Sha256 | None = None
    lane: str
    cuda: AnyVersion
    sms: Annotated[tuple[SmWord, ...], Field(min_length=1)]
    architecture: str
    requires_python: Specifiers
    torch: AnyVersion
    driver: AnyVersion
    commit: Commit | None
    sources: dict[str, str]
    proofs: tuple[ProofEntry, ...]
    unproved: tuple[str, ...] = ()

    @property
    def version(self) -> Version:
        """The version of the file name, with the lane's label."""
        return name_parts(self.file)[1]

    @property
    def tags(self) -> frozenset[Tag]:
        """The tags of the file name, for which an installer takes it."""
        return name_parts(self.file)[3]

    @property
    def label(self) -> str:
        """The lane's label in the version: cu130, and for a thin SM set cu130.sm90a."""
        return self.version.local or ""

    def proof(self, kind: ProofKind) -> ProofEntry | None:
        """Find the proof of a kind."""
        return next((entry for entry in self.proofs if entry.kind == kind), None)


class Manifest(Record):
    """A release: published whole or not at all."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    project: ProjectName
    version: PublicVersion
    channel: Channel
    created: AwareDatetime
    commit: Commit | None
    notes: str = ""
    tracks: tuple[str, ...] = ()
    alternate_locations: tuple[str, ...] = ()
    wheels: Annotated[tuple[ReleasedWheel, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees(self) -> Manifest:
        if faults := list(_faults(self)):
            raise ValueError("; ".join(faults))
        return self


def _faults(manifest: Manifest) -> Iterator[str]:
    files = [wheel.file for wheel in manifest.wheels]
    if files != sorted(set(files)):
        yield "the wheels are not sorted, or two have one name"
    for wheel in manifest.wheels:
        project, version, _, _ = name_parts(wheel.file)
        if project != manifest.project or Version(version.public) != manifest.version:
            yield f"{wheel.file} is no wheel of {manifest.project} {manifest.version}"
        if wheel.unproved and manifest.channel != Channel.PREVIEW:
            yield f"{wheel.file} is unproved ({wheel.unproved[0]}), which only a preview may be"
    if manifest.channel == Channel.NIGHTLY and not manifest.version.is_devrelease:
        yield f"{manifest.version} is no version of a nightly; expected one with .dev"


def manifest_name(manifest: Manifest) -> str:
    """Return the file name of a manifest."""
    return f"{manifest.project}-{manifest.version}.json"


def to_json(manifest: Manifest) -> str:
    """Return a manifest's text: the same bytes for the same data."""
    return manifest.model_dump_json(by_alias=True, indent=1) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; one that is broken or contradicts itself is a ManifestError."""
    return read_document(path, Manifest)

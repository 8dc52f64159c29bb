"""The plan of a publication: what is sent, in which order, and what speaks against it. Nothing is read or sent here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path

from wheelworks.checksums import NAME as CHECKSUMS
from wheelworks.errors import ConflictError


class Stage(IntEnum):
    """When a file is sent. A page comes after all that it names, so a reader meets no name without its file."""

    WHEEL = 0
    METADATA = 1
    MANIFEST = 2
    PAGE = 3
    LAST = 4


@dataclass(frozen=True)
class Item:
    """A file to be published: its path at the target, its digest, and where its bytes are.

    A ``fixed`` one never changes once it is there.
    """

    path: str
    sha256: str
    source: Path
    stage: Stage
    fixed: bool

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self.source.stat().st_size


@dataclass(frozen=True)
class Plan:
    """What a publication does: the files that are sent, in order, those that are there already, and strangers."""

    sent: tuple[Item, ...]
    kept: tuple[str, ...]
    strange: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"send {item.path} ({item.size} bytes)" for item in self.sent]
        lines += [f"leave {path}: it is not of this publication" for path in self.strange]
        return "\n".join([*lines, f"{len(self.sent)} to send, {len(self.kept)} there already"])


def stage_of(path: str) -> Stage:
    """Say when a path of an index is sent: by what it may name."""
    if path.startswith("files/"):
        return Stage.WHEEL if path.endswith(".whl") else Stage.METADATA
    if path.startswith("manifests/"):
        return Stage.MANIFEST
    return Stage.PAGE if "/" in path else Stage.LAST


def is_manifest(path: str) -> bool:
    """True for the manifest of a release: an index only ever gets more of them."""
    return fnmatchcase(path, "manifests/*.json") and path != "manifests/notices.json"


def is_fixed(path: str) -> bool:
    """True for a path of an index whose bytes never change."""
    return path.startswith("files/") or is_manifest(path)


def in_order(items: Sequence[Item]) -> tuple[Item, ...]:
    """Sort files for sending: a page before the one above it, which names it; the digests of all others last."""
    return tuple(sorted(items, key=lambda item: (item.stage, item.path == CHECKSUMS, -item.path.count("/"), item.path)))


def plan_publication(items: Sequence[Item], present: Mapping[str, str]) -> Plan:
    """Compare what is to be published with the digests at the target; whatever conflicts is told, all of it at once."""
    wanted = {item.path for item in items}
    if conflicts := [*_changed(items, present), *_unknown(wanted, present)]:
        raise ConflictError(
            f"nothing was sent: {len(conflicts)} files at the target are in the way",
            why="".join(f"\n    {conflict}" for conflict in conflicts),
            fix="what was published once never changes: release a new version, or publish the index that has it all",
        )
    return Plan(
        sent=in_order([item for item in items if present.get(item.path) != item.sha256]),
        kept=tuple(sorted(item.path for item in items if present.get(item.path) == item.sha256)),
        strange=tuple(sorted(set(present) - wanted)),
    )


def _changed(items: Sequence[Item], present: Mapping[str, str]) -> Iterator[str]:
    for item in items:
        found = present.get(item.path, item.sha256)
        if item.fixed and found != item.sha256:
            yield f"{item.path}: the target has sha256 {found}, and this one is {item.sha256}"


def _unknown(wanted: set[str], present: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(set(present) - wanted):
        if is_manifest(path):
            yield f"{path}: the target has this release, and the index to be published does not"

"""The catalogue: all manifests that an index was made from, and what was said of their files since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from packaging.version import Version
from pydantic import Field

from wheelworks.errors import IndexingError
from wheelworks.manifest import Channel, Manifest, ReleasedWheel, read_manifest
from wheelworks.manifest.document import read_document
from wheelworks.manifest.fields import WheelName
from wheelworks.manifest.model import Record

FOLDER = "manifests"
NOTICES = "notices.json"


class Notices(Record):
    """What no manifest can say: where the index is served, how many nightlies it keeps, and what was yanked later."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._:\[\]/~-]+/$")]
    nightlies: Annotated[int, Field(ge=1)]
    yanked: dict[WheelName, Annotated[str, Field(min_length=1, max_length=500)]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """A wheel that an index lists, with what is read from its name once."""

    wheel: ReleasedWheel
    manifest: Manifest
    version: Version
    label: str
    yanked: str | None
    provenance: str | None


@dataclass(frozen=True)
class Catalogue:
    """All that an index is generated from."""

    notices: Notices
    manifests: tuple[Manifest, ...] = field(default=())

    def with_manifest(self, added: Manifest) -> Catalogue:
        """Add a release. The same one again changes nothing; a known file or version with other bytes is refused."""
        if added in self.manifests:
            return self
        known = {wheel.file: wheel.sha256 for manifest in self.manifests for wheel in manifest.wheels}
        for wheel in added.wheels:
            if known.get(wheel.file, wheel.sha256) != wheel.sha256:
                why = f"it is known with sha256 {known[wheel.file]}, and this one has {wheel.sha256}"
                raise _refused(f"{wheel.file} would change", why)
        if any((other.project, other.version) == (added.project, added.version) for other in self.manifests):
            raise _refused(f"{added.project} {added.version} would change", "it was released with another manifest")
        return replace(self, manifests=(*self.manifests, added))

    def with_yank(self, file: str, reason: str | None) -> Catalogue:
        """Yank a file for a reason, or with None take it back."""
        if all(wheel.file != file for manifest in self.manifests for wheel in manifest.wheels):
            raise IndexingError(f"cannot yank {file}", why="the index does not have it", fix="check the file's name")
        yanked = {name: why for name, why in self.notices.yanked.items() if name != file}
        yanked |= {file: reason} if reason else {}
        return replace(self, notices=Notices.model_validate({**self.notices.model_dump(), "yanked": yanked}))

    def listed(self) -> tuple[Listed, ...]:
        """Return the wheels that the pages show, by project and version: of the nightlies the newest versions alone."""
        kept = (manifest for manifests in _by_channel(self.manifests) for manifest in self._kept(manifests))
        found = [self._row(manifest, wheel) for manifest in kept for wheel in manifest.wheels]
        return tuple(sorted(found, key=lambda row: (row.manifest.project, row.version, row.wheel.file)))

    def _row(self, manifest: Manifest, wheel: ReleasedWheel) -> Listed:
        version = wheel.version
        # PEP 740 wants a whole URL, unlike the links of the other PEPs.
        provenance = f"{self.notices.url}files/{quote(wheel.file)}.provenance" if wheel.provenance_sha256 else None
        yanked = self.notices.yanked.get(wheel.file)
        return Listed(wheel, manifest, version, version.local or "", yanked, provenance)

    def _kept(self, manifests: list[Manifest]) -> list[Manifest]:
        if manifests[0].channel != Channel.NIGHTLY:
            return manifests
        return sorted(manifests, key=lambda manifest: manifest.version)[-self.notices.nightlies :]


def check(catalogue: Catalogue) -> None:
    """Refuse a catalogue whose parts contradict each other, whoever put it together."""
    if faults := list(_faults(catalogue.manifests)):
        raise _refused("the index is refused", "; ".join(faults))


def read_catalogue(folder: Path, notices: Notices) -> Catalogue:
    """Read the manifests below a written index; ``notices`` stand in where it has none yet."""
    path = folder / NOTICES
    known = read_document(path, Notices) if path.exists() else None
    if known is not None:
        notices = notices.model_copy(update={"yanked": known.yanked})
    names = sorted(path for path in folder.glob("*.json") if path.name != NOTICES)
    return Catalogue(notices, tuple(read_manifest(path) for path in names))


def _by_channel(manifests: tuple[Manifest, ...]) -> Iterator[list[Manifest]]:
    def key(manifest: Manifest) -> tuple[str, str]:
        return manifest.project, manifest.channel

    for _, group in groupby(sorted(manifests, key=key), key):
        yield list(group)


def _faults(manifests: tuple[Manifest, ...]) -> Iterator[str]:
    releases = Counter((manifest.project, str(manifest.version)) for manifest in manifests)
    yield from (f"two manifests of {' '.join(name)}" for name, count in releases.items() if count > 1)
    names = Counter(wheel.file for manifest in manifests for wheel in manifest.wheels)
    yield from (f"{file} stands in {count} manifests" for file, count in names.items() if count > 1)
    channels = {manifest.channel for manifest in manifests}
    if Channel.PREVIEW in channels and len(channels) > 1:
        yield "a preview, which is unproved, stands beside a release"


def _refused(what: str, why: str) -> IndexingError:
    return IndexingError(what, why=why, fix="what was served once never changes: release a new version")

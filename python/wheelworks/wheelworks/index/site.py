"""A site as data: every path below the index's folder, with its bytes or with where its bytes come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Part(StrEnum):
    """What a file of content is taken from: the wheel itself, its METADATA, or its attestations."""

    WHEEL = "wheel"
    METADATA = "metadata"
    PROVENANCE = "provenance"


@dataclass(frozen=True, order=True)
class Content:
    """A file that never changes once it is served: ``files/NAME.whl``, with ``.metadata`` or ``.provenance``."""

    path: str
    sha256: str
    part: Part
    wheel: str


@dataclass(frozen=True, order=True)
class Page:
    """A file that a later release may change."""

    path: str
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """The digest of the page."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Site:
    """All of an index. Contents come before pages: a page never names a file that is not there yet."""

    contents: tuple[Content, ...]
    pages: tuple[Page, ...]

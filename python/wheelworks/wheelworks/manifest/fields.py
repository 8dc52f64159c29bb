"""The fields of a manifest that could do harm: names that become paths and links, versions, digests."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from wheelworks.provenance import COMMIT

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")
LONGEST_NAME = 200
"""File systems allow 255 bytes, and `.metadata` and a temporary name's suffix come after it."""


# An index of ten thousand wheels asks for the parts of each name several times.
name_parts = lru_cache(maxsize=1 << 16)(parse_wheel_filename)


def _is_wheel_name(text: str) -> str:
    """Check a wheel's file name: one plain, normalised component of a path, and nothing that a page would escape."""
    if SAFE_NAME.fullmatch(text) is None or len(text) > LONGEST_NAME:
        raise ValueError(f"{text[:LONGEST_NAME]!r} is no plain file name of a wheel")
    project, version, _, _ = name_parts(text)
    normal = f"{project.replace('-', '_')}-{version}-"
    if not text.startswith(normal):
        raise ValueError(f"{text!r} is not normalised; expected it to begin with {normal}")
    if not text.endswith(end := _normal_tags(text)):
        raise ValueError(f"{text!r} is not normalised; expected it to end with {end}")
    return text


def _normal_tags(name: str) -> str:
    """Return the end of a wheel's name with each part's tags sorted, each once: a set of tags has one spelling."""
    parts = name.removesuffix(".whl").lower().split("-")[-3:]
    return f"-{'-'.join('.'.join(sorted(set(part.split('.')))) for part in parts)}.whl"


def _is_project(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text) or canonicalize_name(text) != text:
        raise ValueError(f"{text!r} is no normalised project name")
    return text


def _to_version(value: object) -> object:
    return Version(value) if isinstance(value, str) else value


def _is_public(version: Version) -> Version:
    if version.local is not None:
        raise ValueError(f"{version} has a label; the version of a release has none")
    return version


def _to_specifiers(value: object) -> object:
    return SpecifierSet(value) if isinstance(value, str) else value


as_text = PlainSerializer(str, return_type=str)

WheelName = Annotated[str, AfterValidator(_is_wheel_name)]
ProjectName = Annotated[str, AfterValidator(_is_project)]
AnyVersion = Annotated[Version, BeforeValidator(_to_version), as_text]
PublicVersion = Annotated[AnyVersion, AfterValidator(_is_public)]
Specifiers = Annotated[SpecifierSet, BeforeValidator(_to_specifiers), as_text]
SmWord = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,2}[a-z]?(-ptx)?$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=COMMIT)]
Size = Annotated[int, Field(ge=1, lt=2**53)]
"""Bytes of a file; a number of JSON is exact up to 2**53."""

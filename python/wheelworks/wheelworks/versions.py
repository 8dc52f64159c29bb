"""The version: it stands in one file, and every other place that names it must agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from wheelworks import files
from wheelworks.archive import DEFAULT_LIMITS, opened, read_text
from wheelworks.errors import VersionError, WheelError
from wheelworks.wheel import Wheel

SOURCE = Path("python/warpwright/_version.py")
IN_WHEEL = "warpwright/_version.py"
BUILD_RECORD = "warpwright/_build.json"
LINE = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
SECTION = re.compile(r"^## ", re.MULTILINE)


def source_version(project: Path) -> Version:
    """Return the version that the source says."""
    try:
        text = (project / SOURCE).read_text(encoding="utf-8")
    except OSError as error:
        fix = "run from the project's folder"
        raise VersionError(f"cannot read {SOURCE}", why=error.strerror or str(error), fix=fix) from error
    found = LINE.search(text)
    if found is None:
        why = 'it has no line __version__ = "..."'
        raise VersionError(f"{SOURCE} names no version", why=why, fix="`nox -s version -- 0.1.0` writes one")
    return parse_version(found[1])


def parse_version(text: str) -> Version:
    """Read a version by PEP 440, in its normal form and without a label, which a lane adds."""
    try:
        version = Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text!r} is no version", why="PEP 440 cannot read it", fix="write 1.2.3") from error
    if str(version) != text or version.local:
        raise VersionError(f"{text!r} is no version of a release", why=f"expected {version.public}", fix="write that")
    return version


def set_version(project: Path, version: Version) -> None:
    """Write the version into its one place."""
    text = (project / SOURCE).read_text(encoding="utf-8")
    files.write_text(project / SOURCE, LINE.sub(f'__version__ = "{version}"', text))


def check_tag(tag: str, version: Version) -> None:
    """Refuse a tag that is not the version's."""
    if tag != f"v{version}":
        fix = f"tag v{version}, or `nox -s version -- {tag.removeprefix('v')}` first"
        raise VersionError(f"the tag {tag} is not of this source", why=f"{SOURCE} says {version}", fix=fix)


def changelog_section(text: str, version: Version) -> str:
    """Return what the changelog says of a version, which becomes the release's text."""
    for section in SECTION.split(text)[1:]:
        title, _, body = section.partition("\n")
        if title.split()[:1] in ([str(version)], [f"[{version}]"]):
            if not body.strip():
                break
            return body.strip() + "\n"
    fix = f"write what changed below a line `## {version} - YYYY-MM-DD`"
    raise VersionError(f"CHANGELOG.md has no text for {version}", why="its section is missing or empty", fix=fix)


def disagreements(wheel: Wheel, version: Version) -> Iterator[str]:
    """Find the places in a wheel that do not say ``version``, each with its label where it has one."""
    if wheel.version.public != str(version):
        yield f"its file name says {wheel.version.public}, and the release is {version}"
    if wheel.metadata_version != wheel.version:
        yield f"METADATA says {wheel.metadata_version}, and its file name {wheel.version}"
    try:
        yield from _inner_disagreements(wheel)
    except WheelError as error:
        yield error.why


def _inner_disagreements(wheel: Wheel) -> Iterator[str]:
    with opened(wheel.path) as archive:
        source = read_text(wheel.path, archive, IN_WHEEL, DEFAULT_LIMITS)
        record = read_text(wheel.path, archive, BUILD_RECORD, DEFAULT_LIMITS)
    found = LINE.search(source)
    if found is None or found[1] != wheel.version.public:
        yield f"{IN_WHEEL} says {found[1] if found else 'no version'}, and its file name {wheel.version.public}"
    recorded = _recorded_version(record)
    if recorded != str(wheel.version):
        yield f"{BUILD_RECORD}, which `warpwright.__version__` is read from, says {recorded}"


def _recorded_version(text: str) -> str:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return "nothing readable"
    return str(record.get("version", "nothing")) if isinstance(record, dict) else "nothing readable"

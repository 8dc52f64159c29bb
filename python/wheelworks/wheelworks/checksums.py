"""SHA256SUMS: the digests of files by their paths below its folder, as ``sha256sum --check`` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wheelworks.errors import ChecksumsError

NAME = "SHA256SUMS"
LARGEST = 64 << 20

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<path>[A-Za-z0-9._+!/-]+)")


def write_checksums(rows: Iterable[tuple[str, str]]) -> str:
    """Return the text for pairs of a path and a digest, sorted by path."""
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(rows))


def read_checksums(data: bytes, *, name: str = NAME) -> dict[str, str]:
    """Read digests by path; a line that is none, a path that leaves the folder or one named twice is refused."""
    if len(data) > LARGEST:
        raise _refused(name, f"it has {len(data)} bytes, more than the {LARGEST} that it may have")
    try:
        rows = list(_rows(data.decode("ascii")))
    except ValueError as error:
        raise _refused(name, str(error)) from error
    table = dict(rows)
    if len(table) != len(rows):
        raise _refused(name, "a path stands there twice")
    return table


def _rows(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or {"", ".", ".."} & set(match["path"].split("/")):
            raise ValueError(f"line {number} is no digest and plain path: {line[:200]!a}")
        yield match["path"], match["sha256"]


def _refused(name: str, why: str) -> ChecksumsError:
    return ChecksumsError(f"{name} is refused", why=why, fix="make it again with `nox -s manifest` or `nox -s index`")

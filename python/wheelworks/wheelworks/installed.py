"""Installed packages, held against the RECORD that each of them brought."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path


def damaged_files(site: Path) -> tuple[str, ...]:
    """Return the files below a folder of packages that are not what their package's RECORD says, sorted.

    An installer checks a package's digest when it is downloaded, and not again when its cache gives the unpacked files
    a second time.
    """
    return tuple(sorted(name for record in site.glob("*.dist-info/RECORD") for name in _damaged(site, record)))


def _damaged(site: Path, record: Path) -> Iterator[str]:
    for row in csv.reader(record.read_text(encoding="utf-8").splitlines()):
        name, digest, *_ = (*row, "", "")
        if not digest.startswith("sha256="):  # RECORD's own line, and files that an installer made
            continue
        path = site / name
        if not path.is_file() or _digest(path) != digest.removeprefix("sha256="):
            yield name


def _digest(path: Path) -> str:
    """Return a SHA-256 as RECORD writes it: URL-safe base64 without padding."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode("ascii")

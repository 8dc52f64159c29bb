"""Where an index is read from: a folder of this machine, or a server that sends one file at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import requests

from wheelworks.errors import VerifyError
from wheelworks.index import CURRENT

LARGEST = 8 << 30
TIMEOUT = 60.0


class Source(Protocol):
    """An index that can be read; a file that is not there, or is none, is None."""

    @property
    def name(self) -> str:
        """Where it is."""

    @contextmanager
    def file(self, path: str) -> Iterator[Path | None]:
        """Return a file's place on this machine while the block runs."""

    def paths(self) -> set[str] | None:
        """Return the paths of all files, where that can be known."""


@dataclass(frozen=True)
class Folder:
    """An index, a copy of one, or the folder of a release."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    @property
    def root(self) -> Path:
        """What a server of it serves."""
        tree = self.folder / CURRENT
        return (tree if tree.is_dir() else self.folder).resolve()

    @contextmanager
    def file(self, path: str) -> Iterator[Path | None]:
        """Return a plain file of the folder. ``files`` may be a link, as in an index; any other link leads to none."""
        found = self.root / path
        homes = (self.root, (self.root / "files").resolve())
        inside = any(found.resolve().is_relative_to(home) for home in homes)
        yield found if inside and found.is_file() and not found.is_symlink() else None

    def paths(self) -> set[str]:
        """Return all files below the folder."""
        root = self.root
        pages = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        return pages | {f"files/{path.name}" for path in (root / "files").glob("[!.]*")}


@dataclass(frozen=True)
class Site:
    """An index that a server serves."""

    url: str
    session: requests.Session

    @property
    def name(self) -> str:
        """The URL."""
        return self.url

    @contextmanager
    def file(self, path: str) -> Iterator[Path | None]:
        """Fetch a file into a folder that is gone after the block."""
        with TemporaryDirectory(prefix="wheelworks-verify-") as work:
            target = Path(work) / Path(path).name
            yield target if self._fetch(path, target) else None

    def paths(self) -> None:
        """Return nothing: a server lists no folder."""

    def _fetch(self, path: str, target: Path) -> bool:
        url = f"{self.url}{path.replace('+', '%2B')}"
        try:
            with self.session.get(url, stream=True, timeout=TIMEOUT) as answer:
                if answer.status_code in (403, 404):  # a bucket that may not be listed says 403
                    return False
                answer.raise_for_status()
                _save(answer, target)
        except requests.RequestException as error:
            fix = "check the URL and the network; nothing is known of what was not read"
            raise VerifyError(f"cannot read {url}", why=str(error), fix=fix) from error
        return True


def open_source(place: str) -> Source:
    """Open a folder or a URL."""
    if place.startswith(("http://", "https://")):
        return Site(place if place.endswith("/") else f"{place}/", requests.Session())
    if not Path(place).is_dir():
        why = "it is neither a folder nor a URL that begins with http:// or https://"
        raise VerifyError(f"cannot verify {place}", why=why, fix="name the folder or the URL of an index")
    return Folder(Path(place))


def _save(answer: requests.Response, target: Path) -> None:
    left = LARGEST
    with target.open("wb") as stream:
        for chunk in answer.iter_content(1 << 20):
            left -= len(chunk)
            if left < 0:
                why = f"it has more than the {LARGEST} bytes that a file may have"
                raise VerifyError(f"cannot read {answer.url}", why=why, fix="find out what is served there")
            stream.write(chunk)

"""The store: folders of the user's cache that are made once, named by their content, and looked at before each use.

Beside its files, each folder holds the list of them, written when it was made. A look at sizes and times costs
milliseconds; a release, and `wheelworks doctor`, read every byte. What is damaged is named and made anew.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from wheelworks import files
from wheelworks.errors import FileError

LIST = ".files.json"
SCHEMA = 1


class Entry(BaseModel):
    """A file as it was made: bytes, mode, time of its last change (ns) and SHA-256; for a link, where it points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = 0
    mode: int = 0
    time: int = 0
    sha256: str = ""
    link: str = ""


class Listing(BaseModel):
    """Every file and link of a folder, by its path there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: int = SCHEMA
    entries: dict[str, Entry]


@dataclass(frozen=True)
class Store:
    """The cache's folder, and how what it holds is looked at; ``say`` is told of damage.

    Nothing in it shares an inode with another's cache: what fills a folder copies.
    """

    root: Path
    every_byte: bool = False
    say: Callable[[str], None] = lambda _: None

    def ensure(self, name: str, fill: Callable[[Path], None]) -> Path:
        """Return the folder ``name``, filled where it is not there or not as it was made: whole, or an error.

        A whole folder is only read, so another user's will do. ``fill`` gets an empty folder, which takes the name when
        it returns; what a killed maker left behind is removed by the next one.
        """
        folder = self.root / name
        if folder.exists() and not damage(folder, every_byte=self.every_byte):
            return folder
        files.make_folder(folder.parent)
        with files.named_failure(folder), FileLock(f"{folder}.lock"):
            self._remove_damaged(folder)
            if not folder.exists():
                _make(folder, fill)
        return folder

    def examine(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Read every byte of every folder; yield the folder's name and what is damaged in it."""
        for note in sorted(self.root.glob(f"*/*/{LIST}")):
            yield str(note.parent.relative_to(self.root)), damage(note.parent, every_byte=True)

    def _remove_damaged(self, folder: Path) -> None:
        """Look again under the lock: another may have mended the folder meanwhile."""
        if folder.exists() and (found := damage(folder, every_byte=self.every_byte)):
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            self.say(f"{folder} is damaged and made anew: {found[0]}{more}")
            files.remove(folder)


def damage(folder: Path, *, every_byte: bool) -> tuple[str, ...]:
    """Return what differs from the folder's list, one phrase for each file; nothing where it is whole."""
    try:
        listing = Listing.model_validate_json((folder / LIST).read_bytes())
    except (OSError, ValidationError):
        return ("its list of files cannot be read",)
    if listing.schema_ != SCHEMA:
        return (f"its list of files has schema {listing.schema_}, expected {SCHEMA}",)
    found = {name: path for name, path in _walk(folder) if name != LIST}
    differences = [f"{name} is missing" for name in listing.entries.keys() - found.keys()]
    differences += [f"{name} was added" for name in found.keys() - listing.entries.keys()]
    for name in listing.entries.keys() & found.keys():
        differences += _differences(name, found[name], listing.entries[name], every_byte=every_byte)
    return tuple(sorted(differences))


def _differences(name: str, path: Path, entry: Entry, *, every_byte: bool) -> Iterator[str]:
    try:
        now = _look(path)
        if now.link != entry.link:
            yield f"{name} is no longer {f'a link to {entry.link}' if entry.link else 'a file'}"
        elif now.size != entry.size:
            yield f"{name} has {now.size} bytes, expected {entry.size}"
        elif now.time != entry.time:
            yield f"{name} was written to after it was made"
        elif now.mode != entry.mode:
            yield f"{name} has mode {now.mode:o}, expected {entry.mode:o}"
        elif every_byte and not entry.link and files.sha256_of(path) != entry.sha256:
            yield f"{name} has other bytes"
    except OSError as error:
        yield f"{name} cannot be read: {error.strerror}"


def _make(folder: Path, fill: Callable[[Path], None]) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    files.remove(unfinished)
    try:
        unfinished.mkdir()
        fill(unfinished)
        files.write_text(unfinished / LIST, _list(unfinished).model_dump_json())
        unfinished.rename(folder)
    finally:
        files.remove(unfinished)


def _list(folder: Path) -> Listing:
    entries = {}
    for name, path in _walk(folder):
        entry = _look(path)
        if not entry.link:
            _require_own(path)
            entry = entry.model_copy(update={"sha256": files.sha256_of(path)})
        entries[name] = entry
    return Listing(entries=entries)


def _require_own(path: Path) -> None:
    """Refuse a file that another name shares: who writes to that name would change this file."""
    if (links := path.stat().st_nlink) != 1:
        raise FileError(
            f"{path} shares its bytes with another file",
            why=f"it has {links} names, and what is in the store has one",
            fix="report this: whatever filled the folder has linked and not copied",
        )


def _look(path: Path) -> Entry:
    if path.is_symlink():
        return Entry(link=str(path.readlink()))
    found = path.stat()
    return Entry(size=found.st_size, mode=stat.S_IMODE(found.st_mode), time=found.st_mtime_ns)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Find every file and link below a folder, with its path there; a link to a folder is a link."""
    for where, inner, names in os.walk(folder):
        links = [name for name in inner if os.path.islink(os.path.join(where, name))]  # noqa: PTH114, PTH118  of thousands
        for name in (*links, *names):
            path = Path(where, name)
            yield str(path.relative_to(folder)), path

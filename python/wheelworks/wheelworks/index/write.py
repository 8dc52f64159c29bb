"""The folder of an index. A reader sees the old index or the new one, whatever happens to the writer.

``FOLDER/files`` has what never changes. ``FOLDER/trees/DIGEST`` has all pages of one state, and ``FOLDER/current`` is a
symbolic link to one of them: the folder that a server serves. To swap the link is the one step that readers notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from wheelworks import files
from wheelworks.errors import FileError, IndexingError
from wheelworks.index.catalogue import FOLDER, Catalogue, Notices, read_catalogue
from wheelworks.index.plan import FILES, contents_of, plan_site
from wheelworks.index.site import Content, Page, Part, Site
from wheelworks.wheel import read_metadata

CURRENT = "current"
PATIENCE = 600.0
"""Seconds to wait for another publisher."""


@dataclass(frozen=True)
class Changes:
    """What an update does to an index: paths below its folder."""

    placed: tuple[str, ...]
    written: tuple[str, ...]
    dropped: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"place {path}" for path in self.placed]
        lines += [f"write {path}" for path in self.written] + [f"drop {path}" for path in self.dropped]
        return "\n".join(lines) or "nothing changes"


def update_index(
    folder: Path,
    notices: Notices,
    change: Callable[[Catalogue], Catalogue],
    *,
    wheels: Path | None = None,
    dry_run: bool = False,
) -> Changes:
    """Change an index: what changed is written, under a lock that keeps other publishers waiting.

    ``wheels`` is the folder that new wheels are taken from; each is checked against its manifest on the way.
    """
    with locked(folder):
        old = read_catalogue(folder / CURRENT / FOLDER, notices)
        new = change(old)
        site = plan_site(new)
        served = {content.path for content in contents_of(old.listed())}
        changes = plan_changes(folder, site, served)
        if not dry_run and changes != Changes((), (), ()):
            new_paths = set(changes.placed)
            _place(folder, [content for content in site.contents if content.path in new_paths], wheels)
            swap(folder, site, set(changes.written))
            _clean(folder, served | {content.path for content in site.contents})
        return changes


def plan_changes(folder: Path, site: Site, served: set[str]) -> Changes:
    """Compare a site with a folder. A file that is there and was not served is a killed writer's: it comes anew."""
    wanted = {content.path for content in site.contents}
    pages = {page.path for page in site.pages}
    tree = folder / CURRENT
    old = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()} if tree.exists() else set()
    return Changes(
        placed=tuple(
            content.path
            for content in site.contents
            if content.path not in served or not (folder / content.path).exists()
        ),
        written=tuple(page.path for page in site.pages if not _is(tree / page.path, page.data)),
        dropped=tuple(sorted((old - pages) | (served - wanted))),
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other publishers of a folder waiting."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=PATIENCE):
            yield
    except Timeout as error:
        why = f"another publisher has held {folder / '.lock'} for {PATIENCE:.0f} s"
        raise IndexingError(f"cannot change {folder}", why=why, fix="wait for it, or stop it") from error


def _is(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _place(folder: Path, contents: Sequence[Content], wheels: Path | None) -> None:
    """Bring new content in, each wheel before what is read from it."""
    for content in sorted(contents, key=lambda content: content.part != Part.WHEEL):
        target = folder / content.path
        if content.part == Part.METADATA:
            _write_metadata(folder / FILES / content.wheel, target, content.sha256)
        elif wheels is None:
            raise IndexingError(
                f"cannot place {content.path}", why="it is not there yet", fix="name the wheels' folder"
            )
        else:
            _copy(wheels / target.name, target, content.sha256)


def _copy(source: Path, target: Path, sha256: str) -> None:
    if source.is_symlink() or not source.is_file():
        fix = "bring the release's own files"
        raise IndexingError(f"cannot place {target.name}", why=f"{source} is no plain file", fix=fix)
    try:
        files.place(source, target, sha256=sha256)
    except FileError as error:
        raise IndexingError(f"cannot place {target.name}", why=error.why, fix=error.fix) from error


def _write_metadata(wheel: Path, target: Path, sha256: str) -> None:
    data = read_metadata(wheel).encode()
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        why = f"the METADATA in {wheel.name} has sha256 {found}, and its manifest says {sha256}"
        raise IndexingError(f"cannot place {target.name}", why=why, fix="make the manifest again")
    unfinished = target.with_name(f".{target.name}")
    files.write_new(unfinished, data)
    files.rename(unfinished, target)


def swap(folder: Path, site: Site, written: set[str]) -> None:
    """Make the tree of the new state beside the old one, then swap the link."""
    lines = "".join(f"{page.sha256} {page.path}\n" for page in site.pages)
    name = hashlib.sha256(lines.encode()).hexdigest()[:16]
    tree, unfinished = folder / "trees" / name, folder / "trees" / f".{name}"
    previous = (folder / CURRENT).resolve().name
    if name == previous:  # content that was lost came back; a page is written only where it was damaged
        _mend(tree, [page for page in site.pages if page.path in written])
        return
    files.remove(unfinished)
    files.remove(tree)
    for page in site.pages:
        if page.path in written:
            files.write_new(unfinished / page.path, page.data)
        else:
            files.share(folder / CURRENT / page.path, unfinished / page.path)
    files.link(unfinished / FILES, Path("../..") / FILES)
    files.sync()
    files.rename(unfinished, tree)
    files.link(folder / CURRENT, tree.relative_to(folder))
    for other in (folder / "trees").iterdir():
        if other.name not in (name, previous):
            files.remove(other)


def _mend(tree: Path, pages: Sequence[Page]) -> None:
    for page in pages:
        unfinished = tree.with_name(f".{tree.name}.mended")
        files.write_new(unfinished, page.data)
        files.rename(unfinished, tree / page.path)


def _clean(folder: Path, kept: set[str]) -> None:
    """Remove what neither this state nor the last one names; a reader may still have the last one's page."""
    for path in (folder / FILES).glob("*"):
        if f"{FILES}/{path.name}" not in kept:
            files.remove(path)

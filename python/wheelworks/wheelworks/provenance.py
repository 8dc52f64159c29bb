"""Where a wheel's source comes from: the commit, and whatever on the disk is not that commit's."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelworks.errors import ProvenanceError
from wheelworks.process import Completed, Runner, closed_environment
from wheelworks.wheel import Wheel

INPUTS = ("csrc", "include", "licenses", "python/backend", "python/warpwright")
"""The folders that a build takes whole, by a pattern or by an include: a file more there is a file more in a wheel."""

PACKAGE = "python/"
"""Where the package lies that a wheel holds as it is."""

COMMIT = r"^([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?$"
"""A commit as a proof names it."""

BLOB = re.compile(r"(\d{6}) blob ([0-9a-f]{40,64})\t(.+)\Z", re.DOTALL)
HEAD = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$", re.MULTILINE)
LINK = "120000"
PROGRAM = "100755"


@dataclass(frozen=True)
class Origin:
    """The commit of a checkout, and what differs from it, one phrase each; or in one sentence why none is known."""

    commit: str | None
    changes: tuple[str, ...] = ()
    unknown: str = ""
    package: frozenset[str] = frozenset()

    @property
    def name(self) -> str | None:
        """The commit, with ``-dirty`` after it where the disk has something else; None where none is known."""
        return f"{self.commit}-dirty" if self.commit and self.changes else self.commit

    @property
    def sentence(self) -> str | None:
        """What there is to say of it; None for a clean commit."""
        if self.commit is None:
            return f"the proof will name no commit: {self.unknown}"
        if self.changes:
            more = f", and {len(self.changes) - 1} more" if len(self.changes) > 1 else ""
            return f"the proof will name the commit as dirty: {self.changes[0]}{more}"
        return None


def find_origin(project: Path, run: Runner) -> Origin:
    """Ask git for the commit, and compare the disk with it byte by byte.

    Git's own answer heeds ignore files, flags and filters, which a compiler does not.
    """
    if not (project / ".git").exists():
        return Origin(None, unknown=f"{project} is no git checkout")
    found = _ask(project, run, "rev-parse", "--verify", "HEAD")
    listed = _ask(project, run, "ls-tree", "-r", "-z", "--full-tree", "HEAD")
    head = HEAD.search(found.output)
    if head is None or not (found.ok and listed.ok):
        done = listed if found.ok else found
        return Origin(None, unknown=f"git does not answer: {' '.join(done.output.split())}")
    tree = {path: (mode, blob) for mode, blob, path in _blobs(listed.output)}
    package = frozenset(path.removeprefix(PACKAGE) for path in tree if path.startswith(f"{PACKAGE}warpwright/"))
    return Origin(head[0], tuple(sorted(_changes(project, tree))), package=package)


def require_known(origin: Origin) -> None:
    """Refuse for a release what no commit, or no clean one, would bring back."""
    if origin.sentence is None:
        return
    raise ProvenanceError(
        "a release is built from one clean commit",
        why="; ".join(origin.changes[:10]) or origin.unknown,
        fix="commit or remove what differs; where git refuses a checkout of another user, own it or name it in git's "
        "safe.directory",
    )


def with_contents(origin: Origin, wheel: Wheel) -> Origin:
    """Return the origin with what a wheel lacks of the package's files, as where an ignore file has kept them out."""
    missing = sorted(origin.package - set(wheel.entries)) if origin.commit else []
    changes = [f"{path} is in the commit and not in the wheel" for path in missing]
    return Origin(origin.commit, (*origin.changes, *changes), origin.unknown, origin.package)


def _ask(project: Path, run: Runner, *words: str) -> Completed:
    """Ask git for what the commit itself has, in this repository and in none around it."""
    command: list[str | Path] = ["git", "--no-replace-objects", "-C", project, *words]
    return run(command, env=closed_environment(GIT_CEILING_DIRECTORIES=str(project.parent)))


def _blobs(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.split("\0"):
        if found := BLOB.search(line):
            yield found[1], found[2], found[3]


def _changes(project: Path, tree: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for path, (mode, blob) in tree.items():
        content = _content(project / path, mode)
        if content is None:
            yield f"{path} is missing"
        elif _blob(content, len(blob)) != blob:
            yield f"{path} is not the commit's"
        elif mode != LINK and _is_program(project / path) != (mode == PROGRAM):
            yield f"{path} has not the commit's mode"
    yield from (f"{path} is not in the commit" for path in _inputs(project) if path not in tree)


def _content(path: Path, mode: str) -> bytes | None:
    if path.is_symlink():
        return os.fsencode(path.readlink()) if mode == LINK else b""
    return path.read_bytes() if path.is_file() else None


def _is_program(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _blob(content: bytes, digits: int) -> str:
    """Return git's name of a content; the number of digits tells which digest the repository uses."""
    digest = hashlib.sha1 if digits == 40 else hashlib.sha256
    return digest(b"blob %d\0" % len(content) + content).hexdigest()


def _inputs(project: Path) -> Iterator[str]:
    for folder in INPUTS:
        for where, inner, names in os.walk(project / folder):
            links = [name for name in inner if Path(where, name).is_symlink()]
            paths = (Path(where, name) for name in (*links, *names))
            yield from (path.relative_to(project).as_posix() for path in paths if not _is_made(path))


def _is_made(path: Path) -> bool:
    """Tell what an interpreter makes beside a source, which no build takes; a source in such a folder is one."""
    return path.parent.name == "__pycache__" and path.suffix == ".pyc"

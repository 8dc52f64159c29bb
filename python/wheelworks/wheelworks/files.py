"""The one place that writes files: a reader sees the old content or the new, never a part."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock
from platformdirs import user_cache_path

from wheelworks.child import HELD
from wheelworks.errors import FileError, SettingError


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for toolchains and sources: ``WHEELWORKS_CACHE``, else the user's cache folder."""
    named = environment.get("WHEELWORKS_CACHE")
    return absolute(named) if named else user_cache_path("warpwright")


def absolute(named: str) -> Path:
    """Return a folder that a variable names, as an absolute path; ``~`` stands for the home.

    A relative one counts from the working folder, and not from wherever a link to it lies.
    """
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        why = f"{named.split('/')[0]} stands for the home of a user that this machine does not know"
        raise SettingError(f"there is no folder {named}", why=why, fix="name the folder by its whole path") from error


def write_text(path: Path, text: str) -> None:
    """Write a whole file: into a temporary one beside it, which then takes its place."""
    with named_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_together(texts: Mapping[Path, str]) -> None:
    """Write several files, or none: where one fails, all is as it was, and no new file or folder stays."""
    with ExitStack() as scraps, ExitStack() as undo:
        staged = {}
        for path, text in texts.items():
            _make_undoable(path.parent, undo)
            staged[path] = path.with_name(f".{path.name}.new")
            undo.callback(staged[path].unlink, missing_ok=True)
            write_text(staged[path], text)
        for path, new in staged.items():
            old = path.with_name(f".{path.name}.old")
            if path.exists():
                remove(old)
                share(path, old)
                scraps.callback(old.unlink, missing_ok=True)
                undo.callback(old.replace, path)
            else:
                undo.callback(path.unlink, missing_ok=True)
            rename(new, path)
        undo.pop_all()


def _make_undoable(folder: Path, undo: ExitStack) -> None:
    if not folder.is_dir():
        _make_undoable(folder.parent, undo)
        with named_failure(folder):
            folder.mkdir()
        undo.callback(folder.rmdir)


def place(source: Path, target: Path, *, sha256: str | None = None) -> None:
    """Put a finished file at ``target``, also from another file system, replacing what was there in one step.

    With a digest, a copy that has another one is a FileError, and ``target`` stays as it was.
    """
    with named_failure(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                found = _copy(source, stream, digest=sha256 is not None)
            if found != sha256:
                why = f"{source} has sha256 {found}, and {sha256} was expected"
                raise FileError(f"cannot place {target.name}", why=why, fix="find out who changed the file")
            temporary.chmod(0o644)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _copy(source: Path, stream: BinaryIO, *, digest: bool) -> str | None:
    """Copy a file, and give the digest of the very bytes that were written."""
    if not digest:
        with source.open("rb") as original:
            shutil.copyfileobj(original, stream)
        return None
    found = hashlib.sha256()
    with source.open("rb") as original:
        while chunk := original.read(1 << 20):
            found.update(chunk)
            stream.write(chunk)
    return found.hexdigest()


def write_new(path: Path, data: bytes) -> None:
    """Write a file into a folder that no reader knows yet; `sync` makes it last."""
    with named_failure(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def share(source: Path, target: Path) -> None:
    """Put a file that never changes in a second place, without a second copy."""
    with named_failure(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(source)


def rename(unfinished: Path, target: Path) -> None:
    """Put a finished file or folder in its place."""
    with named_failure(target):
        unfinished.rename(target)


def sync() -> None:
    """Have all that was written last through a failure of the machine."""
    os.sync()


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Have ``folder`` to oneself, empty; it is removed at the end, and so is what a killed user left in it before."""
    make_folder(folder.parent)
    with FileLock(f"{folder}.lock"):
        remove(folder)
        make_folder(folder)
        try:
            yield
        finally:
            remove(folder)


@contextmanager
def held(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Have ``folder`` to oneself; where another process has it, say which, and wait until it ends.

    The commands that are run meanwhile have the lock as well: where their starter is killed, they end first.
    """
    make_folder(folder.parent)
    note = folder.with_name(f"{folder.name}.holder")
    with named_failure(folder):
        lock = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(lock, f"another build has {folder}, ", note, say)
        HELD.add(lock)
        try:
            write_text(note, str(os.getpid()))
            yield
        finally:
            note.unlink(missing_ok=True)
    finally:
        HELD.discard(lock)
        fcntl.flock(lock, fcntl.LOCK_UN)  # also for a process that a command has left somewhere
        os.close(lock)


def _take(lock: int, what: str, note: Path, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = note.read_text(encoding="utf-8") if note.exists() else "unknown"
        killed = holder.isdigit() and not Path("/proc", holder).exists()
        say(f"{what}process {holder}{', which was killed and whose compilers run on' * killed}: waiting for it to end")
        fcntl.flock(lock, fcntl.LOCK_EX)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; one that is there is fine."""
    with named_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)


def link(name: Path, target: Path) -> None:
    """Make ``name`` a symbolic link to ``target``, replacing an older link in one step."""
    with named_failure(name):
        name.parent.mkdir(parents=True, exist_ok=True)
        if name.is_symlink() and name.readlink() == target:
            return
        temporary = name.with_name(f".{name.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(name)


def remove(path: Path) -> None:
    """Remove a file, or a folder and all in it; one that is not there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_sha256(root: Path, folders: tuple[str, ...]) -> str:
    """Return one digest for the files below ``root/<folder>``: their paths and contents, in sorted order."""
    lines = []
    for folder in folders:
        lines += [
            f"{sha256_of(path)}  {path.relative_to(root).as_posix()}\n"
            for path in (root / folder).rglob("*")
            if path.is_file()
        ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


@contextmanager
def named_failure(path: Path) -> Iterator[None]:
    """Turn an error of the system into a FileError that names the file."""
    try:
        yield
    except OSError as error:
        fix = "make the folder writable, or name another one"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "free some space, or name a cache on a larger disk with WHEELWORKS_CACHE"
        raise FileError(f"cannot write {path}", why=error.strerror or str(error), fix=fix) from error

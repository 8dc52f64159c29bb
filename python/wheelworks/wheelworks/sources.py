"""The sources stage: headers of other projects, from pinned packages, in content-addressed folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelworks import files, uv_client
from wheelworks.errors import SourceError
from wheelworks.matrix import Matrix
from wheelworks.matrix_rows import Source
from wheelworks.process import Runner
from wheelworks.store import Store


@dataclass(frozen=True)
class Sources:
    """The folders that stand in for FetchContent's downloads, by the name of the dependency."""

    folders: dict[str, Path]
    commits: dict[str, str]


def ensure_sources(
    matrix: Matrix, *, store: Store, run: Runner, on_line: Callable[[str], None] | None = None
) -> Sources:
    """Return a folder for every source of the matrix, each filled and checked once."""
    return Sources(
        folders={
            name: ensure_source(name, source, store=store, run=run, on_line=on_line)
            for name, source in matrix.sources.items()
        },
        commits={name: source.commit for name, source in matrix.sources.items()},
    )


def ensure_source(
    name: str, source: Source, *, store: Store, run: Runner, on_line: Callable[[str], None] | None = None
) -> Path:
    """Return the folder of one source: exactly the files of the pinned commit, complete or absent."""
    return store.ensure(f"sources/{name}-{source.tree_sha256[:16]}", lambda folder: _fill(source, folder, run, on_line))


def _fill(source: Source, folder: Path, run: Runner, on_line: Callable[[str], None] | None) -> None:
    package = folder / "package"
    lock = folder / "lock.txt"
    lock.write_text(
        " \\\n    ".join([source.package, *(f"--hash=sha256:{digest}" for digest in source.sha256)]) + "\n",
        encoding="utf-8",
    )
    done = uv_client.install_locked(lock, package, architecture="x86_64", run=run, on_line=on_line)
    if not done.ok:
        raise SourceError(
            f"uv could not install {source.package}",
            why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
            fix="check the network and the index; a wrong hash means that the file is not the one that was pinned",
        )
    _take(source, package / source.root, folder)
    files.remove(package)
    lock.unlink()


def _take(source: Source, root: Path, folder: Path) -> None:
    """Keep the pinned folders alone, and only if their content is that of the pinned commit."""
    for inner in source.folders:
        if not (root / inner).is_dir():
            raise SourceError(
                f"{source.package} has no {source.root}/{inner}",
                why="the package does not have the layout that matrix.toml describes",
                fix="correct root and folders of this source in matrix.toml",
            )
        _refuse_links(source, root / inner)
        (folder / inner).parent.mkdir(parents=True, exist_ok=True)
        (root / inner).rename(folder / inner)
    found = files.tree_sha256(folder, source.folders)
    if found != source.tree_sha256:
        raise SourceError(
            f"the files of {source.package} are not those of commit {source.commit}",
            why=f"expected tree sha256 {source.tree_sha256}, found {found}",
            fix="pin a package whose files equal the commit's, and its digest",
        )


def _refuse_links(source: Source, folder: Path) -> None:
    links = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink())
    if links:
        raise SourceError(
            f"{source.package} has symbolic links",
            why=f"headers are plain files, found {', '.join(links[:5])}",
            fix="pin a package without links",
        )

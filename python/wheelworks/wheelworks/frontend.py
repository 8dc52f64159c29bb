"""The build frontend and the backend: uv and scikit-build-core from a lock, the same for every kind of toolchain.

A build needs no index: what calls the compilers is pinned by digest, and stands in the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelworks import uv_client
from wheelworks.errors import ToolchainError
from wheelworks.matrix import Matrix
from wheelworks.process import Runner
from wheelworks.store import Store


@dataclass(frozen=True)
class Frontend:
    """What calls the build backend: uv, with a Python, and the folder that has the backend."""

    uv: Path
    python: Path
    backend: Path


def ensure_frontend(
    matrix: Matrix,
    project: Path,
    architecture: str,
    *,
    python: Path,
    store: Store,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> Frontend:
    """Return uv and the build backend in a folder of the store, each file checked against the lock."""
    lock = project / matrix.build_tools.lock
    digest = hashlib.sha256(f"{architecture}\n{lock.read_text(encoding='utf-8')}".encode()).hexdigest()[:16]

    def fill(folder: Path) -> None:
        done = uv_client.install_locked(lock, folder, architecture=architecture, run=run, on_line=on_line)
        if not done.ok:
            why = f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}"
            fix = "check the network and the index; after an edit of matrix.toml run `nox -s lock`"
            raise ToolchainError("uv could not install the build's tools", why=why, fix=fix)

    root = store.ensure(f"build-tools/{digest}", fill)
    return Frontend(uv=root / "bin" / "uv", python=python, backend=root)

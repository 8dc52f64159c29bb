"""Packages from the index, installed by uv into a folder: the one place that talks to the network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from uv import find_uv_bin

from wheelworks.process import Completed, Runner

# The oldest glibc whose packages a toolchain may use; the wheels themselves reach further back.
PLATFORM = {"x86_64": "x86_64-manylinux_2_28", "aarch64": "aarch64-manylinux_2_28"}


def install_locked(
    lock: Path, into: Path, *, architecture: str, run: Runner, on_line: Callable[[str], None] | None = None
) -> Completed:
    """Install exactly what a lock names, each file checked against the lock's hashes, and nothing that it needs."""
    return run(
        [*_install(into, architecture), "--require-hashes", "--requirement", lock],
        on_line=on_line,
    )


def install_pinned(
    packages: Sequence[str],
    into: Path,
    *,
    architecture: str,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Install pinned packages without what they need; the caller checks what came."""
    return run([*_install(into, architecture), *packages], on_line=on_line)


def write_lock(packages: Sequence[str], *, run: Runner, scratch: Path) -> Completed:
    """Ask the index for the hashes of pinned packages; the output is the lock's text."""
    wanted = scratch / "packages.txt"
    wanted.write_text("".join(f"{package}\n" for package in packages), encoding="utf-8")
    return run(
        [find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes", "--no-deps", "--no-header", "--no-annotate",
         "--python-version", "3.10", wanted]
    )  # fmt: skip


def subset_of_lock(text: str, package: str) -> str:
    """Return the lines of one package in a lock's text, its hashes with it."""
    taken, lines = False, []
    for line in text.splitlines(keepends=True):
        if not line.startswith(" "):
            taken = line.startswith(f"{package}==")
        if taken:
            lines.append(line)
    return "".join(lines)


def _install(into: Path, architecture: str) -> list[str | Path]:
    return [
        find_uv_bin(), "pip", "install", "--no-deps", "--target", into, "--python", sys.executable,
        "--python-platform", PLATFORM[architecture], "--only-binary", ":all:",
    ]  # fmt: skip

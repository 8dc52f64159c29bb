"""Packages from the index, installed by uv into a folder: the one place that talks to the network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from uv import find_uv_bin

from wheelworks import files
from wheelworks.installed import damaged_files
from wheelworks.process import Completed, Runner

# The oldest glibc whose packages a toolchain may use; the wheels themselves reach further back.
PLATFORM = {"x86_64": "x86_64-manylinux_2_28", "aarch64": "aarch64-manylinux_2_28"}


def install_locked(
    lock: Path, into: Path, *, architecture: str, run: Runner, on_line: Callable[[str], None] | None = None
) -> Completed:
    """Install exactly what a lock names, each file checked against the lock's hashes, and nothing that it needs."""
    return _install(["--require-hashes", "--requirement", lock], into, architecture, run, on_line)


def install_pinned(
    packages: Sequence[str],
    into: Path,
    *,
    architecture: str,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> Completed:
    """Install pinned packages without what they need; the caller checks what came."""
    return _install(packages, into, architecture, run, on_line)


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


def _install(
    wanted: Sequence[str | Path], into: Path, architecture: str, run: Runner, on_line: Callable[[str], None] | None
) -> Completed:
    """Install copies into an empty folder; where uv's cache gives damaged files, past its cache."""
    command = _command(into, architecture)
    done = run([*command, *wanted], on_line=on_line)
    if not done.ok or not (damaged := damaged_files(into)):
        return done
    files.remove(into)
    again = run([*command, "--no-cache", *wanted], on_line=on_line)
    if again.ok and damaged_files(into):
        why = f"the package itself is damaged: {', '.join(damaged[:5])} differ from its RECORD"
        return replace(again, returncode=1, output=f"{again.output}\n{why}")
    return again


def _command(into: Path, architecture: str) -> list[str | Path]:
    """Return uv's command without the packages. A link would share the file with uv's cache and all who use that."""
    return [
        find_uv_bin(), "pip", "install", "--no-deps", "--target", into, "--python", sys.executable,
        "--python-platform", PLATFORM[architecture], "--only-binary", ":all:", "--link-mode", "copy",
    ]  # fmt: skip

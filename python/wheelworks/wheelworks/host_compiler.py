"""The machine's own C++ compiler, the one thing that a bare machine has to bring."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelworks.errors import HostCompilerError, SettingError
from wheelworks.process import Runner

INSTALL = "install one: `apt-get install g++` on Debian and Ubuntu, `dnf install gcc-c++` on Fedora and RHEL"

CROSS_COMPILERS = ("g++", "g++-14", "g++-13", "g++-12")
"""Debian's names of a cross compiler, after the triple."""


LAUNCHERS = ("ccache", "sccache", "distcc", "icecc")
"""Programs that stand before a compiler's name in CXX, or take it."""


@dataclass(frozen=True)
class HostCompiler:
    """A compiler that took a C++17 program."""

    path: Path
    version: str


def find_host_compiler(environment: Mapping[str, str], run: Runner, across: str | None = None) -> HostCompiler:
    """Find ``CXX``, else g++, c++ or clang++ on the path; a compiler without C++17 is refused.

    ``across`` names another architecture than this machine's, for which Debian's cross compilers are looked for.
    """
    named = _named(environment.get("CXX", ""))
    usual = CROSS_COMPILERS if across else ("g++", "c++", "clang++")
    names = [named] if named else [f"{across}-linux-gnu-{name}" if across else name for name in usual]
    for name in names:
        if found := _find(name, environment.get("PATH", os.defpath)):
            return check_host_compiler(found, run)
    what = f" {named!r}, which CXX names" if named else f" for {across}" if across else ""
    raise HostCompilerError(
        f"there is no C++ compiler{what}",
        why=f"nvcc needs a host compiler for C++17, and looked for {', '.join(names)} on PATH",
        fix=f"install one: `apt-get install g++-{across.replace('_', '-')}-linux-gnu`" if across else INSTALL,
    )


def _named(text: str) -> str | None:
    """Return the compiler that CXX names, without a launcher before it: the build starts ccache by itself."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingError(f"CXX is {text!r}", why=str(error), fix="name one program, as in CXX=g++-13") from error
    if words and Path(words[0]).name in LAUNCHERS:
        words = words[1:]
    if len(words) > 1:
        raise SettingError(
            f"CXX is {text!r}",
            why=f"{' '.join(words[1:])} would be passed to no compilation: CXX names a program",
            fix=f"CXX={words[0]}; flags have a door of their own: --define CMAKE_CXX_FLAGS=...",
        )
    return words[0] if words else None


def _find(name: str, path: str) -> Path | None:
    """Find a program that is no link to a launcher, as those in Debian's /usr/lib/ccache are."""
    for folder in path.split(os.pathsep) if os.sep not in name else [os.curdir]:
        found = shutil.which(name, path=folder or os.curdir)
        if found and Path(found).resolve().name not in LAUNCHERS:
            return Path(found).absolute()
    return None


def check_host_compiler(path: Path, run: Runner) -> HostCompiler:
    """Return a compiler that takes C++17, else raise HostCompilerError."""
    macros = run([path, "-std=c++17", "-dM", "-E", "-x", "c++", "/dev/null"])
    version = re.search(r"#define __VERSION__ \"([^\"]+)\"", macros.output)
    if not macros.ok or "201703L" not in macros.output:
        raise HostCompilerError(
            f"the compiler {path} does not take C++17",
            why=f"{macros.command_line} ended with {macros.returncode}: {macros.last_lines(3)}",
            fix=f"{INSTALL}; or name a newer one with CXX",
        )
    return HostCompiler(path, version[1] if version else "unknown")

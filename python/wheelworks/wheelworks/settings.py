"""What people set for a build, checked before anything starts: variables, defines and the folders' names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from wheelworks.errors import SettingError

UNIT_MEMORY = 10 * 2**30
"""Bytes that one CUTLASS 3.x unit may need at its peak, measured: 8 to 11 GB."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

JOBS = re.compile(r"[1-9][0-9]{0,3}")

AMISS = re.compile(r"[^\w/.+@~-]")
"""Letters that mean something to CMake's lists, ninja's rules, nvcc's lists, a shell, PATH or docker's mounts.

A space is one: CMake reads the folders that nvcc links with up to it."""


def parallel_jobs(environment: Mapping[str, str]) -> int:
    """Return the number of compilers at a time: one for each core that has the memory of a large unit to itself."""
    if named := environment.get("CMAKE_BUILD_PARALLEL_LEVEL"):
        if JOBS.fullmatch(named) is None:
            raise SettingError(
                f"CMAKE_BUILD_PARALLEL_LEVEL is {named!r}",
                why="it is the number of compilers that run at a time, from 1 to 9999",
                fix="set it to a number, or unset it: as many then run as cores and memory hold",
            )
        return int(named)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // UNIT_MEMORY))


def read_defines(words: Iterable[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` words, a developer's own variables for CMake."""
    defines: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or NAME.fullmatch(name) is None:
            why = "a define is NAME=VALUE, where NAME is a variable of CMake"
            raise SettingError(f"--define {word!r} is none", why=why, fix="write --define CMAKE_CUDA_FLAGS=-lineinfo")
        if name in defines:
            why = f"it was {defines[name]!r} and is {value!r}"
            raise SettingError(f"--define {name} is given twice", why=why, fix="give each name once")
        defines[name] = value
    return defines


def require_new(developer: Mapping[str, str], defines: Mapping[str, str]) -> None:
    """Refuse a developer's define that would overrule what the lane decides."""
    if taken := sorted(developer.keys() & defines.keys()):
        raise SettingError(
            f"--define {taken[0]} is the lane's own",
            why=f"the plan sets it to {defines[taken[0]]!r}",
            fix="leave it out; what a lane is built with stands in matrix.toml, and CXX names the host compiler",
        )


def require_release(build_type: str, developer: Mapping[str, str]) -> None:
    """Refuse a developer's defines and types of a build in a release."""
    if build_type != "Release":
        why = "a released wheel is optimised, and has no debug information"
        raise SettingError(f"a release takes no --build-type {build_type}", why=why, fix="leave one of them out")
    if developer:
        raise SettingError(
            "a release takes no --define",
            why=f"{', '.join(sorted(developer))} would make a wheel that its commit and lane do not tell of",
            fix="leave --define or --release out; what every wheel should have goes into CMakeLists.txt",
        )


def require_plain(what: str, folder: Path) -> None:
    """Refuse a folder whose path the build's tools would read as something else."""
    if found := AMISS.search(str(folder)):
        raise SettingError(
            f"{what} {folder} has {found[0]!r} in its path",
            why="CMake, ninja, nvcc, ccache or docker read that letter as something else than a part of a name",
            fix="move it to a folder whose path has letters, digits and / . _ - + @ ~ alone",
        )


def require_scratch(environment: Mapping[str, str]) -> None:
    """Refuse a TMPDIR that the compilers cannot use, which each of them would tell in words of its own."""
    if not (named := environment.get("TMPDIR")):
        return
    require_plain("TMPDIR", Path(named))
    if not os.access(named, os.W_OK | os.X_OK):
        raise SettingError(
            f"TMPDIR is {named!r}",
            why="it is no folder that can be written to, and the compilers put their temporary files there",
            fix="make it, or unset TMPDIR",
        )

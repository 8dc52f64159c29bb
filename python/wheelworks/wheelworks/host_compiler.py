"""The machine's own C++ compiler, the one thing that a bare machine has to bring."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelworks.errors import HostCompilerError
from wheelworks.process import Runner

INSTALL = "install one: `apt-get install g++` on Debian and Ubuntu, `dnf install gcc-c++` on Fedora and RHEL"


@dataclass(frozen=True)
class HostCompiler:
    """A compiler that took a C++17 program."""

    path: Path
    version: str


def find_host_compiler(environment: Mapping[str, str], run: Runner) -> HostCompiler:
    """Find ``CXX``, else g++, c++ or clang++ on the path; a compiler without C++17 is refused."""
    named = environment.get("CXX")
    for name in [named] if named else ["g++", "c++", "clang++"]:
        if found := shutil.which(name, path=environment.get("PATH")):
            return check_host_compiler(Path(found), run)
    raise HostCompilerError(
        f"there is no C++ compiler{f' {named!r}, which CXX names' if named else ''}",
        why="nvcc needs a host compiler for C++17, and looked for " + (named or "g++, c++ and clang++ on PATH"),
        fix=INSTALL,
    )


def check_host_compiler(path: Path, run: Runner) -> HostCompiler:
    """Give a compiler that takes C++17, else raise HostCompilerError."""
    macros = run([path, "-std=c++17", "-dM", "-E", "-x", "c++", "/dev/null"])
    version = re.search(r"#define __VERSION__ \"([^\"]+)\"", macros.output)
    if not macros.ok or "201703L" not in macros.output:
        raise HostCompilerError(
            f"the compiler {path} does not take C++17",
            why=f"{macros.command_line} ended with {macros.returncode}: {macros.last_lines(3)}",
            fix=f"{INSTALL}; or name a newer one with CXX",
        )
    return HostCompiler(path, version[1] if version else "unknown")

"""Hears what programs ask the environment for, and holds it against the table of variables."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from wheelworks.environment import close, read_variables

TABLE = read_variables()
SHELL = close(os.environ).variables
NO_VARIABLES = {"bar", "compiler-bindir", "EXAMPLE_GENERATOR", "G++_ROOT"}
"""A trick of LLVM's against the linker, an example in a docstring, and names that no shell can set."""

FOR_THE_TOOLS_OWN_TESTS = ("GIT_TEST_", "UV_INTERNAL__")
"""These come and go with every release; a pattern removes them."""

FIX = "write them into environment.toml: under [passed] if a build may see them, and under the tool that reads them"


def output_of(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(command, env={**SHELL, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def program(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"there is no {name} on PATH")


def unknown_to(tool: str, names: Iterable[str]) -> list[str]:
    return sorted(set(names) - set(TABLE.tools[tool].variables) - NO_VARIABLES)


# Writes down each name that a program asks the C library for.
LISTENER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
static void note(const char *name) {
  char line[512];
  int log = open(LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int length = snprintf(line, sizeof line, "%s\n", name);
  if (write(log, line, length) < 0) _exit(99);
  close(log);
}
char *getenv(const char *name) {
  note(name);
  return ((char *(*)(const char *))dlsym(RTLD_NEXT, "getenv"))(name);
}
char *secure_getenv(const char *name) {
  note(name);
  return ((char *(*)(const char *))dlsym(RTLD_NEXT, "secure_getenv"))(name);
}
"""


class Listener:
    """Runs programs and hears what they ask the environment for; a static program says nothing."""

    def __init__(self, folder: Path) -> None:
        self.log, self.library = folder / "asked", folder / "listener.so"
        options = ("-shared", "-fPIC", f'-DLOG="{self.log}"', "-x", "c", "-", "-o", str(self.library), "-ldl")
        subprocess.run([program("gcc"), *options], input=LISTENER.encode(), check=True, capture_output=True)

    def unknown(self, *command: str | Path, cwd: Path) -> list[str]:
        """Run a command to its good end; return what it and its children asked for and no tool of the table reads."""
        env = {**SHELL, "LD_PRELOAD": str(self.library)}
        done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        asked = set(self.log.read_text(encoding="utf-8").split())
        assert len(asked) > 3
        known = {name for tool in TABLE.tools.values() for name in tool.variables}
        return sorted(name for name in asked - known - NO_VARIABLES if not name.startswith(FOR_THE_TOOLS_OWN_TESTS))


def write_sources(folder: Path) -> Path:
    """Write a unit for the host, one for a GPU, and a project of the former."""
    folder.mkdir()
    (folder / "unit.cpp").write_text("#include <vector>\nint size() { return int(std::vector<int>(3).size()); }\n")
    (folder / "unit.cu").write_text("__global__ void add_one(float* x) { x[threadIdx.x] += 1; }\n")
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.26)\nproject(one LANGUAGES CXX)\n"
        "add_library(one SHARED unit.cpp)\ninstall(TARGETS one)\n"
    )
    return folder

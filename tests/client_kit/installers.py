"""pip and uv as users have them: each resolves for a machine that is not this one, or installs into an environment."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from wheelworks.process import Completed, run

GLIBC = 28
"""The glibc of the machines that are resolved for, 2.28, and with it every older manylinux tag."""

SETTINGS = sorted(name for name in os.environ if name.startswith(("PIP_", "UV_")))
CLEAN = ("env", *(word for name in SETTINGS for word in ("-u", name)))
"""Runs a command without this machine's settings of pip and uv, which would answer in the index's place."""


@dataclass(frozen=True)
class Machine:
    """What an installer resolves for."""

    python: str
    cpu: str

    def __str__(self) -> str:
        return f"Python {self.python}, {self.cpu}"


class Installer(ABC):
    """An installer of one version."""

    name: str

    @abstractmethod
    def fetch(self, wanted: Sequence[str], index: str, machine: Machine, into: Path) -> Completed:
        """Fetch one package from an index alone for a machine, without what it needs."""

    @abstractmethod
    def install(self, words: Sequence[str], index: str, python: Path) -> Completed:
        """Install into an environment of this machine from an index alone."""


@dataclass(frozen=True)
class Pip(Installer):
    """A version of pip, in an environment of its own."""

    name: str
    python: Path

    def fetch(self, wanted: Sequence[str], index: str, machine: Machine, into: Path) -> Completed:
        platforms = [f"manylinux_2_{minor}_{machine.cpu}" for minor in range(GLIBC, 4, -1)]
        return self.fetch_by_tags(wanted, index, machine.python, platforms, into)

    def fetch_by_tags(
        self, wanted: Sequence[str], index: str, python: str, platforms: Sequence[str], into: Path
    ) -> Completed:
        """Fetch one package that has one of the platform tags; pip adds none that they include."""
        return self._pip(
            "download", *wanted, "--no-deps", "--only-binary=:all:", "--index-url", index, "--dest", into,
            f"--python-version={python}", "--implementation=cp", *(f"--platform={name}" for name in platforms),
        )  # fmt: skip

    def install(self, words: Sequence[str], index: str, python: Path) -> Completed:
        target = python.parent.parent / "from-pip"
        return self._pip("install", *words, "--index-url", index, "--target", target)

    def _pip(self, *words: str | Path) -> Completed:
        options = ("--disable-pip-version-check", "--no-cache-dir", "--isolated")
        return run([*CLEAN, self.python, "-m", "pip", *options, *words], timeout=120)


@dataclass(frozen=True)
class Uv(Installer):
    """uv, as the pipeline has it."""

    name: str

    def fetch(self, wanted: Sequence[str], index: str, machine: Machine, into: Path) -> Completed:
        return uv(
            "pip", "install", *wanted, "--no-deps", "--only-binary=:all:", "--default-index", index, "--target", into,
            "--no-cache", f"--python-version={machine.python}", f"--python-platform={machine.cpu}-manylinux_2_{GLIBC}",
        )  # fmt: skip

    def install(self, words: Sequence[str], index: str, python: Path) -> Completed:
        return uv("pip", "install", *words, "--no-cache", "--default-index", index, "--python", python)


def uv(*words: str | Path, cwd: Path | None = None, configured: bool = False) -> Completed:
    """Run uv without this machine's settings; with ``configured``, those of the project in ``cwd`` count."""
    options = ["--no-python-downloads", *(() if configured else ("--no-config",))]
    return run([*CLEAN, find_uv_bin(), *words, *options], cwd=cwd, timeout=120)


def make_pip(folder: Path, python: str, wanted: str) -> Pip:
    """Return a version of pip in a new environment of a Python."""
    interpreter = folder / "bin" / "python"
    commands: tuple[list[str | Path], ...] = (
        [find_uv_bin(), "venv", "--quiet", "--python", python, folder],
        [find_uv_bin(), "pip", "install", "--quiet", "--python", interpreter, wanted],
    )
    for command in commands:
        done = run(command)
        assert done.ok, done.output
    shown = run([interpreter, "-m", "pip", "--version"]).output.split()[1]
    return Pip(f"pip {shown}", interpreter)


def make_uv() -> Uv:
    """Return the uv of this environment."""
    return Uv(f"uv {run([find_uv_bin(), '--version']).output.split()[1]}")


def find_python(version: str) -> str | None:
    """Find an interpreter of a version on this machine; none is downloaded."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))  # its own names answer for one version alone
    if found := sorted(pyenv.glob(f"versions/{version}.*/bin/python")):
        return str(found[-1])
    done = run([find_uv_bin(), "python", "find", "--no-python-downloads", "--no-project", version])
    return done.output.strip().splitlines()[-1] if done.ok else None

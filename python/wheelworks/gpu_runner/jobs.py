"""What is run for a wheel: its own path, then the path of each JIT lane's wheel; then both under the sanitizers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_runner.errors import RunnerError
from gpu_runner.origin import check_same_commit, sha256_of

WHEEL = re.compile(r"[^-]+-(?P<version>[^-]+)-[^-]+-[^-]+-[^-]+\.whl")
JIT = re.compile(r"[.+]jit(\d+)$")
ARCHITECTURE = re.compile(r"_(x86_64|aarch64)\.whl$")


@dataclass(frozen=True)
class Job:
    """A wheel, and the SM path that the suite takes with it, None for the device's own; and the tool it runs under."""

    wheel: Path
    sha256: str
    forced: str | None
    commit: str | None = None
    tool: str | None = None

    @property
    def path(self) -> str:
        """The path as it stands in the names of files."""
        return self.forced or "own"

    @property
    def stem(self) -> str:
        """The name of its journal: no other bytes have it."""
        return "-".join((self.sha256[:16], self.path, *([self.tool] if self.tool else [])))

    @property
    def log(self) -> str:
        """The name of the file that has what was printed: by pytest, and by a tool."""
        return f"{self.tool}-{self.path}.log" if self.tool else f"{self.stem}.log"

    def __str__(self) -> str:
        return " ".join((self.wheel.name, "path", self.path, *([self.tool] if self.tool else [])))


def plan_jobs(wheel: Path, jit: Sequence[Path] | None) -> list[Job]:
    """Return the wheel's own run and those of its JIT lanes' wheels: of those named, else of those beside it."""
    if (own := jit_path(wheel)) is not None:
        return [Job(wheel, sha256_of(wheel), own)]
    beside = sorted(path for path in wheel.parent.glob("*.whl") if is_jit_of(path, wheel))
    lanes = beside if jit is None else jit
    paths = [_path_of(path) for path in lanes]
    _check_one_wheel_each(paths, lanes)
    commit = check_same_commit(wheel, lanes) if lanes else None
    others = [Job(path, sha256_of(path), forced, commit) for path, forced in zip(lanes, paths, strict=True)]
    return [Job(wheel, sha256_of(wheel), None, commit), *others]


def _path_of(wheel: Path) -> str:
    if (forced := jit_path(wheel)) is None:
        raise RunnerError(f"{wheel.name} is of no JIT lane: its version's label does not end in a path such as jit80")
    return forced


def _check_one_wheel_each(paths: Sequence[str], lanes: Sequence[Path]) -> None:
    for path, number in Counter(paths).items():
        if number > 1:
            names = ", ".join(wheel.name for wheel in lanes if jit_path(wheel) == path)
            raise RunnerError(f"{number} wheels are of path {path}: {names}; name one of them with --jit")


def jit_path(wheel: Path) -> str | None:
    """Return the path that a JIT lane's wheel carries, by its label; None for any other wheel."""
    found = JIT.search(version_of(wheel))
    return found[1] if found else None


def is_jit_of(path: Path, wheel: Path) -> bool:
    """True for a JIT lane's wheel of the same version, toolkit and architecture."""
    same = JIT.sub("", version_of(path)) == version_of(wheel) and _architecture(path) == _architecture(wheel)
    return same and jit_path(path) is not None


def _architecture(wheel: Path) -> str:
    found = ARCHITECTURE.search(wheel.name)
    return found[1] if found else "any"


def version_of(wheel: Path) -> str:
    """Return the version in a wheel's file name."""
    found = WHEEL.fullmatch(wheel.name)
    if found is None:
        raise RunnerError(f"{wheel.name} is no name of a wheel: expected name-version-python-abi-platform.whl")
    return found["version"]

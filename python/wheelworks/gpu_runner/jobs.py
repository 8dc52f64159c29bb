"""What is run for a wheel: its own path, then the path of each JIT lane's wheel."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_runner.errors import RunnerError

WHEEL = re.compile(r"[^-]+-(?P<version>[^-]+)-[^-]+-[^-]+-[^-]+\.whl")
JIT = re.compile(r"[.+]jit(\d+)$")


@dataclass(frozen=True)
class Job:
    """A wheel and the SM path that the suite takes with it; None for the device's own."""

    wheel: Path
    forced: str | None

    @property
    def sha256(self) -> str:
        """The digest of the wheel's bytes."""
        return sha256_of(self.wheel)


def plan_jobs(wheel: Path, jit: Sequence[Path] | None) -> list[Job]:
    """Give the wheel's own run and those of its JIT lanes' wheels: of those named, else of those beside it."""
    if (own := jit_path(wheel)) is not None:
        return [Job(wheel, own)]
    beside = sorted(path for path in wheel.parent.glob("*.whl") if is_jit_of(path, wheel))
    return [Job(wheel, None), *(jit_job(path, wheel) for path in (beside if jit is None else jit))]


def jit_job(path: Path, wheel: Path) -> Job:
    """Give the run of a JIT lane's wheel, which proves something of a wheel of the same commit alone."""
    forced = jit_path(path)
    if forced is None:
        raise RunnerError(f"{path.name} is of no JIT lane: its version's label does not end in a path such as jit80")
    found, wanted = commit_of(path), commit_of(wheel)
    if found != wanted:
        raise RunnerError(
            f"{path.name} is of commit {found}, {wheel.name} of {wanted}: the one proves nothing of the other; "
            "build both from one commit"
        )
    return Job(path, forced)


def jit_path(wheel: Path) -> str | None:
    """Give the path that a JIT lane's wheel carries, by its label; None for any other wheel."""
    found = JIT.search(version_of(wheel))
    return found[1] if found else None


def is_jit_of(path: Path, wheel: Path) -> bool:
    """True for a JIT lane's wheel of the same version and toolkit."""
    return jit_path(path) is not None and JIT.sub("", version_of(path)) == version_of(wheel)


def version_of(wheel: Path) -> str:
    """Give the version in a wheel's file name."""
    found = WHEEL.fullmatch(wheel.name)
    if found is None:
        raise RunnerError(f"{wheel.name} is no name of a wheel: expected name-version-python-abi-platform.whl")
    return found["version"]


def commit_of(wheel: Path) -> str:
    """Give the commit in the build proof beside a wheel."""
    proof = wheel.parent / "proofs" / wheel.stem / "build.json"
    try:
        return str(json.loads(proof.read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError) as error:
        raise RunnerError(
            f"nothing says what {wheel.name} was built from: cannot read {proof} ({error}); "
            "bring the proofs folder along with the wheels"
        ) from error


def sha256_of(wheel: Path) -> str:
    """Give the SHA-256 of a wheel as hex digits."""
    try:
        return hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError as error:
        raise RunnerError(f"cannot read {wheel}: {error.strerror}") from error

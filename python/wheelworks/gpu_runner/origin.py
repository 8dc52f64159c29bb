"""What wheels were built from, by the build proofs beside them: one wheel proves something of another of its commit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpu_runner.errors import RunnerError

COMMIT = re.compile(r"[0-9a-f]{40}")


def check_same_commit(wheel: Path, others: Sequence[Path]) -> str:
    """Return the commit that a wheel and all the others were built from; a RunnerError where there is not one."""
    wanted = commit_of(wheel)
    for other in others:
        if (found := commit_of(other)) != wanted:
            raise RunnerError(
                f"{other.name} is of commit {found}, {wheel.name} of {wanted}: the one proves nothing of the other; "
                "build both from one commit"
            )
    return wanted


def commit_of(wheel: Path) -> str:
    """Return the commit in a wheel's build proof, which is of these very bytes and names one commit whole."""
    path = wheel.parent / "proofs" / wheel.stem / "build.json"
    proof = _read(path, wheel)
    if (proved := proof.get("sha256")) != (found := sha256_of(wheel)):
        raise RunnerError(
            f"{path} is of another wheel: it is of sha256 {proved}, and {wheel.name} has {found}; "
            "bring the proofs folder of the same build along with the wheels"
        )
    commit = proof.get("commit")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise RunnerError(
            f"{wheel.name} is of no known commit: {path} says {commit!r}, expected 40 hex digits; so neither a JIT "
            "lane's wheel proves something of it nor it of another. Build the wheels from one commit, with nothing "
            "changed beside it; a wheel that stands alone in its folder is tested without"
        )
    return commit


def _read(path: Path, wheel: Path) -> dict[str, Any]:
    try:
        proof = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunnerError(
            f"nothing says what {wheel.name} was built from: cannot read {path} ({error}); "
            "bring the proofs folder along with the wheels"
        ) from error
    if not isinstance(proof, dict):
        raise RunnerError(f"{path} is no build proof: expected an object; build {wheel.name} again")
    return proof


def sha256_of(wheel: Path) -> str:
    """Return the SHA-256 of a wheel as hex digits."""
    try:
        return hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError as error:
        raise RunnerError(f"cannot read {wheel}: {error.strerror}; name a wheel that is there") from error

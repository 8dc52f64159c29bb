"""A nox in whose place compilers and GPUs are played: wheels and their proofs are made up, all else is the real nox.

Run as ``nox``; the real one uses this environment and installs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from release_maker import make_wheel, write_proof
from wheelworks.lanes import choose_lane
from wheelworks.matrix import load_matrix
from wheelworks.proof import ProofKind
from wheelworks.versions import source_version


def build_wheel(words: Sequence[str]) -> None:
    """Make a small wheel of a lane with the proofs that a build gives."""
    matrix = load_matrix(Path("matrix.toml"))
    lane = choose_lane(matrix, words[0])
    wheel = make_wheel(Path(words[words.index("--dist") + 1]), matrix, lane, str(source_version(Path.cwd())))
    kinds = [ProofKind.BUILD, ProofKind.AUDIT, ProofKind.BILL]
    if "--untested" not in words:
        kinds.append(ProofKind.WHEEL_TESTS)
    for kind in kinds:
        write_proof(wheel, kind)


def gpu_tests(wheels: Sequence[str]) -> None:
    """Prove wheels as a machine with a GPU does."""
    _prove(wheels, ProofKind.GPU)


def compat(wheels: Sequence[str]) -> None:
    """Prove wheels as the environments of every torch do."""
    _prove(wheels, ProofKind.COMPAT)


def _prove(wheels: Sequence[str], kind: ProofKind) -> None:
    for wheel in wheels:
        assert Path(wheel).is_file(), f"{wheel} is not there"
        write_proof(Path(wheel), kind)


PLAYED: Mapping[str, Callable[[Sequence[str]], None]] = {
    "build-wheel": build_wheel,
    "gpu-tests": gpu_tests,
    "compat": compat,
}


def _played(words: Sequence[str]) -> list[str]:
    """Let a folder stand for a bucket; and of a made-up wheel, whose extension is none, no audit is asked."""
    if words[1] == "publish" and "s3" in words:
        return [{"s3": "folder", "s3://wheels": os.environ["BUCKET_FOLDER"]}.get(word, word) for word in words]
    return [*words, "--no-audit"] if words[1] == "verify" else list(words)


def main(words: Sequence[str]) -> None:
    """Play a session, or become the real nox."""
    assert words[0] == "-s", words
    words = _played(words)
    if play := PLAYED.get(words[1]):
        play(words[3:])
    else:
        nox = [sys.executable, "-m", "nox", "--no-venv", "--no-install", *words]
        os.execv(nox[0], nox)  # noqa: S606  # a stand-in leaves no process between the two


if __name__ == "__main__":
    main(sys.argv[1:])

"""Stands in for a machine with a GPU: a wheel whose torch reports a device, a compute-sanitizer, and a clock.

Nothing here measures time: the clock leaps where a test has made a file, and everything else waits for events.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_runner.__main__ import main
from gpu_runner.prove import World
from gpu_runner.watch import Clock
from wheel_maker import WheelMaker
from wheelworks import files
from wheelworks.build import BuildProof
from wheelworks.gpu_tests import GpuProof
from wheelworks.proof import read_proof, write_proof

TORCH = """
class cuda:
    is_available = staticmethod(lambda: True)
    get_device_name = staticmethod(lambda: "a GPU")
class version:
    cuda = "13.0"
__version__ = "2.11.0"
"""
DOCTOR = "def device_sm(index): return 90\ndef verdict(): return 'no code for this GPU'\n"
GOOD = "import pytest\n@pytest.mark.sanitized\ndef test_good(): pass\n"

SANITIZER = """#!/bin/sh
tool=$2
while [ "${{1#-}}" != "$1" ]; do shift 2; done
{before}
"$@"
status=$?
{after}
exit $status
"""
"""Takes its options as compute-sanitizer does, ``--tool NAME`` first, each with a value."""

NO_ERRORS = 'echo "========= ERROR SUMMARY: 0 errors"'


class Leap:
    """A clock that stands still until a mark is there; then it leaps twice, by so many seconds each time.

    Twice, because the runner may see the mark before it has seen the test that made it begin.
    """

    def __init__(self, mark: Path, seconds: float) -> None:
        self._mark, self._seconds = mark, seconds
        self._time, self._leaps = 0.0, 0
        self.clock = Clock(lambda: self._time, self._sleep)

    def _sleep(self, _: float) -> None:
        time.sleep(0.01)
        if self._mark.exists():
            self._mark.unlink()
            self._leaps = 2
        elif not self._leaps:
            return
        self._leaps -= 1
        self._time += self._seconds
        if not self._leaps:
            self._mark.with_suffix(".leapt").touch()


def still() -> Clock:
    """Return a clock that stands still: no test is too slow for it."""
    return Clock(lambda: 0.0, lambda _: time.sleep(0.01))


@dataclass
class Stand:
    """A folder with wheels, a suite and programs; a test says what is in it."""

    folder: Path
    clock: Clock = field(default_factory=still)
    said: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("suite", "programs", "cache"):
            (self.folder / name).mkdir()
        self.environ = {"PATH": str(self.folder / "programs"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        self.sanitizer()

    def wheel(self, label: str = "", commit: str | None = "a" * 40, tag: str = "py3-none-any") -> Path:
        """Make a wheel with its build proof; a JIT lane's by its label."""
        stand_in = {"warpwright/__init__.py": b"__version__ = '0.1.0'\n", "warpwright/doctor.py": DOCTOR.encode()}
        maker = WheelMaker(version=f"0.1.0+cu130{label}", files={**stand_in, "torch.py": TORCH.encode()})
        maker.tag = tag
        wheel = maker.make(self.folder / "dist")
        sha256 = files.sha256_of(wheel)
        facts: Any = {
            "lane": "lane",
            "commit": commit,
            "seconds": 1.0,
            "cache": None,
            "build_type": "Release",
            "release": True,
        }
        # Not checked: a test may want a commit that no build writes.
        proof = BuildProof.model_construct(wheel=wheel.name, sha256=sha256, **facts)
        write_proof(wheel, proof)
        return wheel

    def suite(self, *tests: str, conftest: str = "") -> Path:
        """Write a suite, one file for each text."""
        for number, text in enumerate(tests):
            (self.folder / "suite" / f"test_{number}.py").write_text(text, encoding="utf-8")
        (self.folder / "suite" / "conftest.py").write_text(conftest, encoding="utf-8")
        return self.folder / "suite"

    def program(self, name: str, text: str) -> Path:
        """Put a program on the path."""
        path = self.folder / "programs" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def sanitizer(self, before: str = "", after: str = NO_ERRORS) -> Path:
        """Put a compute-sanitizer on the path that does something before and after what it runs."""
        return self.program("compute-sanitizer", SANITIZER.format(before=before, after=after))

    def run(self, wheel: Path, *options: str) -> tuple[int, GpuProof]:
        """Run the suite on a wheel; give the status and what the report says, which agree."""
        status = self.main(wheel, *options)
        proof = read_proof(wheel, GpuProof)
        assert (status == 0) == proof.holds, self.printed
        return status, proof

    def main(self, wheel: Path, *options: str) -> int:
        """Run the suite on a wheel and give the status."""
        world = World(self.environ, self.said.append, self.clock, threading.Event(), self.folder / "cuda")
        return main([str(wheel), "--suite", str(self.folder / "suite"), *options], world)

    @property
    def printed(self) -> str:
        """All that was printed."""
        return "\n".join(self.said)


def journals(wheel: Path) -> Path:
    """Return the folder of a wheel's journals and logs."""
    return wheel.parent / "proofs" / wheel.stem / "gpu-journals"


def wait_for(paths: Sequence[Path], words: str) -> str:
    """Return a line for a test that waits until files are there, however long that takes."""
    there = " and ".join(f"pathlib.Path({str(path)!r}).exists()" for path in paths)
    return f"while not ({there}): time.sleep(0.01)  # {words}"

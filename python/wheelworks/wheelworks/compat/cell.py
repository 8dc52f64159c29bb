"""One cell: a new environment with one Python and one torch, the wheel in it, and what it does there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError
from uv import find_uv_bin

from wheelworks.compat.model import Cell, Verdict
from wheelworks.compat.plan import Slot
from wheelworks.process import Completed, Runner
from wheelworks.wheel_tests import pytest_command, read_cases

PROBE = Path(__file__).with_name("probe.py")
OPCHECK = "test_an_operator_passes_opcheck"
UNDEFINED = "undefined symbol"
TIMED_OUT = 124
URL = re.compile(r"\s*\(?https?://\S+")


class Probed(BaseModel):
    """What the probe prints in its last line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    python: str
    torch: str
    version: str
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """What all cells share. ``scratch`` is on the file system of uv's cache, which can then link instead of copy."""

    suite: Path
    version: str
    operators: frozenset[str]
    scratch: Path
    limit: float
    run: Runner
    clock: Callable[[], float]
    on_line: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Step:
    """A command of a cell, and what it says of the wheel where it fails."""

    command: tuple[str | Path, ...]
    failure: Verdict
    what: str


def try_cell(wheel: Path, slot: Slot, setting: Setting) -> Cell:
    """Make the cell's environment, try the wheel in it, and remove it."""
    with TemporaryDirectory(dir=setting.scratch, prefix="cell-") as folder:
        return _Attempt(wheel, slot, setting, Path(folder)).make()


class _Attempt:
    """The steps of one cell, with what is left of its time."""

    def __init__(self, wheel: Path, slot: Slot, setting: Setting, folder: Path) -> None:
        self.wheel, self.slot, self.setting, self.folder = wheel, slot, setting, folder
        self.begun = setting.clock()
        self.interpreter = folder / "venv" / "bin" / "python"
        self.probed: Probed | None = None

    def make(self) -> Cell:
        (self.folder / "empty").mkdir()
        for step in self._installation():
            done = self._run(step.command)
            if not done.ok:
                return self._cell(step.failure, f"{step.what}: {_reason(done, self.folder)}")
        return self._probe() or self._suite()

    def _installation(self) -> Iterator[Step]:
        uv, python, torch = find_uv_bin(), self.slot.python, f"torch=={self.slot.torch}"
        install = (uv, "pip", "install", "--quiet", "--python", self.interpreter)
        venv = (uv, "venv", "--quiet", "--no-project", "--python", str(python), self.folder / "venv")
        yield Step(venv, Verdict.NOT_TESTED, f"Python {python} was neither found nor installed")
        yield Step(
            (*install, torch, "pytest", "numpy"),
            Verdict.NOT_TESTED,
            f"torch {self.slot.torch} was not installed on Python {python}",
        )
        yield Step((*install, str(self.wheel), torch), Verdict.FAILED, "the wheel was not installed")

    def _probe(self) -> Cell | None:
        """Import the wheel; give a cell where that alone shows that it does not run here."""
        done = self._run((self.interpreter, "-I", PROBE))
        if not done.ok:
            return self._cell(Verdict.FAILED, f"the wheel was not imported: {_reason(done, self.folder)}")
        try:
            self.probed = Probed.model_validate_json(done.last_lines(1))
        except ValidationError:
            return self._cell(Verdict.FAILED, f"the import printed no answer: {_reason(done, self.folder)}")
        if missing := sorted(self.setting.operators - set(self.probed.operators)):
            return self._cell(Verdict.FAILED, f"not registered: {', '.join(missing)}")
        fitting = re.fullmatch(rf"{re.escape(str(self.slot.torch))}(\+.*)?", self.probed.torch)
        if self.probed.version != self.setting.version or not fitting:
            found = f"found warpwright {self.probed.version} and torch {self.probed.torch}"
            return self._cell(Verdict.FAILED, f"{found}, expected {self.setting.version} and {self.slot.torch}")
        return None

    def _suite(self) -> Cell:
        results = self.folder / "results.xml"
        done = self._run(pytest_command(self.interpreter, self.setting.suite.resolve(), results))
        if not results.exists():
            return self._cell(Verdict.FAILED, f"the suite ended without a result: {_reason(done, self.folder)}")
        cases = read_cases(results)
        opchecks = sum(name.startswith(OPCHECK) for name in cases.passed)
        if cases.failed or not done.ok:
            verdict, why = Verdict.FAILED, f"{len(cases.failed)} tests failed, pytest ended with {done.returncode}"
        elif not opchecks:
            verdict, why = Verdict.FAILED, "no operator was put through opcheck"
        else:
            verdict, why = Verdict.PASSED, ""
        return self._cell(
            verdict,
            why,
            passed=len(cases.passed),
            opchecks=opchecks,
            failed=cases.failed,
            skipped=cases.skipped,
        )

    def _run(self, command: tuple[str | Path, ...] | list[str | Path]) -> Completed:
        left = self.setting.limit - (self.setting.clock() - self.begun)
        return self.setting.run(
            command,
            cwd=self.folder / "empty",
            on_line=self.setting.on_line,
            timeout=max(left, 1.0),
        )

    def _cell(self, verdict: Verdict, why: str, **facts: object) -> Cell:
        known = {
            "python": str(self.slot.python),
            "torch": str(self.slot.torch),
            "found_python": self.probed and self.probed.python,
            "found_torch": self.probed and self.probed.torch,
            "operators": len(self.setting.operators & set(self.probed.operators)) if self.probed else 0,
            "seconds": round(self.setting.clock() - self.begun, 1),
        }
        return Cell.model_validate({**known, **facts, "verdict": verdict, "why": why})


def _reason(done: Completed, folder: Path) -> str:
    """Return what a program said to be the cause, on one line, without addresses or the cell's folder: it is kept."""
    lines = [line.strip().replace(f"{folder}/", "") for line in done.output.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("cause:") or UNDEFINED in line]
    if done.returncode == TIMED_OUT or not causes:
        causes = lines
    said = causes[-1].removeprefix("cause:").strip() if causes else f"ended with {done.returncode}"
    return URL.sub("", said).rstrip(".")[:300]

"""The test stage: a finished wheel in a clean environment, tested by a suite of its own, with a report bound to it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from uv import find_uv_bin

from wheelworks import files
from wheelworks.errors import WheelTestError
from wheelworks.process import Completed, Runner
from wheelworks.proof import Proof, ProofKind


@dataclass(frozen=True)
class Cases:
    """What became of each case of a suite, by its name."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: dict[str, int]
    seconds: float


class Report(Proof):
    """What a suite said of one wheel."""

    KIND = ProofKind.WHEEL_TESTS

    suite: str
    passed: int
    failed: int
    skipped: dict[str, int]
    seconds: float

    @property
    def ok(self) -> bool:
        """True where tests ran and none failed; a suite that skipped everything proved nothing."""
        return self.failed == 0 and self.passed > 0

    def __str__(self) -> str:
        skipped = "".join(f"\n  {count} skipped: {reason}" for reason, count in sorted(self.skipped.items()))
        return f"{self.wheel}: {self.passed} passed, {self.failed} failed in {self.seconds:.0f} s{skipped}"


def check_wheel(
    wheel: Path,
    suite: Path,
    *,
    torch: str,
    python: str = sys.executable,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> Report:
    """Install the wheel into a new environment, run a suite there, and report.

    The suite runs from an empty folder, so that ``import warpwright`` can find the installed wheel alone.
    """
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        folder = Path(scratch)
        interpreter = make_environment(folder / "venv", wheel, torch, python=python, run=run, on_line=on_line)
        results = folder / "results.xml"
        (folder / "empty").mkdir()
        done = run(pytest_command(interpreter, suite.resolve(), results), cwd=folder / "empty", on_line=on_line)
        return _read_report(results, done, wheel, suite)


def pytest_command(interpreter: Path, suite: Path, results: Path) -> list[str | Path]:
    """Return the command that runs a suite in an environment and writes down what became of each case."""
    quiet = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    return [interpreter, "-m", "pytest", suite, *quiet, f"--rootdir={suite}", f"--junitxml={results}"]


def require(report: Report) -> None:
    """Raise WheelTestError for a report that does not prove the wheel."""
    if report.ok:
        return
    raise WheelTestError(
        f"{report.wheel} did not pass {report.suite}",
        why=f"{report.passed} passed, {report.failed} failed, {sum(report.skipped.values())} skipped"
        + ("; a suite in which nothing passed proves nothing" if report.passed == 0 else ""),
        fix=f"run one case again with the wheel installed: python -m pytest {report.suite} -k NAME",
    )


def make_environment(
    folder: Path,
    wheel: Path,
    torch: str,
    *,
    python: str = sys.executable,
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> Path:
    """Make an environment with a wheel, torch and what the suites need, and return its interpreter."""
    uv = find_uv_bin()
    interpreter = folder / "bin" / "python"
    packages = [str(wheel.resolve()), torch, "pytest", "numpy"]
    commands: tuple[tuple[str | Path, ...], ...] = (
        (uv, "venv", "--quiet", "--python", python, folder),
        (uv, "pip", "install", "--quiet", "--python", interpreter, *packages),
    )
    for command in commands:
        done = run(command, on_line=on_line)
        if not done.ok:
            raise WheelTestError(
                f"cannot install {wheel.name} into a clean environment",
                why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
                fix="read uv's message: it names the requirement that cannot be met on this machine",
            )
    return interpreter


def _read_report(results: Path, done: Completed, wheel: Path, suite: Path) -> Report:
    if not results.exists():
        raise WheelTestError(
            f"the tests of {wheel.name} ended without a result",
            why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
            fix="a crash of the interpreter shows no result: run the command by hand under a debugger",
        )
    cases = read_cases(results)
    return Report(
        wheel=wheel.name,
        sha256=files.sha256_of(wheel),
        suite=suite.as_posix(),
        passed=len(cases.passed),
        failed=len(cases.failed) or int(done.returncode not in (0, 5)),
        skipped=cases.skipped,
        seconds=round(cases.seconds, 1),
    )


def read_cases(results: Path) -> Cases:
    """Read what a pytest that this stage has just run wrote down."""
    outcomes: dict[str, list[str]] = {"passed": [], "failed": []}
    skipped: Counter[str] = Counter()
    seconds = 0.0
    for case in ElementTree.parse(results).getroot().iter("testcase"):  # noqa: S314
        seconds += float(case.get("time", "0"))
        skip = case.find("skipped")
        if skip is not None:
            skipped[str(skip.get("message", ""))] += 1
        else:
            bad = case.find("failure") is not None or case.find("error") is not None
            outcomes["failed" if bad else "passed"].append(str(case.get("name", "")))
    return Cases(tuple(outcomes["passed"]), tuple(outcomes["failed"]), dict(skipped), seconds)

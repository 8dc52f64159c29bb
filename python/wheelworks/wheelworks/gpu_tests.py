"""The GPU stage: finished wheels, each in a clean environment, on this machine's GPU and on the older paths.

The suite itself is run by ``gpu_runner``, which also works where there is no network and none of this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator
from uv import find_uv_bin

from wheelworks.errors import GpuTestError
from wheelworks.process import Completed, Runner, open_environment
from wheelworks.proof import Proof, ProofKind
from wheelworks.sm import Sm

COMMIT = r"^[0-9a-f]{40}$"

NOT_PROVED = 1
"""What the runner ends with where the suite ran and does not prove every wheel."""


class Machine(BaseModel):
    """What a suite ran on; ``verdict`` is the doctor's sentence where CUDA operators cannot run there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    sm: str
    driver: str
    torch: str
    cuda: str | None
    python: str
    version: str
    verdict: str | None


class SuiteResult(BaseModel):
    """What the suite said of one wheel on one path; ``fault`` is what was no test's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wheel: str
    sha256: str
    path: str
    passed: int
    failed: tuple[str, ...]
    crashed: tuple[str, ...]
    hung: tuple[str, ...]
    skipped: dict[str, int]
    seconds: float
    fault: str

    @property
    def ok(self) -> bool:
        """True where tests passed and nothing else happened; a suite that skipped everything proved nothing."""
        return self.passed > 0 and not (self.failed or self.crashed or self.hung or self.fault)


class GpuRun(SuiteResult):
    """The whole suite on a path: with the wheel itself, or with a JIT lane's of the same commit, which it names."""

    forced: bool
    commit: Annotated[str, Field(pattern=COMMIT)] | None


class SanitizerRun(SuiteResult):
    """The tests marked for it under a tool of compute-sanitizer; ``not_run`` says why there are none of them."""

    tool: Literal["memcheck", "racecheck", "synccheck"]
    errors: int
    not_run: str

    @property
    def ok(self) -> bool:
        """True where the tool ran, the tests passed under it and it found nothing."""
        return super().ok and not self.errors and not self.not_run


class GpuProof(Proof):
    """The GPU suite on a wheel: first its own run, then those of its JIT lanes, then all of them under sanitizers."""

    KIND = ProofKind.GPU

    schema_: StrictInt = Field(default=2, alias="schema")
    machine: Machine
    runs: tuple[GpuRun, ...]
    sanitizers: tuple[SanitizerRun, ...]

    @model_validator(mode="after")
    def _starts_with_the_wheels_own_run(self) -> GpuProof:
        if not self.runs or self.runs[0].sha256 != self.sha256:
            raise ValueError("the first run is not of the wheel itself")
        return self

    @property
    def holds(self) -> bool:
        """True where every run is good, and every path is free of errors under memcheck."""
        return not self.lacks()

    def lacks(self) -> tuple[str, ...]:
        """Return what keeps the proof from holding; racecheck and synccheck may say why they did not run."""
        checked = {(each.sha256, each.path) for each in self.sanitizers if each.tool == "memcheck" and not each.not_run}
        unchecked = [run.path for run in self.runs if (run.sha256, run.path) not in checked]
        bad = [f"path {run.path}" for run in self.runs if not run.ok]
        bad += [f"{each.tool} on path {each.path}" for each in self.sanitizers if not (each.ok or each.not_run)]
        failed = (f"failed: {', '.join(bad)}",) if bad else ()
        return (*failed, *((f"memcheck did not run on path {', '.join(unchecked)}",) if unchecked else ()))

    def strangers(self, commit: str | None) -> tuple[GpuRun, ...]:
        """Return the runs of other wheels that are not of the wheel's commit; where that is unknown, every one."""
        known = commit if commit and re.fullmatch(COMMIT, commit) else None
        others = (run for run in self.runs if run.sha256 != self.sha256)
        return tuple(run for run in others if known is None or run.commit != known)

    def run_for(self, sm: Sm) -> GpuRun | None:
        """Return the run that ran the code of an SM: that of the newest path whose code the SM takes."""
        numbered = [(Sm(int(run.path), ptx=False), run) for run in self.runs if run.path.isdigit()]
        bare = Sm(sm.number)
        fitting = [(path, run) for path, run in numbered if path.covers(bare)]
        return max(fitting, key=lambda pair: pair[0].number, default=(None, None))[1]

    def untested(self, sms: Sequence[str]) -> tuple[str, ...]:
        """Return the SMs of a wheel whose code no good run has run."""
        runs = ((word, self.run_for(Sm.parse(word))) for word in sms)
        return tuple(word for word, run in runs if run is None or not run.ok)


def run_gpu_tests(
    wheels: Sequence[Path],
    suite: Path,
    *,
    torch: str,
    options: Sequence[str],
    run: Runner,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run the suite on every wheel in a new environment; the proofs are beside the wheels, also of those that fail."""
    with TemporaryDirectory(prefix="wheelworks-") as scratch:
        interpreter = _make_environment(Path(scratch) / "venv", torch, run, on_line)
        paths = [str(wheel.resolve()) for wheel in wheels]
        command = [str(interpreter), "-m", "gpu_runner", *paths, "--suite", str(suite), *options]
        home = str(Path(__file__).resolve().parents[1])
        done = run(command, env=open_environment(PYTHONPATH=home, PYTHONSAFEPATH="1"), on_line=on_line)
    if done.returncode == NOT_PROVED:
        raise GpuTestError(
            "the GPU suite does not prove every wheel",
            why="\n".join(line for line in done.output.splitlines() if "NOT PROVED" in line),
            fix="proofs/<wheel>/gpu.json names the tests, gpu-journals beside it has what they printed; "
            "`--resume` keeps what has passed",
        )
    _check(done, "the GPU suite could not be run")


def _make_environment(folder: Path, torch: str, run: Runner, on_line: Callable[[str], None] | None) -> Path:
    uv, interpreter = find_uv_bin(), folder / "bin" / "python"
    _check(run((uv, "venv", "--quiet", "--seed", folder), on_line=on_line), "uv cannot make an environment")
    command = (uv, "pip", "install", "--quiet", "--python", interpreter, torch, "pytest", "numpy")
    _check(run(command, on_line=on_line), f"uv cannot install {torch} and pytest")
    return interpreter


def _check(done: Completed, what: str) -> None:
    if not done.ok:
        raise GpuTestError(
            what,
            why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines()}",
            fix="where nothing can be installed, run `python3 -m gpu_runner` with the torch that is there",
        )

"""The suite in one job: pytest in processes of their own, as many as it takes to get to the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_runner.errors import RunnerError
from gpu_runner.jobs import Job
from gpu_runner.journal import Event, at_work, read_events, write_event
from gpu_runner.machine import jit_cache
from gpu_runner.sanitizer import FOUND, MARKER, read_findings, sanitized_command, sanitized_environment
from gpu_runner.watch import End, Guard, Process, run_process

FINE = (0, 1, 5)
"""What pytest ends with: all passed, some failed, none left to run."""

LAST_LINES = 5
"""How many lines of a job's output a fault quotes."""


@dataclass(frozen=True)
class Bench:
    """Where jobs run: the suite, the folder of journals and logs, an empty one, and the pipe that the runner holds."""

    suite: Path
    journals: Path
    scratch: Path
    alive: Path
    environ: Mapping[str, str]
    sanitizer: Path | None = None

    def journal(self, job: Job) -> Path:
        """Return the place of a job's journal."""
        return self.journals / f"{job.stem}.jsonl"

    def log(self, job: Job) -> Path:
        """Return the place of what a job prints."""
        return self.journals / job.log

    def site(self, job: Job) -> Path:
        """Return the folder that a job's wheel is installed in."""
        return self.scratch / job.sha256


def install(job: Job, bench: Bench) -> None:
    """Install a job's wheel, and nothing else, in a folder of its own."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    done = subprocess.run([*command, bench.site(job), job.wheel], env=bench.environ, capture_output=True, text=True)
    if done.returncode:
        raise RunnerError(
            f"pip cannot install {job.wheel.name}:\n{done.stdout}{done.stderr}\n"
            f"see that {sys.executable} has pip and that the wheel is for this machine"
        )


def run_suite(job: Job, bench: Bench, guard: Guard) -> str:
    """Run a job to its end; its journal then has what its tests said, and a fault that is no test's is given."""
    bench.journal(job).touch()
    process = plan_process(job, bench)
    while (end := _run_until_lost(job, process, guard)) is None:
        pass
    fault = end.fault or _fault_of(end, read_events(process.journal))
    return f"{fault}\n{_last_lines(process.log)}".rstrip() if fault else ""


def plan_process(job: Job, bench: Bench) -> Process:
    """Return the process of a job: pytest, under the job's tool if it has one."""
    suite = str(bench.suite)
    command = [sys.executable, "-m", "pytest", suite, f"--rootdir={suite}", "-q", "--tb=short"]
    command += ["-p", "gpu_runner.worker", "-p", "no:cacheprovider"]
    if job.tool and bench.sanitizer:
        command = sanitized_command(bench.sanitizer, job.tool, [*command, "-m", MARKER])
    empty = bench.scratch / "empty"
    empty.mkdir(exist_ok=True)
    return Process(str(job), command, _environment(job, bench), empty, bench.journal(job), bench.log(job))


def _environment(job: Job, bench: Bench) -> dict[str, str]:
    here = Path(__file__).resolve().parents[1]
    own = {
        "PYTHONPATH": f"{bench.site(job)}{os.pathsep}{here}",
        "GPU_RUNNER_JOURNAL": str(bench.journal(job).resolve()),
        "GPU_RUNNER_ALIVE": str(bench.alive),
        **({"WARPWRIGHT_FORCE_SM": job.forced} if job.forced else {}),
    }
    given = {name: value for name, value in bench.environ.items() if not name.startswith("WARPWRIGHT_FORCE_")}
    needed = sanitized_environment(job.tool) if job.tool else {}
    return needed | given | jit_cache(bench.environ) | own


def _run_until_lost(job: Job, process: Process, guard: Guard) -> End | None:
    """Run one process; give its end, or None where another goes on behind the test that it was at."""
    before = process.log.stat().st_size if process.log.exists() else 0
    end = run_process(process, guard)
    if job.tool:
        _keep_findings(end, process, before)
    culprit = at_work(read_events(process.journal))
    if end.hung is None and (end.fault or culprit is None):
        return end
    if end.hung in (None, culprit):  # else the test came to its end just as its time did
        how = f"ended its process with {end.status}" if end.hung is None else "hung"
        write_event(process.journal, {"event": "lost", "test": culprit, "how": how})
    return None


def _keep_findings(end: End, process: Process, before: int) -> None:
    """Write what the tool has found in one process; null where it came to no summary."""
    found = read_findings(process.log.read_bytes()[before:].decode("utf-8", "replace"))
    errors, shown = (found.errors, found.shown) if found else (None, 0)
    write_event(process.journal, {"event": "sanitized", "status": end.status, "errors": errors, "shown": shown})


def _fault_of(end: End, events: Sequence[Event]) -> str:
    """Say what is wrong with an end that no test explains; a tool's own status is explained by its findings."""
    found = any(event["shown"] for event in events if event["event"] == "sanitized")
    if end.whole and (end.status in FINE or (end.status == FOUND and found)):
        return ""
    return f"pytest ended with {end.status} outside of any test"


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-LAST_LINES:])

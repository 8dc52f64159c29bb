"""The suite on one wheel: pytest in processes of their own, as many as it takes to get to the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from gpu_runner.errors import RunnerError
from gpu_runner.jobs import Job
from gpu_runner.journal import Event, Run, at_work, count, machine_of, read_events, write_event

POLL = 0.2
FINE = (0, 1, 5)
"""What pytest ends with: all passed, some failed, none left to run."""


def run_job(job: Job, suite: Path, journals: Path, limit: float) -> tuple[Run, Event]:
    """Run the suite on a wheel to its end; give what it said, and what it ran on."""
    journal = journals / f"{job.sha256[:16]}-{job.forced or 'own'}.jsonl"
    journal.touch()
    with tempfile.TemporaryDirectory(prefix="gpu-runner-") as folder:
        site, empty = Path(folder, "site"), Path(folder, "empty")
        empty.mkdir()
        _install(job.wheel, site)
        command = [sys.executable, "-m", "pytest", str(suite), f"--rootdir={suite}", "-q", "--tb=short"]
        command += ["-p", "gpu_runner.worker", "-p", "no:cacheprovider"]
        environment = _environment(job, site, journal)
        while (status := run_until_lost(command, environment, empty, journal, limit)) is None:
            pass
    events = read_events(journal)
    machine = machine_of(events)
    run = Run(job.wheel.name, job.sha256, job.forced or machine.get("sm", "none"), job.forced is not None)
    run.fault = "" if status in FINE else f"pytest ended with {status} outside of any test"
    return count(run, events), machine


def run_until_lost(
    command: list[str], environment: Mapping[str, str], cwd: Path, journal: Path, limit: float
) -> int | None:
    """Run one process; give its status, or None where it lost a test behind which another process goes on."""
    status = _run(command, environment, cwd, journal, limit)
    culprit = at_work(read_events(journal))
    if culprit is None:
        return status if status is not None else -signal.SIGKILL
    how = "hung" if status is None else f"ended its process with {status}"
    write_event(journal, {"event": "lost", "test": culprit, "how": how})
    return None


def _run(command: list[str], environment: Mapping[str, str], cwd: Path, journal: Path, limit: float) -> int | None:
    """Run a command in a process group of its own; None where the journal stood still for ``limit`` seconds."""
    process = subprocess.Popen(command, cwd=cwd, env=environment, start_new_session=True)
    try:
        size, since = -1, time.monotonic()
        while process.poll() is None:
            time.sleep(POLL)
            if (now := journal.stat().st_size) != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > limit:
                return None
        return process.returncode
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _install(wheel: Path, site: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    done = subprocess.run([*command, site, wheel], capture_output=True, text=True)
    if done.returncode:
        raise RunnerError(f"pip cannot install {wheel.name}:\n{done.stdout}{done.stderr}")


def _environment(job: Job, site: Path, journal: Path) -> dict[str, str]:
    here = Path(__file__).resolve().parents[1]
    environment = {key: value for key, value in os.environ.items() if key != "WARPWRIGHT_FORCE_SM"}
    environment |= {"PYTHONPATH": f"{site}{os.pathsep}{here}", "GPU_RUNNER_JOURNAL": str(journal.resolve())}
    return environment | ({"WARPWRIGHT_FORCE_SM": job.forced} if job.forced else {})

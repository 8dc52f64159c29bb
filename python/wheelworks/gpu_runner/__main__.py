"""The command line, and the report."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_runner.errors import RunnerError
from gpu_runner.jobs import jit_path, plan_jobs, sha256_of
from gpu_runner.journal import Event, Run
from gpu_runner.suite import run_job


def main(arguments: Sequence[str] | None = None) -> int:
    """Give 0 where every run proves its wheel, 1 where one does not, 2 where the suite could not be run."""
    options = _parser().parse_args(arguments)
    try:
        wheels = [wheel for wheel in options.wheels if jit_path(wheel) is None] or options.wheels
        runs = [run for wheel in wheels for run in prove(wheel, options)]
    except RunnerError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    return 0 if all(run.ok for run in runs) else 1


def prove(wheel: Path, options: argparse.Namespace) -> list[Run]:
    """Run all that is to be run for a wheel, and write its report."""
    folder = wheel.parent / "proofs" / wheel.stem
    journals = folder / "gpu-journals"
    journals.mkdir(parents=True, exist_ok=True)
    jobs = plan_jobs(wheel, options.jit)
    if not options.resume:
        for journal in journals.glob("*.jsonl"):
            journal.unlink()
    runs: list[Run] = []
    machine: Event = {}
    for job in jobs:
        run, found = run_job(job, options.suite.resolve(), journals, options.limit)
        machine = machine or found
        runs.append(run)
        print(run, flush=True)  # noqa: T201
        if not run.passed:
            print(f"  {found.get('verdict', 'the suite did not start')}")  # noqa: T201
    _write(folder / "gpu.json", _report(wheel, machine, runs))
    return runs


def _report(wheel: Path, machine: Event, runs: Sequence[Run]) -> dict[str, Any]:
    """Give what wheelworks reads as the wheel's GpuProof."""
    machine = {**machine, "driver": _driver()}
    return {"schema": 1, "wheel": wheel.name, "sha256": sha256_of(wheel), "machine": machine,
            "runs": [asdict(run) for run in runs]}  # fmt: skip


def _write(path: Path, report: dict[str, Any]) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")[0].strip()
    return "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gpu_runner", description="Run the GPU suite on finished wheels.")
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument(
        "--jit", action="append", type=Path, help="a JIT lane's wheel, in place of those beside a wheel"
    )
    parser.add_argument("--suite", type=Path, default=Path("tests/gpu"))
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that one test may take")
    parser.add_argument("--resume", action="store_true", help="go on behind what an earlier attempt has done")
    return parser


if __name__ == "__main__":
    sys.exit(main())

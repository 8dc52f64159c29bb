"""The machine: its driver, the memory of its GPU, how many jobs fit, and the cache of what the driver compiles."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gpu_runner.errors import RunnerError

JOB_MEMORY = 16 * 2**30
"""Bytes of GPU memory that the suite needs on one path."""

CACHE_BYTES = 4 * 2**30
"""The largest cache that the driver takes: code for every path of every wheel stays in it."""

UNKNOWN = {
    "device": "unknown", "sm": "none", "torch": "unknown", "cuda": None, "python": platform.python_version(),
    "version": "unknown", "verdict": "the suite did not start",
}  # fmt: skip
"""What is said of a machine where no process came to the point of saying it."""


def driver(environ: Mapping[str, str]) -> str:
    """Return the version of the driver."""
    return _query("driver_version", environ) or "unknown"


def free_memory(environ: Mapping[str, str]) -> int:
    """Return the free bytes of the GPU that the tests take; 0 where nothing says."""
    mebibytes = _query("memory.free", environ)
    return int(mebibytes) * 2**20 if mebibytes.isdigit() else 0


def _query(name: str, environ: Mapping[str, str]) -> str:
    """Ask nvidia-smi for a value of the first GPU that CUDA sees."""
    first = environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    command = ["nvidia-smi", f"--query-gpu={name}", "--format=csv,noheader,nounits", *(["-i", first] if first else [])]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.split("\n")[0].strip()
    return ""


def cpus() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def fitting(jobs: int, cores: int, free: int) -> int:
    """Return how many of some jobs run at once: each has a core and GPU memory of its own, and one always runs."""
    return max(1, min(jobs, cores, free // JOB_MEMORY))


def thread_share(jobs: int, cores: int) -> dict[str, str]:
    """Return the setting for a job's share of the cores: with all of them each, threads wait for each other."""
    return {"OMP_NUM_THREADS": str(max(1, cores // jobs))}


def jit_cache(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the driver's JIT cache, one folder that is kept; what the caller has set stays."""
    settings = {"CUDA_CACHE_MAXSIZE": str(CACHE_BYTES)}
    if "CUDA_CACHE_PATH" not in environ:
        settings["CUDA_CACHE_PATH"] = str(_cache_folder(environ))
    return {name: value for name, value in settings.items() if name not in environ}


def _cache_folder(environ: Mapping[str, str]) -> Path:
    folder = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "warpwright", "jit")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerError(
            f"the driver's JIT cache cannot be kept in {folder}: {error.strerror}; set CUDA_CACHE_PATH to a folder"
        ) from error
    return folder

"""compute-sanitizer: where it is, how a command runs under it, and what it says it has found."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpu_runner.errors import RunnerError

MEMCHECK = "memcheck"
TOOLS = (MEMCHECK, "racecheck", "synccheck")
MARKER = "sanitized"
"""The marker of the tests that run under a tool: few and small, but every operator on every path."""

TOOL = "GPU_RUNNER_TOOL"
"""The variable that tells a test which tool it runs under."""

SLOWER = 10.0
"""How much longer a limit is under a tool: memcheck alone makes small kernels many times as slow."""

FOUND = 86
"""What compute-sanitizer ends with where it has found something, also where tests have failed."""

CUDA = Path("/usr/local/cuda")
"""Where NVIDIA's installer puts a toolkit."""

PLACES = f"on PATH, in $CUDA_HOME/bin or in {CUDA}/bin"

SUMMARY = re.compile(r"^=+ ERROR SUMMARY: (?P<errors>\d+) errors?", re.MULTILINE)
RACES = re.compile(
    r"^=+ RACECHECK SUMMARY: (?P<shown>\d+) hazards? displayed \((?P<errors>\d+) errors?, \d+ warnings?\)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Findings:
    """What a tool says at its end: its errors, and all that it shows, of which racecheck's warnings are no errors."""

    errors: int
    shown: int


def choose_tools(words: str) -> tuple[str, ...]:
    """Parse a choice of tools: their names with commas between them, or ``none``."""
    names = () if words == "none" else tuple(dict.fromkeys(words.split(",")))
    if unknown := [name for name in names if name not in TOOLS]:
        raise RunnerError(f"{unknown[0]!r} is no tool of the runner: choose from {', '.join(TOOLS)}, or none")
    return names


def find_sanitizer(environ: Mapping[str, str], cuda: Path = CUDA) -> Path | None:
    """Find compute-sanitizer: on PATH, in CUDA_HOME, or where NVIDIA's installer puts it."""
    folders = [environ.get("PATH", ""), *([f"{home}/bin"] if (home := environ.get("CUDA_HOME")) else [])]
    for folder in (*folders, str(cuda / "bin")):
        if folder and (found := shutil.which("compute-sanitizer", path=folder)):
            return Path(found)
    return None


def sanitized_command(sanitizer: Path, tool: str, command: list[str]) -> list[str]:
    """Return the command that runs another under a tool."""
    options = ["--tool", tool, "--error-exitcode", str(FOUND), "--target-processes", "application-only"]
    return [str(sanitizer), *options, *command]


def sanitized_environment(tool: str) -> dict[str, str]:
    """Return the tool's name for the tests, and what it needs of torch.

    Torch's caching allocator hides from memcheck where one tensor ends.
    """
    return {TOOL: tool, **({"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"} if tool == MEMCHECK else {})}


def read_findings(text: str) -> Findings | None:
    """Read the summary in what a process under a tool has printed; None where it came to none."""
    if found := RACES.search(text):
        return Findings(int(found["errors"]), int(found["shown"]))
    if found := SUMMARY.search(text):
        return Findings(int(found["errors"]), int(found["errors"]))
    return None

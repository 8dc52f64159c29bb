"""The report on a wheel: what wheelworks reads as its GpuProof, and what it lacks to be a proof."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpu_runner.journal import Event
from gpu_runner.results import Run, SanitizerRun
from gpu_runner.sanitizer import MEMCHECK

SCHEMA = 2


@dataclass(frozen=True)
class Report:
    """The runs of a wheel, its own first, and those under the sanitizers."""

    wheel: str
    sha256: str
    machine: Event
    runs: Sequence[Run]
    sanitizers: Sequence[SanitizerRun]

    def lacks(self) -> list[str]:
        """Return what keeps the report from being a proof; racecheck and synccheck may say why they did not run."""
        checked = {(each.sha256, each.path) for each in self.sanitizers if each.tool == MEMCHECK and not each.not_run}
        unchecked = [run.path for run in self.runs if (run.sha256, run.path) not in checked]
        bad = [f"path {run.path}" for run in self.runs if not run.ok]
        bad += [f"{each.tool} on path {each.path}" for each in self.sanitizers if not (each.ok or each.not_run)]
        return [
            *([f"failed: {', '.join(bad)}"] if bad else []),
            *([f"{MEMCHECK} did not run on path {', '.join(unchecked)}"] if unchecked else []),
        ]

    def __str__(self) -> str:
        lacks = self.lacks()
        return f"{self.wheel}: {'NOT PROVED, ' + '; '.join(lacks) if lacks else 'proved'}"


def write_report(path: Path, report: Report) -> None:
    """Write a report, whole or not at all."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(_document(report), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _document(report: Report) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(report)}

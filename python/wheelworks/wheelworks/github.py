"""What GitHub's workflows take from a session: outputs, as lines of the file that GITHUB_OUTPUT names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wheelworks.lanes import Lane, plan_lanes, released_architectures
from wheelworks.matrix import Matrix

RUNNERS = {"x86_64": "ubuntu-24.04", "aarch64": "ubuntu-24.04-arm"}
"""GitHub's runner for each architecture: every lane is built and tested on the CPU that it is for."""


def matrix_outputs(matrix: Matrix) -> dict[str, str]:
    """Return the values of ``strategy.matrix``: jobs for lanes, for the released architectures, and for the indexes."""
    lanes = plan_lanes(matrix)
    machines = [
        {"architecture": architecture, "runner": RUNNERS[architecture]}
        for architecture in released_architectures(matrix)
    ]
    return {
        "released": _rows(lane for lane in lanes if not lane.test_only),
        "test-only": _rows(lane for lane in lanes if lane.test_only),
        "machines": json.dumps({"include": machines}),
        "indexes": json.dumps({"include": list(_indexes(matrix))}),
    }


def write_outputs(outputs: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Add outputs to the step that runs this; elsewhere there is no such file, and nothing is written."""
    if found := environment.get("GITHUB_OUTPUT"):
        with Path(found).open("a", encoding="utf-8") as file:  # GitHub's own file: steps add to it, so no rename
            file.writelines(f"{name}={value}\n" for name, value in outputs.items())


def _rows(lanes: Iterable[Lane]) -> str:
    return json.dumps({"include": [{"lane": lane.name, "runner": RUNNERS[lane.architecture]} for lane in lanes]})


def _indexes(matrix: Matrix) -> Iterator[Mapping[str, str]]:
    """Return the index that serves each released lane."""
    for lane in plan_lanes(matrix):
        if not lane.test_only:
            label = f"{lane.label}/" if lane.label else ""
            yield {"lane": lane.name, "runner": RUNNERS[lane.architecture], "index": f"{matrix.release.url}{label}"}

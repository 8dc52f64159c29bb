"""Lanes: rows of the matrix, resolved to what a build needs to know."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from packaging.version import Version

from wheelworks.errors import UnknownLaneError
from wheelworks.matrix import Matrix, nearest
from wheelworks.matrix_rows import Toolkit

DEFAULT_SM_SET = "all"


@dataclass(frozen=True)
class Lane:
    """One row of the matrix: a CUDA toolkit, an SM set and a CPU architecture."""

    name: str
    toolkit_name: str
    toolkit: Toolkit
    sm_set_name: str
    sm_set: tuple[str, ...]
    architecture: str
    base: str | None
    universal: bool
    test_only: bool

    @property
    def cuda(self) -> Version:
        """The CUDA version that the lane compiles with."""
        return self.toolkit.cuda

    @property
    def label(self) -> str:
        """The local version of the lane's wheels: cu130, for a thin set cu130.sm90a, for the universal wheel none."""
        if self.universal:
            return ""
        if self.sm_set_name == DEFAULT_SM_SET:
            return self.toolkit_name
        return f"{self.toolkit_name}.{self.sm_set_name}"


def plan_lanes(matrix: Matrix) -> tuple[Lane, ...]:
    """Resolve every row of the matrix's lanes table, in its order."""
    return tuple(
        Lane(
            name=row.name,
            toolkit_name=row.toolkit,
            toolkit=matrix.toolkits[row.toolkit],
            sm_set_name=row.sm_set,
            sm_set=matrix.sm_sets[row.sm_set],
            architecture=row.architecture,
            base=row.base,
            universal=row.universal,
            test_only=row.test_only,
        )
        for row in matrix.lanes
    )


def choose_lane(matrix: Matrix, name: str | None) -> Lane:
    """Find a lane by name; without one, the first of the matrix."""
    lanes = plan_lanes(matrix)
    if name is None:
        return lanes[0]
    for lane in lanes:
        if lane.name == name:
            return lane
    names = [lane.name for lane in lanes]
    raise UnknownLaneError(
        f"there is no lane {name!r}",
        why=nearest(name, names),
        fix="`nox -s matrix` lists the lanes; a new one is a row in matrix.toml",
    )


def lane_of_label(matrix: Matrix, label: str, architecture: str) -> Lane | None:
    """Find the lane whose wheels carry a label on an architecture."""
    lanes = [lane for lane in plan_lanes(matrix) if (lane.label, lane.architecture) == (label, architecture)]
    return lanes[0] if lanes else None


def released_architectures(matrix: Matrix) -> tuple[str, ...]:
    """Return the architectures of the released lanes, each once."""
    return tuple(dict.fromkeys(lane.architecture for lane in plan_lanes(matrix) if not lane.test_only))


def machine_architecture() -> str:
    """Return this machine's architecture in the words of the matrix."""
    return {"arm64": "aarch64"}.get(platform.machine(), platform.machine())

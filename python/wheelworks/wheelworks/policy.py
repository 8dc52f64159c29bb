"""What a wheel may be, as data. What the matrix says stands in matrix.toml and is taken from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packaging.version import Version

from wheelworks.errors import SourceError
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.matrix import Matrix, nearest
from wheelworks.matrix_rows import Budget, Source
from wheelworks.units import KERNELS, Unit

NEEDED = (
    "libtorch.so",
    "libtorch_cpu.so",
    "libc.so.6",
    "libm.so.6",
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
)
"""The libraries that the loader may be asked for: torch has loaded its own, the others are part of every Linux."""

PROVIDED = (
    "libtorch*.so",
    "libc10*.so",
    "libcuda.so.*",
    "libcudart.so.*",
    "libcublas*.so.*",
    "libcufft*.so.*",
    "libcurand.so.*",
    "libcusolver*.so.*",
    "libcusparse*.so.*",
    "libcudnn*.so.*",
    "libcufile.so.*",
    "libnccl.so.*",
    "libnvrtc*.so.*",
    "libnvJitLink.so.*",
    "libnvidia-*.so.*",
)
"""Torch, CUDA and the driver: auditwheel's policy leaves them out, and a repair never copies one into a wheel."""


@dataclass(frozen=True)
class Policy:
    """The rules' data for one project: what its matrix promises, and the units that its wheels are compiled from."""

    project: str
    build_record: str
    abi: str
    torch_floor: Version
    oldest_glibc: Version
    lanes: tuple[Lane, ...]
    sources: tuple[tuple[str, Source], ...]
    units: tuple[Unit, ...]
    operators: Mapping[str, tuple[str, ...]]
    budget: Budget
    binary: str = "warpwright/_C.abi3.so"
    needed: tuple[str, ...] = NEEDED
    provided: tuple[str, ...] = PROVIDED

    def is_provided(self, library: str) -> bool:
        """True for a library that the user's torch or driver brings."""
        return any(fnmatchcase(library, pattern) for pattern in self.provided)

    @property
    def commits(self) -> tuple[tuple[str, str], ...]:
        """The commit of each source that a build is given, whether a unit uses it or not."""
        return tuple((name, source.commit) for name, source in self.sources)

    def parts(self, lane: Lane) -> tuple[tuple[str, Source], ...]:
        """Return the sources whose code comes into a lane's wheel: those that a unit uses which the lane compiles."""
        used = {name for unit in self.units if unit.serves(lane.sm_set) for name in unit.uses}
        return tuple((name, source) for name, source in self.sources if name in used)

    def lane(self, name: str) -> Lane | None:
        """Find a lane by name."""
        return next((lane for lane in self.lanes if lane.name == name), None)


def plan_policy(matrix: Matrix, units: Iterable[Unit]) -> Policy:
    """Return the policy of the kernel wheels that a matrix describes and that units are compiled into."""
    policy = Policy(
        project="warpwright",
        build_record="warpwright/_build.json",
        abi=matrix.python.abi,
        torch_floor=matrix.torch.floor,
        oldest_glibc=Version("2.28"),
        lanes=plan_lanes(matrix),
        sources=tuple(sorted(matrix.sources.items())),
        units=tuple(units),
        operators=matrix.operators,
        budget=matrix.budget,
    )
    _require_sources(policy, matrix)
    return policy


def _require_sources(policy: Policy, matrix: Matrix) -> None:
    """Refuse a unit that uses what no source of the matrix is: no SBOM could name it."""
    for unit in policy.units:
        for name in unit.uses:
            if name not in matrix.sources:
                raise SourceError(
                    f"the unit {unit.launch} of {KERNELS} USES {name!r}, which is no source",
                    why=f"matrix.toml has no [sources.{name}]; {nearest(name, list(matrix.sources))}",
                    fix="correct the row, or add the source with its commit and its license to matrix.toml",
                )

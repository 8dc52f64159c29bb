"""What a wheel may be, as data. What the matrix says stands in matrix.toml and is taken from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from packaging.version import Version

from wheelworks.lanes import Lane, plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.matrix_rows import Budget, Source

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
    """The rules' data for one project."""

    project: str
    build_record: str
    abi: str
    torch_floor: Version
    oldest_glibc: Version
    lanes: tuple[Lane, ...]
    sources: tuple[tuple[str, Source], ...]
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
        """The commit of each source that the wheel is built from."""
        return tuple((name, source.commit) for name, source in self.sources)

    def lane(self, name: str) -> Lane | None:
        """Find a lane by name."""
        return next((lane for lane in self.lanes if lane.name == name), None)


def plan_policy(matrix: Matrix) -> Policy:
    """Return the policy of the kernel wheels that a matrix describes."""
    return Policy(
        project="warpwright",
        build_record="warpwright/_build.json",
        abi=matrix.python.abi,
        torch_floor=matrix.torch.floor,
        oldest_glibc=Version("2.28"),
        lanes=plan_lanes(matrix),
        sources=tuple(sorted(matrix.sources.items())),
        operators=matrix.operators,
        budget=matrix.budget,
    )

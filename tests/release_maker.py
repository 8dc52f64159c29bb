"""Makes releases to test with: small wheels that agree with the matrix, with all proofs, and their manifests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from operator import methodcaller
from pathlib import Path
from typing import Any

from packaging.version import Version

from wheel_maker import WheelMaker, build_record
from wheelworks.index import Notices, update_index
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.manifest import Channel, Manifest, Release, collect_release
from wheelworks.matrix import Matrix, parse_matrix
from wheelworks.policy import Policy, plan_policy
from wheelworks.proof import ProofKind, proof_path
from wheelworks.sbom import NAME as SBOM
from wheelworks.sbom import plan_sbom
from wheelworks.units import read_units

PROJECT = Path(__file__).parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOTICES = Notices(url="https://wheels.example/", nightlies=2)

FACTS: dict[ProofKind, dict[str, Any]] = {
    ProofKind.BUILD: {
        "schema": 2, "build_type": "Release", "release": True, "commit": COMMIT, "seconds": 74.0,
        "cache": {"hits": 15, "misses": 1},
    },
    ProofKind.AUDIT: {"findings": [], "skipped": []},
    ProofKind.BILL: {
        "lane": "cu130-all-x86_64", "wheel_bytes": 1000,
        "bill": {
            "schema": 1, "version": "0.1.0+cu130", "lane": "cu130-all-x86_64", "binary": "warpwright/_C.abi3.so",
            "sha256": "a" * 64,
            "kernels": [{
                "operator": "rmsnorm", "unit": "rmsnorm", "name": "rmsnorm_kernel", "variant": "",
                "symbol": "_Z7rmsnorm", "sm": sm, "bytes": 2048, "registers": 32, "shared": 0, "stack": 0, "spills": 0,
            } for sm in ("80", "90a")],
        },
    },
    ProofKind.WHEEL_TESTS: {
        "suite": "tests/wheel", "passed": 63, "failed": 0, "skipped": {}, "seconds": 12.6,
    },
    ProofKind.GPU: {
        "schema": 2,
        "machine": {
            "device": "NVIDIA H200", "sm": "90", "driver": "580.1", "torch": "2.11.0+cu130", "cuda": "13.0",
            "python": "3.12.1", "version": "0.1.0", "verdict": None,
        },
    },
    ProofKind.COMPAT: {
        "lane": "cu130-all-x86_64", "version": "0.1.0+cu130", "cells": [{
            "python": "3.12", "torch": "2.10.0", "verdict": "passed", "found_python": "3.12.1",
            "found_torch": "2.10.0+cu128", "operators": 10, "opchecks": 10, "passed": 63, "failed": [],
        }],
    },
}  # fmt: skip
"""What a good wheel's proofs say beyond the wheel that they are of."""


LANES = (
    {"toolkit": "cu130", "sm-set": "all", "architecture": "x86_64"},
    {"toolkit": "cu130", "sm-set": "sm90a", "architecture": "x86_64"},
    {"toolkit": "cu135", "sm-set": "all", "architecture": "x86_64"},
    {"toolkit": "cu130", "sm-set": "jit75", "architecture": "x86_64", "test-only": True},
)
"""Rows of a matrix that does not grow with the project's own."""


def small_matrix(data: Mapping[str, Any]) -> Matrix:
    """Return the project's matrix with a few lanes."""
    return parse_matrix({**data, "lanes": list(LANES)})


def policy_of(matrix: Matrix) -> Policy:
    """Return the policy of a matrix with the project's own units."""
    return plan_policy(matrix, read_units(PROJECT))


def released_lanes(matrix: Matrix) -> tuple[Lane, ...]:
    return tuple(lane for lane in plan_lanes(matrix) if not lane.test_only)


def make_wheel(folder: Path, matrix: Matrix, lane: Lane, public: str = "0.1.0", **changes: Any) -> Path:
    """Make a wheel of a lane, without proofs."""
    full = f"{public}+{lane.label}" if lane.label else public
    record = build_record(matrix, version=full, lane=lane.name, cuda=str(lane.cuda), sm_set=list(lane.sm_set))
    inner = {"warpwright/_build.json": record, "warpwright/_version.py": f'__version__ = "{public}"\n'.encode()}
    sbom = plan_sbom(full, lane, policy_of(matrix).parts(lane), epoch=0)
    inner[f"warpwright-{changes.get('version', full)}.dist-info/{SBOM}"] = sbom.encode()
    tag = f"cp310-abi3-manylinux_2_24_{lane.architecture}.manylinux_2_28_{lane.architecture}"
    return WheelMaker(**{"version": full, "tag": tag, "files": inner, "requires_python": ">=3.10", **changes}).make(
        folder
    )


def gpu_runs(wheel: str, sha256: str, **changes: Any) -> dict[str, Any]:
    """Return a wheel's own run, those of the JIT lanes' wheels that take its older code, and all under memcheck.

    Every run has the changes.
    """
    counts = {"passed": 300, "failed": [], "crashed": [], "hung": [], "skipped": {}, "seconds": 60.0, "fault": ""}
    own = {"wheel": wheel, "sha256": sha256, "path": "90"}
    lanes = [{"wheel": f"jit{path}.whl", "sha256": path * 32, "path": path} for path in ("75", "80", "89")]
    paths = [own, *lanes]
    runs = [{**path, **counts, "forced": path is not own, "commit": COMMIT, **changes} for path in paths]
    return {"runs": runs, "sanitizers": [sanitizer_run(path) for path in paths]}


def sanitizer_run(path: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """Return the run of a wheel on a path, by a run on it, under memcheck."""
    counts = {"passed": 20, "failed": [], "crashed": [], "hung": [], "skipped": {}, "seconds": 60.0, "fault": ""}
    same = {name: path[name] for name in ("wheel", "sha256", "path")}
    return {**same, **counts, "tool": "memcheck", "errors": 0, "not_run": "", **changes}


def write_proof(wheel: Path, kind: ProofKind, **changes: Any) -> Path:
    """Write a proof of a wheel, with changes to what a good one says."""
    lane = {"lane": "cu130-all-x86_64"} if kind in (ProofKind.BUILD, ProofKind.AUDIT) else {}
    base: dict[str, Any] = {"schema": 1, "wheel": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    path = proof_path(wheel, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    runs = gpu_runs(base["wheel"], base["sha256"]) if kind == ProofKind.GPU else {}
    path.write_text(json.dumps(base | lane | FACTS[kind] | runs | changes), encoding="utf-8")
    return path


def make_dist(folder: Path, matrix: Matrix, version: str = "0.1.0", lanes: Sequence[Lane] | None = None) -> Path:
    """Make the wheels of a whole release, with all proofs."""
    for lane in released_lanes(matrix) if lanes is None else lanes:
        wheel = make_wheel(folder, matrix, lane, version)
        for kind in matrix.release.proofs:
            write_proof(wheel, kind)
    return folder


def make_release(folder: Path, matrix: Matrix, version: str = "0.1.0", channel: Channel = Channel.RELEASE) -> Manifest:
    """Make a release's wheels and its manifest."""
    make_dist(folder, matrix, version)
    return collect_release([folder], matrix, Release(Version(version), channel, CREATED, "What changed.\n"))


def make_index(folder: Path, matrix: Matrix, version: str = "0.1.0", channel: Channel = Channel.RELEASE) -> Path:
    """Make a release in ``folder/VERSION`` and add it to the index in ``folder/index``, whose path is given."""
    manifest = make_release(folder / version, matrix, version, channel)
    update_index(folder / "index", NOTICES, methodcaller("with_manifest", manifest), wheels=folder / version)
    return folder / "index"

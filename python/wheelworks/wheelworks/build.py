"""The build stage: carries out a plan, through uv, scikit-build-core and CMake, and proves what came of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictInt

from wheelworks import files, overlooked
from wheelworks.build_log import first_error
from wheelworks.build_plan import BuildPlan
from wheelworks.ccache import CacheCount, count, fingerprint_path
from wheelworks.errors import BuildError, FileError
from wheelworks.fingerprint import fingerprint
from wheelworks.images import BuildImage
from wheelworks.process import Completed, Runner
from wheelworks.proof import Proof, ProofKind
from wheelworks.provenance import COMMIT, Origin

LITTLE_SPACE = 2**20
"""Bytes: less than this free when a build fails, and that is why it failed."""

CHANGES_NOTHING = ("CMAKE_BUILD_PARALLEL_LEVEL", "NINJA_STATUS", "TMPDIR")
"""Variables of a plan that a configured folder need not be made anew for."""


@dataclass(frozen=True)
class BuiltWheel:
    """A wheel as the compiler left it, not audited yet."""

    path: Path
    lane: str
    seconds: float
    cache: CacheCount | None
    build_type: str
    fresh: bool
    developer: Mapping[str, str] = field(default_factory=dict)


class BuildProof(Proof):
    """What the build of a wheel cost, and the commit that it was built from; None where no commit is known.

    ``image`` is the container's, by the address of its content; None for an embedded toolchain. ``defines`` are those
    that a developer has added, which no release may have; ``release`` says that nothing of an earlier build was used,
    and that every byte of the toolchain and of the sources was read.
    """

    KIND = ProofKind.BUILD

    schema_: StrictInt = Field(default=2, alias="schema")
    lane: str
    commit: Annotated[str, Field(pattern=COMMIT)] | None
    seconds: float
    cache: CacheCount | None
    image: BuildImage | None = None
    build_type: str
    release: bool
    defines: dict[str, str] = Field(default_factory=dict)


def prepare_folder(plan: BuildPlan) -> None:
    """Make the links through which the compiler sees the toolchain and the sources, and the backend's pin."""
    for name, target in plan.links.items():
        files.link(plan.folder / name, target)
    files.write_text(plan.folder / "build-constraints.txt", plan.constraints)


def run_build(
    plan: BuildPlan, *, run: Runner, on_line: Callable[[str], None] | None = None, fresh: bool = False
) -> BuiltWheel:
    """Carry out a plan. The wheel is in the plan's staging folder; nothing is in dist/ yet.

    What an earlier build has configured is kept where the plan and the compilers are the same; ``fresh`` keeps nothing.
    """
    prepare_folder(plan)
    _note_compilers(plan, run, fresh)
    files.remove(plan.staging)
    if plan.ccache_log:
        plan.ccache_log.unlink(missing_ok=True)
    start = time.monotonic()
    done = run(plan.command, cwd=plan.project, env=plan.environment, on_line=on_line)
    if not done.ok:
        failure = _failure(plan, done)  # before the log, which a full disk has no room for
        with contextlib.suppress(FileError):
            files.write_text(plan.log, done.output)
        raise failure
    files.write_text(plan.log, done.output)
    wheels = sorted(plan.staging.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildError(
            f"lane {plan.lane} did not make one wheel",
            why=f"found {[wheel.name for wheel in wheels]} in {plan.staging}",
            fix=f"read the build's output, which is in {plan.log}",
        )
    cache = count(plan.ccache_log) if plan.ccache_log else None
    return BuiltWheel(
        path=wheels[0],
        lane=plan.lane,
        seconds=time.monotonic() - start,
        cache=cache,
        build_type=plan.defines["CMAKE_BUILD_TYPE"],
        fresh=fresh,
        developer=plan.developer,
    )


def _note_compilers(plan: BuildPlan, run: Runner, fresh: bool) -> None:
    """Write down what compiles, for ccache's key; a folder that was configured for something else is made anew.

    CMake keeps flags, defines and found programs of an earlier configuration, whatever they are now; and ninja keeps
    the objects of another toolchain's headers, or of another source, where these are older than the objects.
    """
    compilers = fingerprint(plan.folder / "cuda", Path(plan.defines["CMAKE_CXX_COMPILER"]), run)
    decisive = {name: value for name, value in plan.environment.items() if name not in CHANGES_NOTHING}
    links = {name: str(target) for name, target in plan.links.items()}
    wanted = json.dumps([compilers, plan.defines, decisive, links], indent=1, sort_keys=True)
    stamp = plan.folder / "configured.json"
    kept = stamp.exists() and stamp.read_text(encoding="utf-8") == wanted
    if overlooked.look(plan.project, plan.folder / "sources.json") or fresh or not kept:
        files.remove(plan.cmake)
    files.write_text(fingerprint_path(plan.folder), compilers)
    files.write_text(stamp, wanted)


def prove_build(built: BuiltWheel, finished: Path, origin: Origin, image: BuildImage | None = None) -> BuildProof:
    """Return the proof for the wheel that the repair made of a built one."""
    return BuildProof(
        wheel=finished.name,
        sha256=files.sha256_of(finished),
        lane=built.lane,
        commit=origin.name,
        seconds=round(built.seconds, 1),
        cache=built.cache,
        image=image,
        build_type=built.build_type,
        release=built.fresh,
        defines=dict(built.developer),
    )


def _failure(plan: BuildPlan, done: Completed) -> BuildError:
    """Name the first error, which ninja's other jobs have often pushed out of sight."""
    what, shown = f"the build of lane {plan.lane} failed with status {done.returncode}", first_error(done.output)
    if (free := shutil.disk_usage(plan.folder).free) < LITTLE_SPACE:  # compilers seldom say so
        return BuildError(
            what,
            why=f"No space left on device: {free // 1024} KiB are free in {plan.folder}\n{shown}",
            fix="make room there and build again; finished units are kept",
        )
    return BuildError(
        what,
        why=shown,
        fix=f"mend the source and build again; finished units are kept, and {plan.log} has the whole output",
    )

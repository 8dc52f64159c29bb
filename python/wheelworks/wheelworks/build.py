"""The build stage: from a lane, its toolchain and the sources to one wheel, through uv, scikit-build-core and CMake.

What the compilers see of the world is the plan's environment and nothing else, the same on a bare machine and in a
container: no index, no home, no variable of a shell.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictInt

from wheelworks import files
from wheelworks.build_log import first_error
from wheelworks.ccache import CacheCount, Ccache, ccache_environment, count, fingerprint_path
from wheelworks.environment import close
from wheelworks.errors import BuildError
from wheelworks.fingerprint import fingerprint
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import HostCompiler
from wheelworks.images import BuildImage
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.process import Completed, Runner
from wheelworks.proof import Proof, ProofKind
from wheelworks.provenance import COMMIT, Origin
from wheelworks.settings import parallel_jobs, require_new
from wheelworks.sources import Sources
from wheelworks.toolchain import CUDA_TARGETS, Toolchain

LITTLE_SPACE = 2**20
"""Bytes: less than this free when a build fails, and that is why it failed."""

REPRODUCIBLE_EPOCH = "1577836800"
"""Time stamp of every file in a wheel, 2020-01-01, so that two builds of one source are equal."""

CHANGES_NOTHING = ("CMAKE_BUILD_PARALLEL_LEVEL", "NINJA_STATUS", "TMPDIR")
"""Variables of a plan that a configured folder need not be made anew for."""


@dataclass(frozen=True)
class BuildPlan:
    """One build, as data: where, with which links, environment and command.

    ``developer`` are the defines that a person has added; they are among ``defines`` as well.
    """

    frontend: Frontend
    lane: str
    project: Path
    folder: Path
    links: dict[str, Path]
    environment: dict[str, str]
    constraints: str
    defines: dict[str, str]
    ccache_log: Path | None
    developer: Mapping[str, str] = field(default_factory=dict)

    @property
    def staging(self) -> Path:
        """The folder for the wheel until it has passed the audit."""
        return self.folder / "wheel"

    @property
    def cmake(self) -> Path:
        """The folder that CMake configures and fills."""
        return self.folder / "cmake"

    @property
    def log(self) -> Path:
        """The file that keeps all that the last build printed."""
        return self.folder / "build.log"

    @property
    def settings(self) -> dict[str, object]:
        """The settings that carry the defines to CMake through scikit-build-core."""
        defines = {f"cmake.define.{name}": value for name, value in self.defines.items()}
        return {"build-dir": self.cmake, **defines}

    @property
    def command(self) -> tuple[str, ...]:
        """The call of uv's build frontend."""
        return (
            str(self.frontend.uv), "build", "--wheel", "--python", str(self.frontend.python),
            "--out-dir", str(self.staging), "--no-create-gitignore", "--no-build-isolation",
            *(word for name, value in self.settings.items() for word in ("--config-setting", f"{name}={value}")),
            str(self.project),
        )  # fmt: skip


@dataclass(frozen=True)
class BuiltWheel:
    """A wheel as the compiler left it, not audited yet."""

    path: Path
    lane: str
    seconds: float
    cache: CacheCount | None
    developer: Mapping[str, str] = field(default_factory=dict)


class BuildProof(Proof):
    """What the build of a wheel cost, and the commit that it was built from; None where no commit is known.

    ``image`` is the container's, by the address of its content; None for an embedded toolchain. ``defines`` are those
    that a developer has added, which no release may have.
    """

    KIND = ProofKind.BUILD

    schema_: StrictInt = Field(default=2, alias="schema")
    lane: str
    commit: Annotated[str, Field(pattern=COMMIT)] | None
    seconds: float
    cache: CacheCount | None
    image: BuildImage | None = None
    defines: dict[str, str] = Field(default_factory=dict)


def plan_build(
    lane: Lane,
    toolchain: Toolchain,
    sources: Sources,
    compiler: HostCompiler,
    *,
    project: Path,
    ccache: Ccache | None,
    build_type: str,
    backend: str,
    environment: Mapping[str, str],
    frontend: Frontend,
    folder: Path | None = None,
    machine: str | None = None,
    developer: Mapping[str, str] | None = None,
) -> BuildPlan:
    """Decide everything about a build; nothing is touched.

    The compiler sees the toolchain and the sources through links in the build folder alone: the commands then read the
    same in every checkout, whatever the cache's path, which is what lets ccache hit and keeps these paths out of the
    binary. Of ``environment``, PATH, TMPDIR and the number of jobs count.
    """
    machine = machine or machine_architecture()
    folder = folder or project / "build" / lane.name
    links = {"cuda": toolchain.cuda, "torch": toolchain.torch, "tools": toolchain.tools, **sources.folders}
    defines = _defines(lane, sources, compiler, folder, build_type) | _cross_defines(lane, machine)
    # Written also where there is no ccache: CMake keeps a define of an earlier build otherwise.
    launcher = str(ccache.path) if ccache else ""
    defines |= {f"CMAKE_{language}_COMPILER_LAUNCHER": launcher for language in ("CXX", "CUDA")}
    require_new(developer or {}, defines)
    return BuildPlan(
        frontend=frontend,
        lane=lane.name,
        project=project,
        folder=folder,
        links=links,
        environment={
            **_environment(project, folder, frontend, environment),
            "WARPWRIGHT_VERSION_LABEL": lane.label,
            **({"_PYTHON_HOST_PLATFORM": f"linux-{lane.architecture}"} if lane.architecture != machine else {}),
            **(ccache_environment(ccache, project, folder) if ccache else {}),
        },
        constraints=f"{backend}\n",
        defines={**defines, **(developer or {})},
        ccache_log=folder / "ccache.log" if ccache else None,
        developer=developer or {},
    )


def _environment(project: Path, folder: Path, frontend: Frontend, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of the command, less what depends on the lane."""
    return {
        **close({}).variables,
        **{name: environment[name] for name in ("TMPDIR",) if name in environment},
        "PATH": f"{folder / 'tools'}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "WARPWRIGHT_SOURCE_ROOT": str(project),
        "SOURCE_DATE_EPOCH": REPRODUCIBLE_EPOCH,
        "NINJA_STATUS": "[%f/%t] ",
        "CMAKE_BUILD_PARALLEL_LEVEL": str(parallel_jobs(environment)),
        "PYTHONPATH": str(frontend.backend),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SKBUILD_NO_ENTRYPOINT_CONFIG": "1",
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
        "UV_NO_CACHE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def _cross_defines(lane: Lane, machine: str) -> dict[str, str]:
    """Tell CMake and nvcc of an architecture that is not this machine's."""
    if lane.architecture == machine:
        return {}
    return {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": lane.architecture,
        "CMAKE_CUDA_FLAGS": f"--target-directory={CUDA_TARGETS[lane.architecture]}",
    }


def _defines(lane: Lane, sources: Sources, compiler: HostCompiler, folder: Path, build_type: str) -> dict[str, str]:
    return {
        "CMAKE_BUILD_TYPE": build_type,
        "CMAKE_CUDA_COMPILER": str(folder / "cuda" / "bin" / "nvcc"),
        "CMAKE_CUDA_HOST_COMPILER": str(compiler.path),
        "CMAKE_CXX_COMPILER": str(compiler.path),
        "CMAKE_MAKE_PROGRAM": str(folder / "tools" / "ninja"),
        "WARPWRIGHT_LANE": lane.name,
        "WARPWRIGHT_SM_SET": ";".join(lane.sm_set),
        "WARPWRIGHT_TORCH_DIR": str(folder / "torch"),
        **{f"WARPWRIGHT_{name.upper()}_COMMIT": commit for name, commit in sources.commits.items()},
        **{f"FETCHCONTENT_SOURCE_DIR_{name.upper()}": str(folder / name) for name in sources.folders},
    }


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
    files.write_text(plan.log, done.output)
    if not done.ok:
        raise _failure(plan, done)
    wheels = sorted(plan.staging.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildError(
            f"lane {plan.lane} did not make one wheel",
            why=f"found {[wheel.name for wheel in wheels]} in {plan.staging}",
            fix=f"read the build's output, which is in {plan.log}",
        )
    cache = count(plan.ccache_log) if plan.ccache_log else None
    return BuiltWheel(wheels[0], plan.lane, time.monotonic() - start, cache, plan.developer)


def _note_compilers(plan: BuildPlan, run: Runner, fresh: bool) -> None:
    """Write down what compiles, for ccache's key; a folder that was configured for something else is made anew.

    CMake keeps flags, defines and found programs of an earlier configuration, whatever they are now.
    """
    compilers = fingerprint(plan.folder / "cuda", Path(plan.defines["CMAKE_CXX_COMPILER"]), run)
    decisive = {name: value for name, value in plan.environment.items() if name not in CHANGES_NOTHING}
    wanted = json.dumps([compilers, plan.defines, decisive], indent=1, sort_keys=True)
    stamp = plan.folder / "configured.json"
    if fresh or not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
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

"""The build stage: from a lane, its toolchain and the sources to one wheel, through uv, scikit-build-core and CMake."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from wheelworks import files
from wheelworks.ccache import CacheCount, Ccache, ccache_environment, count
from wheelworks.errors import BuildError
from wheelworks.host_compiler import HostCompiler
from wheelworks.images import BuildImage
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.process import Completed, Runner
from wheelworks.proof import Proof, ProofKind
from wheelworks.sources import Sources
from wheelworks.toolchain import CUDA_TARGETS, Toolchain

UNIT_MEMORY = 10 * 2**30
"""Bytes that one CUTLASS 3.x unit may need at its peak, measured: 8 to 11 GB."""

LITTLE_SPACE = 2**20
"""Bytes: less than this free when a build fails, and that is why it failed."""

REPRODUCIBLE_EPOCH = "1577836800"
"""Time stamp of every file in a wheel, 2020-01-01, so that two builds of one source are equal."""


@dataclass(frozen=True)
class Frontend:
    """What calls the build backend: uv, with a Python; and the backend's folder where no index can be reached."""

    uv: Path
    python: Path
    backend: Path | None = None


@dataclass(frozen=True)
class BuildPlan:
    """One build, as data: where, with which links, environment and command."""

    frontend: Frontend
    lane: str
    project: Path
    folder: Path
    links: dict[str, Path]
    environment: dict[str, str]
    constraints: str
    defines: dict[str, str]
    ccache_log: Path | None

    @property
    def staging(self) -> Path:
        """The folder for the wheel until it has passed the audit."""
        return self.folder / "wheel"

    @property
    def settings(self) -> dict[str, object]:
        """The settings that carry the defines to CMake through scikit-build-core."""
        defines = {f"cmake.define.{name}": value for name, value in self.defines.items()}
        return {"build-dir": self.folder / "cmake", **defines}

    @property
    def command(self) -> tuple[str, ...]:
        """The call of uv's build frontend."""
        constrained = ["--build-constraints", str(self.folder / "build-constraints.txt")]
        return (
            str(self.frontend.uv), "build", "--wheel", "--python", str(self.frontend.python),
            "--out-dir", str(self.staging), "--no-create-gitignore",
            *(["--no-build-isolation"] if self.frontend.backend else constrained),
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


class BuildProof(Proof):
    """What the build of a wheel cost, and the commit that it was built from; None where there is no git checkout.

    ``image`` is the container's, by the address of its content; None for an embedded toolchain.
    """

    KIND = ProofKind.BUILD

    lane: str
    commit: str | None
    seconds: float
    cache: CacheCount | None
    image: BuildImage | None = None


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
    frontend: Frontend | None = None,
    folder: Path | None = None,
    machine: str | None = None,
) -> BuildPlan:
    """Decide everything about a build; nothing is touched.

    The compiler sees the toolchain and the sources through links in the build folder alone: the commands then read the
    same in every checkout, whatever the cache's path, which is what lets ccache hit and keeps these paths out of the
    binary.
    """
    machine = machine or machine_architecture()
    folder = folder or project / "build" / lane.name
    frontend = frontend or Frontend(Path(find_uv_bin()), Path(sys.executable))
    log = folder / "ccache.log" if ccache else None
    links = {"cuda": toolchain.cuda, "torch": toolchain.torch, "tools": toolchain.tools, **sources.folders}
    defines = _defines(lane, sources, compiler, folder, build_type) | _cross_defines(lane, machine)
    # Written also where there is no ccache: CMake keeps a define of an earlier build otherwise.
    launcher = str(ccache.path) if ccache else ""
    defines |= {f"CMAKE_{language}_COMPILER_LAUNCHER": launcher for language in ("CXX", "CUDA")}
    return BuildPlan(
        frontend=frontend,
        lane=lane.name,
        project=project,
        folder=folder,
        links=links,
        environment={
            "PATH": f"{folder / 'tools'}{os.pathsep}{environment.get('PATH', '')}",
            "WARPWRIGHT_VERSION_LABEL": lane.label,
            "WARPWRIGHT_SOURCE_ROOT": str(project),
            "SOURCE_DATE_EPOCH": REPRODUCIBLE_EPOCH,
            "NINJA_STATUS": "[%f/%t] ",
            "CMAKE_BUILD_PARALLEL_LEVEL": str(parallel_jobs(environment)),
            **({"_PYTHON_HOST_PLATFORM": f"linux-{lane.architecture}"} if lane.architecture != machine else {}),
            **_offline_environment(frontend),
            **(ccache_environment(project, log, extra=folder / "cuda" / "reproducible" / "cudafe++") if log else {}),
        },
        constraints=f"{backend}\n",
        defines=defines,
        ccache_log=log,
    )


def _offline_environment(frontend: Frontend) -> dict[str, str]:
    if frontend.backend is None:
        return {}
    return {
        "PYTHONPATH": str(frontend.backend),
        "PYTHONDONTWRITEBYTECODE": "1",
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


def parallel_jobs(environment: Mapping[str, str]) -> int:
    """Return the number of compilers at a time: one for each core that has the memory of a large unit to itself."""
    if named := environment.get("CMAKE_BUILD_PARALLEL_LEVEL"):
        return int(named)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // UNIT_MEMORY))


def prepare_folder(plan: BuildPlan) -> None:
    """Make the links through which the compiler sees the toolchain and the sources, and the backend's pin."""
    for name, target in plan.links.items():
        files.link(plan.folder / name, target)
    files.write_text(plan.folder / "build-constraints.txt", plan.constraints)


def run_build(plan: BuildPlan, *, run: Runner, on_line: Callable[[str], None] | None = None) -> BuiltWheel:
    """Carry out a plan. The wheel is in the plan's staging folder; nothing is in dist/ yet."""
    prepare_folder(plan)
    files.remove(plan.staging)
    if plan.ccache_log:
        plan.ccache_log.unlink(missing_ok=True)
    start = time.monotonic()
    done = run(plan.command, cwd=plan.project, env=plan.environment, on_line=on_line)
    if not done.ok:
        raise _failure(plan, done)
    wheels = sorted(plan.staging.glob("*.whl"))
    if len(wheels) != 1:
        raise BuildError(
            f"lane {plan.lane} did not make one wheel",
            why=f"found {[wheel.name for wheel in wheels]} in {plan.staging}",
            fix="read the build's output above",
        )
    cache = count(plan.ccache_log) if plan.ccache_log else None
    return BuiltWheel(wheels[0], plan.lane, time.monotonic() - start, cache)


def find_commit(project: Path, run: Runner) -> str | None:
    """Return the commit of a checkout, with ``-dirty`` after it where files differ from it; None without git."""
    done = run(["git", "-C", project, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"])
    return done.output.strip() if done.ok else None


def prove_build(built: BuiltWheel, finished: Path, commit: str | None, image: BuildImage | None = None) -> BuildProof:
    """Return the proof for the wheel that the repair made of a built one."""
    return BuildProof(
        wheel=finished.name,
        sha256=files.sha256_of(finished),
        lane=built.lane,
        commit=commit,
        seconds=round(built.seconds, 1),
        cache=built.cache,
        image=image,
    )


def _failure(plan: BuildPlan, done: Completed) -> BuildError:
    """Name the first compiler error, which ninja's other jobs have often pushed out of sight."""
    lines = done.output.splitlines()
    words = ("error:", "FAILED:", "CMake Error")
    first = next((index for index, line in enumerate(lines) if any(word in line for word in words)), None)
    shown = "\n".join(lines[first : first + 20]) if first is not None else done.last_lines(30)
    what = f"the build of lane {plan.lane} failed with status {done.returncode}"
    if (free := shutil.disk_usage(plan.folder).free) < LITTLE_SPACE:  # compilers seldom say so
        return BuildError(
            what,
            why=f"No space left on device: {free // 1024} KiB are free in {plan.folder}\n{shown}",
            fix="make room there and build again; finished units are kept",
        )
    return BuildError(
        what,
        why=shown,
        fix=f"mend the source and build again; finished units are kept in {plan.folder}",
    )

"""The plan of a build, as data: the folder, the links, the environment and the command; nothing is touched.

What the compilers see of the world is the plan's environment and nothing else, the same on a bare machine and in a
container: no index, no home, no variable of a shell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wheelworks.ccache import Ccache, ccache_environment
from wheelworks.environment import close
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import HostCompiler
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.settings import parallel_jobs, require_new
from wheelworks.sources import Sources
from wheelworks.toolchain import CUDA_TARGETS, Toolchain

REPRODUCIBLE_EPOCH = "1577836800"
"""Time stamp of every file in a wheel, 2020-01-01, so that two builds of one source are equal."""


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

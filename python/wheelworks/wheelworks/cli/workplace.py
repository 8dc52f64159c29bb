"""Where a build's compiler runs: on this machine, or in a lane's container."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelworks import container, files
from wheelworks.build import Frontend
from wheelworks.ccache import Ccache, check_ccache, find_ccache
from wheelworks.host_compiler import HostCompiler, check_host_compiler, find_host_compiler
from wheelworks.images import BuildImage
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.process import Runner, run


@dataclass(frozen=True)
class Workplace:
    """What runs the build's command, and the tools that are there. None stands for what a build takes by itself."""

    run: Runner
    compiler: HostCompiler
    ccache: Ccache | None
    environment: Mapping[str, str]
    frontend: Frontend | None = None
    folder: Path | None = None
    image: BuildImage | None = None


def workplace_here(lane: Lane) -> Workplace:
    """Return this machine, with its own compiler, or with one for the lane's architecture."""
    across = lane.architecture if lane.architecture != machine_architecture() else None
    compiler = find_host_compiler(os.environ, run, across)
    return Workplace(run, compiler, find_ccache(os.environ, run), os.environ)


def workplace_in(image: BuildImage, matrix: Matrix, lane: Lane) -> Workplace:
    """Return a container of an image, with a build folder of its own in this checkout."""
    project, cache = Path.cwd(), files.cache_folder(os.environ).resolve()
    folder = project / "build" / f"{lane.name}.{image.base}"
    files.make_folder(folder)
    units = container.compiler_cache(os.environ)
    plan = container.plan_container(
        image.id, project=project, folder=folder, cache=cache, compiler_cache=units, user=container.caller()
    )
    inside = container.run_in(plan, run)
    named = ("CMAKE_BUILD_PARALLEL_LEVEL",)
    return Workplace(
        run=inside,
        compiler=check_host_compiler(container.TOOLS / "c++", inside),
        ccache=check_ccache(container.TOOLS / "ccache", inside),
        environment={"PATH": container.PATH, **{key: os.environ[key] for key in named if key in os.environ}},
        frontend=container.ensure_frontend(matrix, project, lane.architecture, cache=cache, run=run),
        folder=folder,
        image=image,
    )

"""Where a build's compiler runs: on this machine, or in a lane's container."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wheelworks import container, files
from wheelworks.ccache import Ccache, check_ccache, find_ccache
from wheelworks.cli.app import the_store
from wheelworks.frontend import Frontend, ensure_frontend
from wheelworks.host_compiler import HostCompiler, check_host_compiler, find_host_compiler
from wheelworks.images import BuildImage
from wheelworks.lanes import Lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.process import Runner, run


@dataclass(frozen=True)
class Workplace:
    """What runs the build's command, where, and the tools that are there."""

    run: Runner
    compiler: HostCompiler
    ccache: Ccache | None
    environment: Mapping[str, str]
    frontend: Frontend
    folder: Path
    image: BuildImage | None = None


def build_folder(lane: Lane, base: str | None = None) -> Path:
    """Return the folder of a lane's builds in this checkout; each base of a container has one of its own."""
    return Path.cwd() / "build" / (lane.name if base is None else f"{lane.name}.{base}")


def workplace_here(matrix: Matrix, lane: Lane, *, thorough: bool) -> Workplace:
    """Return this machine, with its own compiler, or with one for the lane's architecture."""
    across = lane.architecture if lane.architecture != machine_architecture() else None
    return Workplace(
        run=run,
        compiler=find_host_compiler(os.environ, run, across),
        ccache=find_ccache(os.environ, run),
        environment=os.environ,
        frontend=_frontend(matrix, machine_architecture(), Path(sys.executable), thorough=thorough),
        folder=build_folder(lane),
    )


def workplace_in(image: BuildImage, matrix: Matrix, lane: Lane, *, thorough: bool) -> Workplace:
    """Return a container of an image, with a build folder of its own in this checkout."""
    project, cache = Path.cwd(), files.cache_folder(os.environ).resolve()
    folder = build_folder(lane, image.base)
    files.make_folder(folder)
    units = container.compiler_cache(find_ccache(os.environ, run), os.environ)
    plan = container.plan_container(
        image.id, project=project, folder=folder, cache=cache, compiler_cache=units, user=container.caller()
    )
    inside = container.run_in(plan, run)
    named = ("CMAKE_BUILD_PARALLEL_LEVEL",)
    return Workplace(
        run=inside,
        compiler=check_host_compiler(container.TOOLS / "c++", inside),
        ccache=check_ccache(container.TOOLS / "ccache", inside, {"CCACHE_DIR": str(units)}),
        environment={"PATH": container.PATH, **{key: os.environ[key] for key in named if key in os.environ}},
        frontend=_frontend(matrix, lane.architecture, container.TOOLS / "python3", thorough=thorough),
        folder=folder,
        image=image,
    )


def _frontend(matrix: Matrix, architecture: str, python: Path, *, thorough: bool) -> Frontend:
    store = the_store(thorough=thorough)
    return ensure_frontend(matrix, Path.cwd(), architecture, python=python, store=store, run=run)

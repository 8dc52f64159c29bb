"""The cibuildwheel stage: the release form of a lane, as a configuration that is generated from the matrix.

cibuildwheel copies the project into the lane's image and builds there, so everything that the plan of a build says is
known beforehand: the configuration holds that plan, for the folder where cibuildwheel puts a project.
"""

from __future__ import annotations

from pathlib import Path

import tomlkit

from wheelworks.build_plan import BuildPlan, plan_build
from wheelworks.container import TOOLS
from wheelworks.errors import MatrixError
from wheelworks.frontend import Frontend
from wheelworks.host_compiler import HostCompiler
from wheelworks.images import plan_image
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.sources import Sources
from wheelworks.toolchain import Toolchain

PROJECT = Path("/project")
"""Where cibuildwheel puts a project in its container."""

WHEELWORKS = "/opt/wheelworks/bin/wheelworks"
HEADER = "# Generated from matrix.toml by `wheelworks cibuildwheel`; `nox -s lint` checks that it is current.\n\n"


def release_lanes(matrix: Matrix) -> tuple[Lane, ...]:
    """Return the lanes that are released."""
    return tuple(lane for lane in plan_lanes(matrix) if not lane.test_only)


def configuration_path(project: Path, lane: Lane) -> Path:
    """Return the place of a lane's configuration in a project."""
    return project / "docker" / "cibuildwheel" / f"{lane.name}.toml"


def render_configuration(matrix: Matrix, lane: Lane) -> str:
    """Return the configuration of a lane as TOML."""
    image = plan_image(matrix, lane, _base(matrix, lane), project=PROJECT, commit=None)
    toolchain = Toolchain(Path(), "", lane.toolkit.kind == "embedded")  # where it lies is known in the container alone
    commits = {name: row.commit for name, row in matrix.sources.items()}
    sources = Sources({name: Path() for name in matrix.sources}, commits)
    plan = plan_inside(matrix, lane, toolchain, sources, project=PROJECT)
    options = {
        "build": f"{matrix.python.abi}-manylinux_{lane.architecture}",
        "archs": [lane.architecture],
        f"manylinux-{lane.architecture}-image": image.tag,
        "build-frontend": "uv",
        "before-all": f"sh {PROJECT}/docker/prepare-cibuildwheel.sh {lane.name}",
        "repair-wheel-command": f"cd {PROJECT} && {WHEELWORKS} repair {lane.name} {{wheel}} {{dest_dir}}",
        "audit-command": "",  # the repair has audited the wheel, limited API and all
        "test-requires": ["pytest", "numpy"],
        "test-command": "python -m pytest -p no:cacheprovider --rootdir={project}/tests/wheel {project}/tests/wheel",
        "environment": _environment(plan),
        "config-settings": {key: str(value) for key, value in plan.settings.items()},
    }
    return HEADER + tomlkit.dumps({"tool": {"cibuildwheel": options}})


def plan_inside(matrix: Matrix, lane: Lane, toolchain: Toolchain, sources: Sources, *, project: Path) -> BuildPlan:
    """Plan the build as it is in cibuildwheel's container."""
    return plan_build(
        lane,
        toolchain,
        sources,
        HostCompiler(TOOLS / "c++", ""),
        project=project,
        ccache=None,
        build_type="Release",
        backend=matrix.tools.backend,
        environment={"PATH": "$PATH"},
        frontend=Frontend(Path("uv"), TOOLS / "python3", Path()),  # cibuildwheel brings its own
        machine=lane.architecture,
    )


def require_current(matrix: Matrix, project: Path) -> None:
    """Refuse configurations that are not what the matrix gives."""
    wanted = {configuration_path(project, lane): render_configuration(matrix, lane) for lane in release_lanes(matrix)}
    found = set((project / "docker" / "cibuildwheel").glob("*.toml"))
    stale = [path for path, text in wanted.items() if path not in found or path.read_text(encoding="utf-8") != text]
    if names := sorted(path.name for path in {*stale, *(found - set(wanted))}):
        raise MatrixError(
            "the configuration of cibuildwheel is not that of matrix.toml",
            why=f"stale: {', '.join(names)}",
            fix="run `wheelworks cibuildwheel` and commit the result",
        )


def _base(matrix: Matrix, lane: Lane) -> str:
    """Return the base that has the layout that cibuildwheel expects."""
    for key, row in matrix.bases.items():
        if row.kind == "manylinux" and lane.architecture in row.architectures:
            return key
    raise MatrixError(
        f"lane {lane.name} has no release form",
        why=f"no base of kind manylinux is for {lane.architecture}",
        fix="add one under [bases] in matrix.toml",
    )


def _environment(plan: BuildPlan) -> dict[str, str]:
    """Return the plan's environment, less what depends on the machine and on how cibuildwheel brings the backend."""
    left_out = ("CMAKE_BUILD_PARALLEL_LEVEL", "HOME", "NINJA_STATUS", "PYTHONPATH", "TMPDIR")
    own = ("UV_NO_CACHE", "UV_NO_CONFIG", "UV_OFFLINE", "UV_PYTHON_DOWNLOADS")
    return {
        **{key: value for key, value in plan.environment.items() if key not in (*left_out, *own)},
        "UV_BUILD_CONSTRAINT": str(plan.folder / "build-constraints.txt"),
    }

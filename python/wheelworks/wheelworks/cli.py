"""The command line: each command reads the matrix, calls the stages, and is the only place that prints and exits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cyclopts import App
from rich.console import Console
from rich.table import Table

from wheelworks import files, uv_client
from wheelworks.build import BuiltWheel, plan_build, run_build
from wheelworks.ccache import find_ccache
from wheelworks.errors import ToolchainError, WheelworksError
from wheelworks.host_compiler import find_host_compiler
from wheelworks.lanes import Lane, choose_lane, plan_lanes, to_github
from wheelworks.matrix import Matrix, load_matrix
from wheelworks.process import run
from wheelworks.progress import BuildProgress
from wheelworks.sources import ensure_sources
from wheelworks.toolchain import Toolchain, ensure_toolchain, plan_toolchain

app = App(name="wheelworks", help="From sources to audited wheels.", version_flags=[])
console = Console()
errors = Console(stderr=True)


def main() -> None:
    """Run the command line; an error of the pipeline is told without a traceback, with its own exit code."""
    try:
        app()
    except WheelworksError as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)


def _matrix() -> Matrix:
    return load_matrix(Path("matrix.toml"))


def _toolchain(matrix: Matrix, lane: Lane) -> Toolchain:
    plan = plan_toolchain(matrix, lane, Path.cwd())
    return ensure_toolchain(plan, cache=files.cache_folder(os.environ), run=run)


@app.command
def matrix(*, github: bool = False) -> None:
    """Print the lanes.

    Parameters
    ----------
    github
        Print the released lanes as JSON for a workflow's ``fromJSON``.
    """
    parsed = _matrix()
    if github:
        sys.stdout.write(to_github(parsed) + "\n")
        return
    table = Table("lane", "CUDA", "SM set", "architecture", "label", "")
    for lane in plan_lanes(parsed):
        note = "test only" if lane.test_only else ""
        table.add_row(lane.name, str(lane.cuda), " ".join(lane.sm_set), lane.architecture, f"+{lane.label}", note)
    console.print(table)


@app.command
def lock() -> None:
    """Renew the lock of every toolkit from the matrix: the hashes of all its packages."""
    parsed = _matrix()
    for name, toolkit in parsed.toolkits.items():
        with TemporaryDirectory() as scratch:
            done = uv_client.write_lock([*toolkit.packages, *parsed.tools.packages], run=run, scratch=Path(scratch))
        if not done.ok:
            raise ToolchainError(
                f"uv could not lock toolkit {name}",
                why=done.last_lines(),
                fix="check the versions in matrix.toml and the network",
            )
        files.write_text(Path(toolkit.lock), done.output)
        console.print(f"wrote {toolkit.lock}")


@app.command
def build(lane: str | None = None, *, build_type: str = "Release", dist: Path = Path("dist")) -> None:
    """Build, audit and repair the wheel of a lane, and put it into ``dist``.

    Parameters
    ----------
    lane
        Name of a lane; the first of the matrix where none is given.
    build_type
        Release, RelWithDebInfo (CUDA line information) or Debug (CUDA device debugging).
    dist
        Folder for the finished wheel.
    """
    parsed = _matrix()
    chosen = choose_lane(parsed, lane)
    compiler = find_host_compiler(os.environ, run)
    console.print(f"lane {chosen.name}: CUDA {chosen.cuda}, SMs {' '.join(chosen.sm_set)}, {compiler.path}")
    built = _compile(parsed, chosen, build_type)
    console.print(f"built {built.path.name} in {built.seconds:.0f} s")
    _finish(parsed, chosen, built, dist)


def _compile(parsed: Matrix, lane: Lane, build_type: str) -> BuiltWheel:
    ccache = find_ccache(os.environ, run)
    if ccache is None:
        console.print("ccache 4.7 or newer is not on PATH: every unit is compiled anew, minutes instead of seconds")
    plan = plan_build(
        lane,
        _toolchain(parsed, lane),
        ensure_sources(parsed, cache=files.cache_folder(os.environ), run=run),
        find_host_compiler(os.environ, run),
        project=Path.cwd(),
        ccache=ccache,
        build_type=build_type,
        backend=parsed.tools.backend,
        environment=os.environ,
    )
    with BuildProgress(console) as progress:
        built = run_build(plan, run=run, on_line=progress)
    if built.cache is not None:
        console.print(str(built.cache))
    return built

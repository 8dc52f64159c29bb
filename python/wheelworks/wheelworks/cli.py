"""The command line: each command reads the matrix, calls the stages, and is the only place that prints and exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from wheelworks import files, uv_client
from wheelworks.audit import Tools, audit_wheels, render_audits, to_json
from wheelworks.build import BuiltWheel, plan_build, run_build
from wheelworks.ccache import find_ccache
from wheelworks.errors import ToolchainError, WheelTestError, WheelworksError
from wheelworks.host_compiler import find_host_compiler
from wheelworks.lanes import Lane, choose_lane, plan_lanes, to_github
from wheelworks.matrix import Matrix, load_matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run
from wheelworks.progress import BuildProgress
from wheelworks.repair import repair_wheel
from wheelworks.sources import ensure_sources
from wheelworks.toolchain import Toolchain, ensure_toolchain, plan_toolchain
from wheelworks.wheel_tests import check_wheel, forced_path, require

BuildType = Literal["Release", "RelWithDebInfo", "Debug"]
SUITE = Path("tests/wheel")

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


def show(line: str) -> None:
    """Pass a line of another program on."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


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
def build(
    lane: str | None = None, *, build_type: BuildType = "Release", dist: Path = Path("dist"), untested: bool = False
) -> None:
    """Build the wheel of a lane, give it its platform tag, audit and test it, and only then put it into ``dist``.

    Parameters
    ----------
    lane
        Name of a lane; the first of the matrix where none is given.
    build_type
        Release, RelWithDebInfo (CUDA line information) or Debug (CUDA device debugging).
    dist
        Folder for the finished wheel.
    untested
        Leave out the wheel tests, which need a torch to install.
    """
    parsed = _matrix()
    chosen = choose_lane(parsed, lane)
    compiler = find_host_compiler(os.environ, run)
    console.print(f"lane {chosen.name}: CUDA {chosen.cuda}, SMs {' '.join(chosen.sm_set)}, {compiler.path}")
    built = _compile(parsed, chosen, build_type)
    console.print(f"built {built.path.name} in {built.seconds:.0f} s", highlight=False)
    with TemporaryDirectory(prefix="wheelworks-") as staging:
        finished = repair_wheel(built.path, Path(staging), plan_policy(parsed), run)
        _audit([finished], parsed, chosen)
        if not untested:
            _test([finished], SUITE, parsed)
        files.place(finished, dist / finished.name)
    console.print(f"{dist / finished.name}, {(dist / finished.name).stat().st_size / 2**20:.1f} MiB", highlight=False)
    if built.cache is not None:
        console.print(str(built.cache), highlight=False)


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
        return run_build(plan, run=run, on_line=progress)


def _audit(wheels: Sequence[Path], parsed: Matrix, lane: Lane, *, as_json: bool = False) -> None:
    """Print the verdicts on all wheels, then raise if there are findings."""
    tools = Tools(run, _toolchain(parsed, lane).cuobjdump, (Path.cwd(), files.cache_folder(os.environ), Path.home()))
    audits = audit_wheels(wheels, plan_policy(parsed), tools)
    sys.stdout.write(to_json(audits) if as_json else render_audits(audits))
    sys.stdout.flush()
    audits.require_clean()


def _test(wheels: Sequence[Path], suite: Path, parsed: Matrix, environment: Mapping[str, str] | None = None) -> None:
    """Print the reports on all wheels, then raise for the first that is no proof."""
    torch = f"torch=={parsed.torch.headers}"
    reports = [
        check_wheel(wheel, suite, torch=torch, environment=environment, run=run, on_line=show) for wheel in wheels
    ]
    for report in reports:
        console.print(str(report), highlight=False, markup=False)
        files.write_text(Path("build") / "reports" / f"{report.wheel}.{suite.name}.json", report.to_json())
    for report in reports:
        require(report)


@app.command
def audit(wheels: Annotated[list[Path], Parameter(negative=())], *, json: bool = False) -> None:
    """Audit wheels, of this project or any other; all are read before a finding fails the command.

    Parameters
    ----------
    wheels
        The wheels.
    json
        Print JSON instead of lines.
    """
    parsed = _matrix()
    _audit(wheels, parsed, choose_lane(parsed, None), as_json=json)


@app.command
def wheel_tests(wheels: Annotated[list[Path] | None, Parameter(negative=())] = None) -> None:
    """Test wheels on the CPU, each in a clean environment.

    Parameters
    ----------
    wheels
        The wheels; the default lane's in ``dist`` where none are given.
    """
    parsed = _matrix()
    _test(wheels or [_newest(parsed)], SUITE, parsed)


@app.command
def gpu_tests(wheels: Annotated[list[Path], Parameter(negative=())]) -> None:
    """Test wheels on this machine's GPU, each in a clean environment; a JIT lane's wheel on the path that it carries.

    Parameters
    ----------
    wheels
        The wheels.
    """
    parsed = _matrix()
    for wheel in wheels:
        _test([wheel], Path("tests/gpu"), parsed, forced_path(parsed, wheel))


def _newest(parsed: Matrix) -> Path:
    lane = choose_lane(parsed, None)
    found = sorted(Path("dist").glob(f"*+{lane.label}-*{lane.architecture}.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise WheelTestError(
            f"there is no wheel of lane {lane.name} in dist/", why="none was built here", fix="run `nox -s build-wheel`"
        )
    return found[-1]

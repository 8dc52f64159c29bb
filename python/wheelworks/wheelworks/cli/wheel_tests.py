"""``wheel-tests``, ``gpu-tests`` and ``newest-torch``: finished wheels in clean environments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.errors import WheelTestError
from wheelworks.gpu_tests import run_gpu_tests
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix
from wheelworks.newest import check_released
from wheelworks.process import run, run_open
from wheelworks.proof import write_proof
from wheelworks.wheel_tests import Report, check_wheel, require

SUITE = Path("tests/wheel")
GPU_SUITE = Path("tests/gpu")


@app.command
def wheel_tests(wheels: Annotated[list[Path] | None, Parameter(negative=())] = None) -> None:
    """Test wheels on the CPU, each in a clean environment; the report is put beside the wheel.

    Parameters
    ----------
    wheels
        The wheels; the default lane's in ``dist`` where none are given.
    """
    parsed = read_matrix()
    chosen = wheels or [_newest(parsed)]
    for wheel, report in zip(chosen, check_all(chosen, SUITE, parsed), strict=True):
        write_proof(wheel, report)


@app.command
def gpu_tests(
    wheels: Annotated[list[Path], Parameter(negative=())],
    *,
    jit: Annotated[list[Path] | None, Parameter(negative=())] = None,
    jobs: int | None = None,
    tools: str = "memcheck,racecheck,synccheck",
    limit: float = 300.0,
    start_limit: float = 900.0,
    resume: bool = False,
) -> None:
    """Test wheels on this machine's GPU: its own path and the older ones, then each under sanitizers.

    The report is put beside each wheel.

    Parameters
    ----------
    wheels
        The wheels. Those of JIT lanes are tested with the wheels that they belong to.
    jit
        The JIT lanes' wheels; those beside each wheel where none are named.
    jobs
        How many paths run at once; as many as the cores and the GPU's free memory hold where none is given.
    tools
        The tools of compute-sanitizer, with commas between them, or `none`; without memcheck nothing is proved.
    limit
        Seconds that one test may take before it is stopped.
    start_limit
        Seconds that may pass without a test: while pytest starts, between two tests, and at the end.
    resume
        Go on behind what an earlier attempt has done.
    """
    torch = f"torch=={read_matrix().torch.headers}"
    options = ["--limit", str(limit), "--start-limit", str(start_limit), "--tools", tools]
    options += [*(["--jobs", str(jobs)] if jobs is not None else []), *(["--resume"] if resume else [])]
    options += [word for path in jit or [] for word in ("--jit", str(path.resolve()))]
    run_gpu_tests(wheels, GPU_SUITE.resolve(), torch=torch, options=options, run=run_open, on_line=show)


@app.command
def newest_torch(index: str, *, torch_index: str | None = None) -> None:
    """Test the released wheel of an index on the CPU with the newest torch, in a clean environment.

    Parameters
    ----------
    index
        The URL of the index.
    torch_index
        Where torch comes from, pre-releases too; the installer's own index where none is given.
    """
    show(f"{check_released(index, SUITE, torch_index=torch_index, run=run, on_line=show)}: passed")


def check_all(wheels: Sequence[Path], suite: Path, matrix: Matrix) -> tuple[Report, ...]:
    """Print the reports on all wheels, then raise for the first that is no proof."""
    torch = f"torch=={matrix.torch.headers}"
    reports = tuple(check_wheel(wheel, suite, torch=torch, run=run, on_line=show) for wheel in wheels)
    for report in reports:
        console.print(str(report), highlight=False, markup=False)
    for report in reports:
        require(report)
    return reports


def _newest(matrix: Matrix) -> Path:
    lane = choose_lane(matrix, None)
    found = sorted(Path("dist").glob(f"*+{lane.label}-*{lane.architecture}.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise WheelTestError(
            f"there is no wheel of lane {lane.name} in dist/", why="none was built here", fix="run `nox -s build-wheel`"
        )
    return found[-1]

"""``build``: from sources to a wheel in ``dist`` with its proofs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from wheelworks import files
from wheelworks.audit import Audits, Tools
from wheelworks.build import BuiltWheel, find_commit, plan_build, prepare_folder, prove_build, run_build
from wheelworks.cibuildwheel import plan_inside
from wheelworks.cli.app import app, console, make_toolchain, read_matrix
from wheelworks.cli.audit import audit_all, write_proofs
from wheelworks.cli.containers import make_image
from wheelworks.cli.wheel_tests import SUITE, check_all
from wheelworks.cli.workplace import Workplace, workplace_here, workplace_in
from wheelworks.embed import embed_bills
from wheelworks.lanes import Lane, choose_lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.policy import plan_policy
from wheelworks.process import run
from wheelworks.progress import BuildProgress
from wheelworks.proof import Proof
from wheelworks.repair import repair_wheel
from wheelworks.sources import ensure_sources

BuildType = Literal["Release", "RelWithDebInfo", "Debug"]


@app.command
def build(
    lane: str | None = None,
    *,
    base: str | None = None,
    build_type: BuildType = "Release",
    dist: Path = Path("dist"),
    untested: bool = False,
    release: bool = False,
    by_name: bool = False,
) -> None:
    """Build the wheel of a lane, give it its platform tags, audit and test it, and only then put it into ``dist``.

    Parameters
    ----------
    lane
        Name of a lane; the first of the matrix where none is given.
    base
        Compile in a container on this base of the matrix; a lane whose toolkit is of kind container has one of its own.
    build_type
        Release, RelWithDebInfo (CUDA line information) or Debug (CUDA device debugging).
    dist
        Folder for the finished wheel; what was shown of it is put into ``proofs`` there.
    untested
        Leave out the wheel tests, which need a torch to install.
    release
        Refuse a container whose images are not pinned.
    by_name
        Take the container's base by its name and not by its digest: for one that `base-image` made.
    """
    parsed = read_matrix()
    chosen = choose_lane(parsed, lane)
    console.print(f"lane {chosen.name}: CUDA {chosen.cuda}, SMs {' '.join(chosen.sm_set)}")
    if base is None and chosen.base is None:
        place = workplace_here(chosen)
    else:
        place = workplace_in(make_image(parsed, chosen, base, release=release, by_name=by_name), parsed, chosen)
    built = _compile(parsed, chosen, build_type, place)
    console.print(f"built {built.path.name} in {built.seconds:.0f} s", highlight=False)
    with TemporaryDirectory(prefix="wheelworks-") as staging:
        finished, audits = _finish(built.path, Path(staging), parsed, chosen)
        proofs: list[Proof] = [prove_build(built, finished, find_commit(Path.cwd(), run), place.image)]
        proofs += [proof for audit in audits.audits for proof in audit.to_proofs()]
        if chosen.architecture != machine_architecture():
            console.print(f"not tested: the wheel is for {chosen.architecture}, and this machine is not")
        elif not untested:
            proofs += check_all([finished], SUITE, parsed)
        wheel = _publish(finished, dist, proofs, parsed)
    console.print(f"{wheel}, {wheel.stat().st_size / 2**20:.1f} MiB", highlight=False)
    if built.cache is not None:
        console.print(str(built.cache), highlight=False)


@app.command
def prepare(lane: str) -> None:
    """Make the folder of a lane's build with its toolchain and sources, for another frontend to build in.

    Parameters
    ----------
    lane
        Name of a lane.
    """
    parsed = read_matrix()
    chosen = choose_lane(parsed, lane)
    toolchain = make_toolchain(parsed, chosen)
    sources = ensure_sources(parsed, cache=files.cache_folder(os.environ), run=run)
    prepare_folder(plan_inside(parsed, chosen, toolchain, sources, project=Path.cwd()))


@app.command
def repair(lane: str, wheel: Path, into: Path) -> None:
    """Give a wheel its platform tags, audit it, and only then put it into a folder.

    Parameters
    ----------
    lane
        The lane that the wheel was built for.
    wheel
        The wheel, as a build left it.
    into
        Folder for the finished one.
    """
    parsed = read_matrix()
    with TemporaryDirectory(prefix="wheelworks-") as staging:
        finished, _ = _finish(wheel, Path(staging), parsed, choose_lane(parsed, lane))
        files.place(finished, into / finished.name)


def _finish(built: Path, staging: Path, matrix: Matrix, lane: Lane) -> tuple[Path, Audits]:
    """Give a built wheel its bills and its platform tags, and hold it against every rule."""
    policy = plan_policy(matrix)
    tools = Tools(run, make_toolchain(matrix, lane).cuobjdump)
    billed = embed_bills(built, staging / "billed", policy, tools)
    finished = repair_wheel(billed, staging, policy, run)
    audits = audit_all([finished], matrix, lane)
    audits.require_clean()
    return finished, audits


def _publish(finished: Path, dist: Path, proofs: Sequence[Proof], matrix: Matrix) -> Path:
    """Put the proofs into place and the wheel last: a wheel that is there has been proved."""
    wheel = dist / finished.name
    write_proofs(wheel, proofs, matrix)
    files.place(finished, wheel)
    return wheel


def _compile(matrix: Matrix, lane: Lane, build_type: str, place: Workplace) -> BuiltWheel:
    if place.ccache is None:
        console.print("there is no ccache 4.7 or newer: every unit is compiled anew, minutes instead of seconds")
    plan = plan_build(
        lane,
        make_toolchain(matrix, lane),
        ensure_sources(matrix, cache=files.cache_folder(os.environ), run=run),
        place.compiler,
        project=Path.cwd(),
        ccache=place.ccache,
        build_type=build_type,
        backend=matrix.tools.backend,
        environment=place.environment,
        frontend=place.frontend,
        folder=place.folder,
    )
    with BuildProgress(console) as progress:
        return run_build(plan, run=place.run, on_line=progress)

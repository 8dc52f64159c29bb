"""``build``: from sources to a wheel in ``dist`` with its proofs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from cyclopts import Parameter

from wheelworks import files
from wheelworks.audit import Audits, Tools
from wheelworks.build import BuiltWheel, prepare_folder, prove_build, run_build
from wheelworks.build_plan import plan_build
from wheelworks.cibuildwheel import plan_inside
from wheelworks.cli.app import app, console, make_toolchain, read_matrix, read_policy, show, the_store
from wheelworks.cli.audit import audit_all, write_proofs
from wheelworks.cli.containers import make_image
from wheelworks.cli.wheel_tests import SUITE, check_all
from wheelworks.cli.workplace import Workplace, build_folder, workplace_here, workplace_in
from wheelworks.embed import embed_bills
from wheelworks.environment import close, describe
from wheelworks.images import choose_base
from wheelworks.lanes import Lane, choose_lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.process import run
from wheelworks.progress import BuildProgress
from wheelworks.proof import Proof
from wheelworks.provenance import Origin, find_origin, require_known, with_contents
from wheelworks.repair import repair_wheel
from wheelworks.settings import read_defines, require_plain, require_release, require_scratch
from wheelworks.sources import ensure_sources
from wheelworks.wheel import read_wheel

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
    define: Annotated[tuple[str, ...], Parameter(negative="")] = (),
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
        Build anew from one clean commit, read every byte of what compiles, and refuse a container whose images are not
        pinned.
    by_name
        Take the container's base by its name and not by its digest: for one that `base-image` made.
    define
        NAME=VALUE for CMake, a developer's own; it stands in the build proof, and no release takes one.
    """
    parsed, defines = read_matrix(), read_defines(define)
    chosen = choose_lane(parsed, lane)
    console.print(f"lane {chosen.name}: CUDA {chosen.cuda}, SMs {' '.join(chosen.sm_set)}")
    _tell_of_environment()
    origin = find_origin(Path.cwd(), run)
    if release:
        require_known(origin)
        require_release(build_type, defines)
    name = choose_base(parsed, chosen, base) if base or chosen.base else None
    with files.held(build_folder(chosen, name), say=show):
        place = _workplace(parsed, chosen, name, release=release, by_name=by_name)
        built = _compile(parsed, chosen, build_type, place, defines, release=release)
        console.print(f"built {built.path.name} in {built.seconds:.0f} s", highlight=False)
        wheel = _prove(built, place, origin, parsed, chosen, dist, untested=untested, release=release)
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
    sources = ensure_sources(parsed, store=the_store(), run=run)
    with files.held(build_folder(chosen), say=show):
        prepare_folder(plan_inside(parsed, chosen, toolchain, sources, project=Path.cwd()))


@app.command
def repair(lane: str, wheel: Path, into: Path) -> None:
    """Tag a wheel with its platforms, audit it, and only then put it into a folder.

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


def _tell_of_environment() -> None:
    """Check where the build will stand, and say in a line what the shell has set and the build will not see."""
    require_plain("the checkout", Path.cwd())
    require_plain("the cache", files.cache_folder(os.environ))
    require_scratch(os.environ)
    if line := describe(close(os.environ).removed):
        show(line)


def _workplace(matrix: Matrix, lane: Lane, base: str | None, *, release: bool, by_name: bool) -> Workplace:
    """Return this machine; with a base, a container on it."""
    if base is None:
        return workplace_here(matrix, lane, thorough=release)
    return workplace_in(
        make_image(matrix, lane, base, release=release, by_name=by_name), matrix, lane, thorough=release
    )


def _prove(
    built: BuiltWheel,
    place: Workplace,
    origin: Origin,
    matrix: Matrix,
    lane: Lane,
    dist: Path,
    *,
    untested: bool,
    release: bool,
) -> Path:
    """Finish and test a built wheel, and put it into ``dist`` with what was shown of it; return its path there."""
    with TemporaryDirectory(prefix="wheelworks-") as staging:
        finished, audits = _finish(built.path, Path(staging), matrix, lane)
        proofs: list[Proof] = [prove_build(built, finished, _origin_after(origin, finished, release), place.image)]
        proofs += [proof for audit in audits.audits for proof in audit.to_proofs()]
        if lane.architecture != machine_architecture():
            console.print(f"not tested: the wheel is for {lane.architecture}, and this machine is not")
        elif not untested:
            proofs += check_all([finished], SUITE, matrix)
        return _publish(finished, dist, proofs, matrix)


def _origin_after(before: Origin, wheel: Path, release: bool) -> Origin:
    """Return where the wheel comes from: what was there before it was compiled is still there, and is in it."""
    after = with_contents(find_origin(Path.cwd(), run), read_wheel(wheel))
    origin = replace(after, changes=tuple(sorted({*before.changes, *after.changes})))
    if release:
        require_known(origin)
    elif origin.sentence:
        show(origin.sentence)
    return origin


def _finish(built: Path, staging: Path, matrix: Matrix, lane: Lane) -> tuple[Path, Audits]:
    """Put the bills into a built wheel, tag it with its platforms, and hold it against every rule."""
    policy = read_policy(matrix)
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


def _compile(
    matrix: Matrix,
    lane: Lane,
    build_type: str,
    place: Workplace,
    developer: Mapping[str, str],
    *,
    release: bool,
) -> BuiltWheel:
    if place.ccache is None:
        console.print("there is no ccache 4.7 or newer: every unit is compiled anew, minutes instead of seconds")
    plan = plan_build(
        lane,
        make_toolchain(matrix, lane, thorough=release),
        ensure_sources(matrix, store=the_store(thorough=release), run=run),
        place.compiler,
        project=Path.cwd(),
        ccache=place.ccache,
        build_type=build_type,
        backend=matrix.tools.backend,
        environment=place.environment,
        frontend=place.frontend,
        folder=place.folder,
        developer=developer,
    )
    with BuildProgress(console) as progress:
        return run_build(plan, run=place.run, on_line=progress, fresh=release)

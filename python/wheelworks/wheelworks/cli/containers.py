"""``image``, ``base-image`` and ``pin-images``: the containers that lanes are compiled in, and what they stand on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wheelworks import files
from wheelworks.base_image import make_base, plan_base
from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.errors import DaemonError, ImageError, WheelworksError
from wheelworks.images import BuildImage, choose_base, ensure_image, look_up_digest, plan_image, require_pinned
from wheelworks.lanes import Lane, choose_lane, machine_architecture
from wheelworks.matrix import Matrix
from wheelworks.matrix_rows import Image
from wheelworks.pins import images_of, write_pins
from wheelworks.process import run
from wheelworks.provenance import find_origin


@app.command
def image(lane: str | None = None, *, base: str | None = None, release: bool = False, by_name: bool = False) -> None:
    """Build the image that a lane is compiled in.

    Parameters
    ----------
    lane
        Name of a lane; the first of the matrix where none is given.
    base
        A base of the matrix; the lane's own where none is given.
    release
        Refuse an image whose bases are not pinned.
    by_name
        Take the base by its name and not by its digest: for one that `base-image` made.
    """
    parsed = read_matrix()
    chosen = choose_lane(parsed, lane)
    made = make_image(parsed, chosen, base, release=release, by_name=by_name, on_line=show)
    console.print(f"{made.id} in {made.seconds:.0f} s", highlight=False)


@app.command
def base_image(name: str, *, mirror: str | None = None) -> None:
    """Make a debian base by debootstrap, where no registry can be reached; it needs root and a docker daemon.

    Parameters
    ----------
    name
        The image's name in the matrix, such as debian:trixie.
    mirror
        URL of a mirror of Debian; the one of this machine's apt where none is given.
    """
    plan = plan_base(read_matrix(), name, mirror=mirror, architecture=machine_architecture(), run=run)
    console.print(f"{name} from {plan.mirror}", highlight=False)
    console.print(make_base(plan, run=run, on_line=show), highlight=False)


@app.command
def pin_images() -> None:
    """Write the digests that the registries give for the matrix's images into matrix.toml.

    Images whose registry cannot be reached keep what they have; they are all tried before the first failure is told.
    """
    tried = {each.name: _try_digest(each) for each in images_of(read_matrix())}
    for name, outcome in tried.items():
        console.print(f"{name}: {outcome if isinstance(outcome, str) else 'not looked up'}", highlight=False)
    if digests := {name: outcome for name, outcome in tried.items() if isinstance(outcome, str)}:
        path = Path("matrix.toml")
        files.write_text(path, write_pins(path.read_text(encoding="utf-8"), digests))
    for outcome in tried.values():
        if isinstance(outcome, WheelworksError):
            raise outcome


def _try_digest(image: Image) -> str | WheelworksError:
    try:
        return look_up_digest(image, run)
    except (ImageError, DaemonError) as error:
        return error


def make_image(
    matrix: Matrix,
    lane: Lane,
    base: str | None,
    *,
    release: bool,
    by_name: bool,
    on_line: Callable[[str], None] | None = None,
) -> BuildImage:
    """Return the image of a lane, built where it is not there yet."""
    commit = find_origin(Path.cwd(), run).name
    name = choose_base(matrix, lane, base)
    plan = plan_image(matrix, lane, name, project=Path.cwd(), commit=commit, by_name=by_name)
    if release:
        require_pinned(plan)
    console.print(f"image {plan.tag} on {plan.arguments['BASE_IMAGE']}{'' if plan.pinned else ', unpinned'}")
    return ensure_image(plan, run=run, on_line=on_line)

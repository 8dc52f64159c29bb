"""``image``, ``base-image`` and ``pin-images``: the containers that lanes are compiled in, and what they stand on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wheelworks.build import find_commit
from wheelworks.cli.app import app, console, read_matrix, show
from wheelworks.images import BuildImage, choose_base, ensure_image, plan_image, require_pinned
from wheelworks.lanes import Lane, choose_lane
from wheelworks.matrix import Matrix
from wheelworks.process import run


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


def make_image(
    matrix: Matrix,
    lane: Lane,
    base: str | None,
    *,
    release: bool,
    by_name: bool,
    on_line: Callable[[str], None] | None = None,
) -> BuildImage:
    """Give the image of a lane, built where it is not there yet."""
    commit = find_commit(Path.cwd(), run)
    name = choose_base(matrix, lane, base)
    plan = plan_image(matrix, lane, name, project=Path.cwd(), commit=commit, by_name=by_name)
    if release:
        require_pinned(plan)
    console.print(f"image {plan.tag} on {plan.arguments['BASE_IMAGE']}{'' if plan.pinned else ', unpinned'}")
    return ensure_image(plan, run=run, on_line=on_line)

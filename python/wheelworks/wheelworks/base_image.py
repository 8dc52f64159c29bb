"""Base images where no registry can be reached: Debian's own bootstrap, imported under the name that a lane expects.

Such an image has no digest that anybody could compare, so it stays unpinned and serves no release.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks import docker
from wheelworks.errors import ImageError
from wheelworks.matrix import Matrix, nearest
from wheelworks.process import Completed, Runner

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class BasePlan:
    """One base image, as data: the release of Debian and the mirror that it comes from."""

    name: str
    suite: str
    mirror: str
    architecture: str

    def bootstrap(self, root: Path) -> list[str | Path]:
        """Return the command that fills a folder with the smallest system that has apt."""
        options = ["--variant=minbase", f"--arch={self.architecture}"]
        return ["debootstrap", *options, self.suite, root, self.mirror]

    def archive(self, root: Path, file: Path) -> list[str | Path]:
        """Return the command that packs the folder, less what apt can fetch again."""
        left_out = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*"]
        return ["tar", "--create", "--file", file, "--directory", root, *left_out, "."]


def plan_base(matrix: Matrix, name: str, *, mirror: str | None, architecture: str, run: Runner) -> BasePlan:
    """Decide how a base of the matrix is made; one that is no Debian cannot be."""
    known = [base.image.name for base in matrix.bases.values() if base.kind == "debian"]
    if name not in known:
        raise ImageError(
            f"there is no base image {name!r} to make here",
            why=nearest(name, known),
            fix="name a debian base of matrix.toml; other images come from their registry alone",
        )
    return BasePlan(
        name=name,
        suite=name.rpartition(":")[2],
        mirror=mirror or find_mirror(run),
        architecture=ARCHITECTURES[architecture],
    )


def find_mirror(run: Runner) -> str:
    """Return the mirror that this machine's own apt uses for Debian."""
    done = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"])
    for line in done.output.splitlines() if done.ok else ():
        words = line.split()
        if len(words) == 3 and words[:2] == ["Debian", "main"] and "security" not in words[2]:
            return words[2]
    raise ImageError(
        "there is no mirror of Debian to make the base from",
        why=f"{done.command_line} names none:\n{done.last_lines(5)}",
        fix="run `apt-get update` on a Debian machine, or name a mirror with --mirror",
    )


def make_base(plan: BasePlan, *, run: Runner, on_line: Callable[[str], None] | None = None) -> str:
    """Make and import a base image; give its id. The name is given to it when it is whole."""
    docker.require_daemon(run)
    if os.geteuid() != 0:
        why = "debootstrap makes device files and files of other users"
        raise ImageError(f"cannot make {plan.name}", why=why, fix="run as root")
    with TemporaryDirectory(prefix="wheelworks-base-") as scratch:
        root, file = Path(scratch) / "root", Path(scratch) / "base.tar"
        _check(plan, run(plan.bootstrap(root), on_line=on_line))
        _check(plan, run(plan.archive(root, file)))
        return docker.ask(run, ["import", file, plan.name], what=f"cannot import {plan.name}")


def _check(plan: BasePlan, done: Completed) -> None:
    if not done.ok:
        missing = done.returncode == 127
        raise ImageError(
            f"cannot make {plan.name}",
            why=f"{done.command_line} ended with {done.returncode}:\n{done.last_lines(10)}",
            fix="install it: `apt-get install debootstrap`"
            if missing
            else "read the message above: mirror, disk, rights",
        )

"""The images stage: the container that a lane is compiled in, from one Dockerfile for each kind of base."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheelworks import docker
from wheelworks.errors import ImageError, UnpinnedError
from wheelworks.lanes import Lane
from wheelworks.matrix import Matrix, nearest
from wheelworks.matrix_rows import Base, Image
from wheelworks.process import Runner

REPOSITORY = "warpwright-build"
TARGETS = {"embedded": "compiler", "container": "toolkit"}
"""The target of a Dockerfile by the kind of toolkit: one that is mounted with the cache, one that the image brings."""


@dataclass(frozen=True)
class ImagePlan:
    """One image, as data: the Dockerfile and all that docker fills it with."""

    tag: str
    base: str
    dockerfile: Path
    target: str
    arguments: dict[str, str]
    labels: dict[str, str]
    images: tuple[Image, ...]

    @property
    def pinned(self) -> bool:
        """True where a digest decides on every image that this one is made from."""
        return all(image.reference in self.arguments.values() and image.digest for image in self.images)

    @property
    def command(self) -> list[str | Path]:
        """The words for docker. The host's network serves where the daemon has no bridge, and apt needs one."""
        words: list[str | Path] = ["build", "--network", "host", "--tag", self.tag, "--target", self.target]
        words += [word for name, value in self.arguments.items() for word in ("--build-arg", f"{name}={value}")]
        words += [word for name, value in self.labels.items() for word in ("--label", f"{name}={value}")]
        return [*words, "--file", self.dockerfile, self.dockerfile.parent]


@dataclass(frozen=True)
class BuildImage:
    """An image that is there, by the address of its content."""

    id: str
    base: str
    pinned: bool
    seconds: float


def choose_base(matrix: Matrix, lane: Lane, name: str | None) -> str:
    """Return the base of a lane's container: the one that is named, else the lane's own."""
    fitting = [key for key, base in matrix.bases.items() if lane.architecture in base.architectures]
    chosen = name or lane.base
    if chosen is None or chosen not in fitting:
        raise ImageError(
            f"there is no base {chosen!r} for {lane.name}",
            why=nearest(chosen or "", fitting),
            fix="name a base of the lane's architecture; a new one is a row under [bases] in matrix.toml",
        )
    return chosen


def plan_image(
    matrix: Matrix, lane: Lane, base_name: str, *, project: Path, commit: str | None, by_name: bool = False
) -> ImagePlan:
    """Decide on everything of a lane's image. ``by_name`` leaves the digests aside, for a base made on this machine."""
    base = matrix.bases[base_name]
    images = _images(base, lane)
    references = {key: image.name if by_name else image.reference for key, image in images.items()}
    toolkit = {"CUDA_VERSION": str(lane.cuda), "SM_SET": " ".join(lane.sm_set)}
    return ImagePlan(
        tag=f"{REPOSITORY}:{lane.name}.{base_name}",
        base=base_name,
        dockerfile=project / base.dockerfile,
        target=TARGETS[lane.toolkit.kind],
        arguments={**references, "COMPILER": base.compiler, **(toolkit if lane.toolkit.kind == "container" else {})},
        labels={
            "warpwright.lane": lane.name,
            "org.opencontainers.image.revision": commit or "unknown",
            "org.opencontainers.image.base.name": references["BASE_IMAGE"],
        },
        images=tuple(images.values()),
    )


def require_pinned(plan: ImagePlan) -> None:
    """Refuse a plan for a release whose images could be others tomorrow."""
    if plan.pinned:
        return
    unpinned = [image.name for image in plan.images if image.digest is None] or [image.name for image in plan.images]
    raise UnpinnedError(
        f"{plan.tag} is no image for a release",
        why=f"unpinned: {', '.join(unpinned)}",
        fix="run `nox -s pin-images` where the registry can be reached, and commit matrix.toml",
    )


def ensure_image(plan: ImagePlan, *, run: Runner, on_line: Callable[[str], None] | None = None) -> BuildImage:
    """Build an image; what is built already costs a second. The tag is given when all of it is done."""
    docker.require_daemon(run)
    start = time.monotonic()
    docker.ask(run, plan.command, what=f"cannot build the image {plan.tag}", on_line=on_line)
    words: list[str | Path] = ["image", "inspect", "--format", "{{.Id}}", plan.tag]
    identity = docker.ask(run, words, what=f"cannot find the image {plan.tag}")
    return BuildImage(identity, plan.base, plan.pinned, time.monotonic() - start)


def look_up_digest(image: Image, run: Runner) -> str:
    """Ask the registry for the digest of a name, by pulling it; for a list of platforms it is that of the list."""
    what = f"cannot look up the digest of {image.name}"
    docker.ask(run, ["pull", "--quiet", image.name], what=what)
    words: list[str | Path] = ["image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", image.name]
    repository = image.name.rpartition(":")[0]
    for line in docker.ask(run, words, what=what).splitlines():
        name, _, digest = line.partition("@")
        if name == repository:
            return digest
    raise ImageError(what, why="no registry gave it a digest", fix="pull it from the registry that its name stands for")


def _images(base: Base, lane: Lane) -> dict[str, Image]:
    if base.kind == "debian" or lane.toolkit.kind == "embedded":
        return {"BASE_IMAGE": base.image}
    if lane.toolkit.image is None:
        raise ImageError(
            f"base {base.image.name} has no CUDA {lane.cuda}",
            why=f"toolkit {lane.toolkit_name} names no image to take it from",
            fix="name one in matrix.toml, or use a debian base",
        )
    return {"BASE_IMAGE": base.image, "CUDA_IMAGE": lane.toolkit.image}

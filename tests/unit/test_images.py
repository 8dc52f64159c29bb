"""Images are planned from the matrix alone, and every way in which docker refuses has an error of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomllib

from doubles import FakeRunner
from wheelworks.base_image import find_mirror, plan_base
from wheelworks.docker import require_daemon
from wheelworks.errors import DaemonError, ImageError, UnpinnedError, WheelworksError
from wheelworks.images import ImagePlan, choose_base, ensure_image, look_up_digest, plan_image, require_pinned
from wheelworks.lanes import choose_lane
from wheelworks.matrix import Matrix, parse_matrix
from wheelworks.matrix_rows import Image
from wheelworks.pins import images_of, write_pins

DIGEST = f"sha256:{'a' * 64}"


def plan_for(matrix: Matrix, lane: str, base: str, *, by_name: bool = False) -> ImagePlan:
    return plan_image(
        matrix, choose_lane(matrix, lane), base, project=Path("/project"), commit="c0ffee", by_name=by_name
    )


def pinned(data: dict[str, Any]) -> Matrix:
    for row in (*data["bases"].values(), data["toolkits"]["cu124"]):
        row["image"]["digest"] = DIGEST
    return parse_matrix(data)


def test_a_container_toolkit_is_part_of_the_image(matrix: Matrix) -> None:
    plan = plan_for(matrix, "universal-x86_64", "debian")
    assert plan.target == "toolkit"
    assert plan.arguments["CUDA_VERSION"] == "12.4"
    assert plan.arguments["SM_SET"] == " ".join(matrix.sm_sets["all"])
    assert plan.dockerfile == Path("/project/docker/debian.Dockerfile")
    assert plan.labels["warpwright.lane"] == "universal-x86_64"
    assert plan.labels["org.opencontainers.image.revision"] == "c0ffee"


def test_an_embedded_toolkit_is_not(matrix: Matrix) -> None:
    plan = plan_for(matrix, "cu130-all-x86_64", "debian")
    assert plan.target == "compiler"
    assert set(plan.arguments) == {"BASE_IMAGE", "COMPILER"}


def test_a_manylinux_image_takes_the_toolkit_from_another_image(matrix: Matrix) -> None:
    arguments = plan_for(matrix, "universal-x86_64", "manylinux-x86_64").arguments
    assert arguments["CUDA_IMAGE"].startswith("nvidia/cuda:12.4")


def test_a_digest_alone_decides_where_there_is_one(matrix_data: dict[str, Any]) -> None:
    matrix = pinned(matrix_data)
    assert plan_for(matrix, "universal-x86_64", "debian").arguments["BASE_IMAGE"] == f"debian@{DIGEST}"
    assert plan_for(matrix, "universal-x86_64", "debian", by_name=True).arguments["BASE_IMAGE"] == "debian:trixie"


def test_an_unknown_base_is_refused_with_the_nearest_one(matrix: Matrix) -> None:
    with pytest.raises(ImageError, match="no base 'debain' for universal-x86_64\n  why: did you mean 'debian'"):
        choose_base(matrix, choose_lane(matrix, "universal-x86_64"), "debain")


def test_a_base_of_another_architecture_is_refused(matrix: Matrix) -> None:
    with pytest.raises(ImageError, match="no base 'manylinux-aarch64' for universal-x86_64"):
        choose_base(matrix, choose_lane(matrix, "universal-x86_64"), "manylinux-aarch64")


def test_an_unpinned_base_is_refused_for_a_release(matrix: Matrix) -> None:
    with pytest.raises(UnpinnedError, match="unpinned: debian:trixie") as caught:
        require_pinned(plan_for(matrix, "universal-x86_64", "debian"))
    assert "pin-images" in caught.value.fix


def test_every_image_of_a_release_has_to_be_pinned(matrix_data: dict[str, Any]) -> None:
    require_pinned(plan_for(pinned(matrix_data), "universal-x86_64", "manylinux-x86_64"))
    del matrix_data["toolkits"]["cu124"]["image"]["digest"]
    with pytest.raises(UnpinnedError, match="unpinned: nvidia/cuda"):
        require_pinned(plan_for(parse_matrix(matrix_data), "universal-x86_64", "manylinux-x86_64"))


def test_a_base_taken_by_its_name_serves_no_release(matrix_data: dict[str, Any]) -> None:
    with pytest.raises(UnpinnedError):
        require_pinned(plan_for(pinned(matrix_data), "universal-x86_64", "debian", by_name=True))


@pytest.mark.parametrize(
    ("status", "output", "cause", "words"),
    [
        pytest.param(127, "No such file: 'docker'", DaemonError, "there is no docker client", id="no-client"),
        pytest.param(1, "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                     DaemonError, "no docker daemon answers", id="no-daemon"),
        pytest.param(1, "permission denied while trying to connect to the Docker daemon socket",
                     DaemonError, "refuses this user", id="no-access"),
        pytest.param(1, "write /x: no space left on device", ImageError, "the disk is full", id="disk-full"),
        pytest.param(1, "manifest for debian@sha256:aa not found: manifest unknown", ImageError,
                     "an image is not there", id="wrong-digest"),
        pytest.param(1, "The command '/bin/sh -c false' returned a non-zero code: 1", ImageError,
                     "cannot build the image", id="failed-step"),
    ],
)  # fmt: skip
def test_each_refusal_of_docker_has_its_own_error(
    matrix: Matrix, status: int, output: str, cause: type[WheelworksError], words: str
) -> None:
    def answer(command: tuple[str, ...]) -> tuple[int, str]:
        return (status, output) if "build" in command else (0, "20.10")

    with pytest.raises(cause, match=words) as caught:
        ensure_image(plan_for(matrix, "universal-x86_64", "debian"), run=FakeRunner(answer))
    assert output in caught.value.why


def test_without_a_daemon_nothing_is_built(matrix: Matrix) -> None:
    runner = FakeRunner(lambda _: (1, "Cannot connect to the Docker daemon"))
    with pytest.raises(DaemonError, match="start one"):
        ensure_image(plan_for(matrix, "universal-x86_64", "debian"), run=runner)
    assert not [command for command in runner.commands if "build" in command]
    with pytest.raises(DaemonError):
        require_daemon(runner)


def test_a_digest_is_that_of_the_name_that_was_asked_for() -> None:
    runner = FakeRunner(
        lambda command: (0, f"mirror/debian@sha256:{'b' * 64}\ndebian@{DIGEST}\n" * ("inspect" in command))
    )
    assert look_up_digest(Image(name="debian:trixie"), runner) == DIGEST


def test_an_image_that_no_registry_gave_has_no_digest() -> None:
    with pytest.raises(ImageError, match="no registry gave it a digest"):
        look_up_digest(Image(name="debian:trixie"), FakeRunner(lambda _: (0, "")))


def test_pins_change_the_digests_and_nothing_else(project: Path, matrix: Matrix) -> None:
    text = (project / "matrix.toml").read_text(encoding="utf-8")
    pinned_text = write_pins(text, {"debian:trixie": DIGEST})
    changed = [(old, new) for old, new in zip(text.splitlines(), pinned_text.splitlines(), strict=True) if old != new]
    assert changed == [
        ('image = { name = "debian:trixie" }', f'image = {{ name = "debian:trixie", digest = "{DIGEST}"}}')
    ]
    assert parse_matrix(tomllib.loads(pinned_text)).bases["debian"].image.digest == DIGEST
    assert "debian:trixie" in [image.name for image in images_of(matrix)]


def test_a_base_is_made_from_the_machines_own_mirror(matrix: Matrix) -> None:
    lines = "Debian main http://example.org/debian-security/\nDebian main http://example.org/debian/\n"
    runner = FakeRunner(lambda _: (0, lines))
    plan = plan_base(matrix, "debian:trixie", mirror=None, architecture="x86_64", run=runner)
    assert plan.bootstrap(Path("/r")) == [
        "debootstrap", "--variant=minbase", "--arch=amd64", "trixie", Path("/r"), "http://example.org/debian/",
    ]  # fmt: skip


def test_a_machine_without_a_mirror_is_told_to_name_one() -> None:
    with pytest.raises(ImageError, match="no mirror of Debian") as caught:
        find_mirror(FakeRunner(lambda _: (127, "no apt-get")))
    assert "--mirror" in caught.value.fix


def test_a_base_that_is_no_debian_cannot_be_made(matrix: Matrix) -> None:
    with pytest.raises(
        ImageError, match="no base image 'debian:trixy' to make here\n  why: did you mean 'debian:trixie'"
    ):
        plan_base(matrix, "debian:trixy", mirror="x", architecture="x86_64", run=FakeRunner())

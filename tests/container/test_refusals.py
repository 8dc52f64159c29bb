"""What goes wrong with a daemon, an image or a container is one clear error, and leaves nothing half-made."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dock import Dock, copy_of_this_checkout, with_base_image
from wheelworks.errors import BuildError, ContainerError, DaemonError, ImageError, UnpinnedError
from wheelworks.process import run

LANE = "universal-x86_64"


def nothing_in_dist(checkout: Path) -> bool:
    return not list((checkout / "dist").glob("*")) if (checkout / "dist").exists() else True


def test_without_a_daemon_the_error_says_how_to_start_one(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path)
    done = dock.wheelworks(checkout, "build", LANE, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == DaemonError.exit_code, done.stdout
    assert "no docker daemon answers" in done.stdout
    assert nothing_in_dist(checkout)


def test_an_unknown_base_is_refused_before_docker_is_asked(dock: Dock, tmp_path: Path) -> None:
    done = dock.wheelworks(copy_of_this_checkout(tmp_path), "image", LANE, "--base", "debain")
    assert done.returncode == ImageError.exit_code
    assert "did you mean 'debian'" in done.stdout


def test_a_digest_that_no_registry_has_is_refused_and_nothing_is_tagged(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path)
    with_base_image(checkout, f'name = "debian:trixie", digest = "sha256:{"0" * 64}"')
    tags = ("images", "--no-trunc", "--filter", "dangling=false", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
    before = dock.docker(*tags).output
    done = dock.wheelworks(checkout, "image", LANE)
    assert done.returncode == ImageError.exit_code, done.stdout
    assert "an image is not there" in done.stdout
    assert dock.docker(*tags).output == before


def test_a_release_from_an_unpinned_base_is_refused(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path)
    identity = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")
    for words in (("init", "--quiet"), ("add", "."), (*identity, "commit", "--quiet", "--message", "a release")):
        assert run(["git", "-C", checkout, *words]).ok  # a release is built from one clean commit
    done = dock.wheelworks(checkout, "build", LANE, "--release", "--by-name")
    assert done.returncode == UnpinnedError.exit_code, done.stdout
    assert "unpinned: debian:trixie" in done.stdout


@pytest.mark.usefixtures("base")
def test_a_toolkit_that_is_not_the_matrixs_fails_the_image(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path)
    matrix = checkout / "matrix.toml"
    matrix.write_text(matrix.read_text(encoding="utf-8").replace('cuda = "12.4"', 'cuda = "12.9"'), encoding="utf-8")
    done = dock.wheelworks(checkout, "image", LANE, "--by-name")
    assert done.returncode == ImageError.exit_code, done.stdout
    assert "the image has another toolkit than CUDA 12.9" in done.stdout


@pytest.mark.usefixtures("universal")
def test_a_container_killed_half_way_leaves_no_wheel_and_no_container(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    with dock.started(
        checkout, "build", LANE, "--by-name", "--untested", CCACHE_DIR=str(tmp_path / "cache")
    ) as process:
        name = _wait_for_a_unit(dock, checkout)
        assert dock.docker("kill", name).ok
        output, _ = process.communicate()
    assert process.returncode == ContainerError.exit_code, output
    assert "was stopped before the build was done" in output
    assert nothing_in_dist(checkout)
    assert dock.containers() == []


@pytest.mark.usefixtures("universal")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system that is too small")
def test_a_full_disk_is_told_and_leaves_no_wheel(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    build = checkout / "build"
    build.mkdir()
    assert run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", build]).ok
    try:
        done = dock.wheelworks(checkout, "build", LANE, "--by-name", "--untested", CCACHE_DIR=str(tmp_path / "cache"))
    finally:
        assert run(["umount", build]).ok
    assert done.returncode == BuildError.exit_code, done.stdout
    assert "No space left on device" in done.stdout
    assert nothing_in_dist(checkout)


def _wait_for_a_unit(dock: Dock, checkout: Path) -> str:
    """Return the container's name when its compiler runs: CMake has written what ninja reads."""
    for _ in range(600):
        if (names := dock.containers()) and any((checkout / "build").rglob("build.ninja")):
            return names[0]
        time.sleep(0.2)
    raise AssertionError("the build did not start a container within two minutes")

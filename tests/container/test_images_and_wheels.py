"""Images and wheels that containers make for real: CUDA 12.4 from Debian, CUDA 13 from the index."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from dock import Built, Dock, copy_of_this_checkout
from wheelworks.container import TOOLS, Container, run_in
from wheelworks.elf import read_elf
from wheelworks.files import sha256_of
from wheelworks.process import run

IMAGE = "warpwright-build:universal-x86_64.debian"


def test_the_image_says_for_which_lane_and_from_which_commit_it_is(dock: Dock, universal: Built) -> None:
    labels = json.loads(dock.docker("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE).output)
    assert labels["warpwright.lane"] == "universal-x86_64"
    assert labels["org.opencontainers.image.base.name"] == "debian:trixie"
    assert labels["org.opencontainers.image.revision"]
    assert universal.wheel.exists()


def test_no_layer_holds_sources_or_settings_of_this_machine(dock: Dock, universal: Built) -> None:
    layers = dock.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).output
    for value in (str(universal.checkout), str(Path.home()), os.environ.get("PIP_INDEX_URL") or "pip.conf"):
        assert value not in layers


def test_the_universal_wheel_has_no_label_and_its_record_names_the_lane(universal: Built) -> None:
    assert "+" not in universal.wheel.name
    with zipfile.ZipFile(universal.wheel) as archive:
        record = json.loads(archive.read("warpwright/_build.json"))
    assert (record["lane"], record["cuda"]) == ("universal-x86_64", "12.4")


def test_the_universal_wheel_needs_no_cuda_library(universal: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(universal.wheel) as archive:
        extension = Path(archive.extract("warpwright/_C.abi3.so", tmp_path))
    elf = read_elf(extension, "warpwright/_C.abi3.so")
    assert elf is not None
    assert elf.needed
    assert not [name for name in elf.needed if "cu" in name or "nv" in name]


def test_the_universal_wheel_runs_on_glibc_2_28(universal: Built) -> None:
    platforms = universal.wheel.stem.rpartition("-")[2].split(".")
    assert all(platform.startswith("manylinux_2_") for platform in platforms)
    assert "manylinux_2_28_x86_64" in platforms
    assert max(int(platform.split("_")[2]) for platform in platforms) == 28


def test_the_proof_of_the_build_names_the_image(universal: Built) -> None:
    folder = universal.wheel.parent / "proofs" / universal.wheel.stem
    proof = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    assert proof["image"]["id"].startswith("sha256:")
    assert proof["image"]["pinned"] is False


def test_a_build_leaves_only_files_of_its_caller(universal: Built) -> None:
    owners = {path.lstat().st_uid for path in universal.checkout.rglob("*")}
    assert owners == {os.geteuid()}


def test_a_build_in_another_folder_gives_the_same_bytes(dock: Dock, universal: Built, tmp_path: Path) -> None:
    other = copy_of_this_checkout(tmp_path / "some" / "other" / "place")
    again = dock.build(other, "universal-x86_64", CCACHE_DIR=str(tmp_path / "cache-of-another"))
    assert "ccache: 0 hits" in again.output
    assert sha256_of(again.wheel) == sha256_of(universal.wheel)


@pytest.mark.usefixtures("base")
def test_a_wheel_of_cuda_13_is_built_in_a_container(dock: Dock, tmp_path: Path) -> None:
    checkout = copy_of_this_checkout(tmp_path / "checkout")
    built = dock.build(checkout, "cu130-sm90a-x86_64", "--base", "debian")
    assert "+cu130.sm90a-" in built.wheel.name


@pytest.fixture
def container(universal: Built, tmp_path: Path) -> Container:  # noqa: ARG001  its build has made the image
    """A container as another user than the tests' own, with one folder to write to and one to read."""
    for name in ("read", "written"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    folder = tmp_path / "written"
    return Container(IMAGE, "warpwright-a-test", "1234:1234", (tmp_path / "read",), (folder,), folder)


def test_what_a_container_writes_belongs_to_the_user_that_it_runs_as(container: Container) -> None:
    done = run_in(container, run)(["touch", container.home / "file"])
    assert done.ok, done.output
    assert (container.home / "file").stat().st_uid == 1234


def test_a_container_cannot_write_to_the_source(container: Container) -> None:
    done = run_in(container, run)(["touch", container.readable[0] / "file"])
    assert "Read-only file system" in done.output


def test_a_container_has_no_network(container: Container) -> None:
    done = run_in(container, run)([TOOLS / "python3", "-c", "import os; print(os.listdir('/sys/class/net'))"])
    assert done.output.strip() == "['lo']"

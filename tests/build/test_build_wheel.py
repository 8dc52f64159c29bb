"""The whole of `nox -s build-wheel`, for real: one audited wheel, and a second checkout that compiles nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from workshop import build_in, copy_of_this_checkout

from wheelworks.ccache import find_ccache
from wheelworks.files import sha256_of
from wheelworks.process import run

pytestmark = pytest.mark.slow


def test_the_default_lane_makes_one_abi3_wheel_with_its_label_and_both_platform_tags(wheel: Path) -> None:
    tags = "cp310-abi3-manylinux_2_24_x86_64", "cp310-abi3-manylinux_2_28_x86_64"
    name = r"warpwright-[0-9.]+\+cu130-cp310-abi3-manylinux_2_24_x86_64\.manylinux_2_28_x86_64\.whl"
    assert re.fullmatch(name, wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        extensions = [name for name in archive.namelist() if name.endswith(".so")]
        (said,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
    assert re.findall(r"^Tag: (.*)$", said, re.MULTILINE) == list(tags)
    assert extensions == ["warpwright/_C.abi3.so"]


def test_the_wheel_holds_the_product_and_nothing_of_the_pipeline(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert top == {"warpwright", wheel.name.split("-cp310")[0] + ".dist-info"}


def test_a_second_checkout_with_a_new_toolchain_hits_the_cache_for_every_unit(wheel: Path, tmp_path: Path) -> None:
    if find_ccache(os.environ, run) is None:
        pytest.skip("ccache 4.7 or newer is not on PATH")
    second = copy_of_this_checkout(tmp_path / "some" / "other" / "place")
    done = build_in(second, "--untested", WHEELWORKS_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stdout
    counted = re.search(r"ccache: (\d+) hits, (\d+) misses", done.stdout)
    assert counted is not None, done.stdout
    assert int(counted[1]) > 0
    assert int(counted[2]) == 0


@pytest.fixture
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


POISON = {
    "CFLAGS": "-O0", "CXXFLAGS": "-march=x86-64-v4", "CUDAFLAGS": "--use_fast_math", "LDFLAGS": "-Wl,-rpath,/nope",
    "NVCC_APPEND_FLAGS": "--use_fast_math", "NVCC_PREPEND_FLAGS": "-O0", "CUDAHOSTCXX": "/nope/g++", "CPATH": "/nope",
    "CMAKE_GENERATOR": "Unix Makefiles", "CMAKE_TOOLCHAIN_FILE": "/nope/toolchain.cmake", "CMAKE_BUILD_TYPE": "Debug",
    "SKBUILD_CMAKE_ARGS": "-DCMAKE_CXX_FLAGS=-O0", "SKBUILD_CMAKE_DEFINE": "CMAKE_CUDA_FLAGS=-G",
    "SKBUILD_WHEEL_PACKAGES": "python/wheelworks/wheelworks", "PYTHONPATH": "/nope", "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Asia/Kathmandu", "UV_CONFIG_FILE": "/nope/uv.toml", "GIT_DIR": "/nope", "LD_RUN_PATH": "/nope",
}  # fmt: skip
"""What a shell may have that would change a wheel of the kernels, or end its build."""


@pytest.mark.usefixtures("_umask")
def test_checkouts_of_a_plain_and_of_a_poisoned_shell_give_the_same_bytes_without_a_cache(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "ccache"  # too old to be taken, and found first
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho ccache version 4.0\n", encoding="utf-8")
    old.chmod(0o755)
    path = f"{old.parent}{os.pathsep}{os.environ['PATH']}"
    digests = {}
    for place, shell in {"one": {}, "some/other/place": POISON}.items():
        os.umask(0o077 if shell else 0o022)
        checkout = copy_of_this_checkout(tmp_path / place)
        done = build_in(checkout, "cu130-jit75-x86_64", "--untested", **shell, PATH=path)
        assert done.returncode == 0, done.stdout
        assert "every unit is compiled anew" in done.stdout
        digests[place] = [sha256_of(wheel) for wheel in (checkout / "dist").glob("*.whl")]
    assert len(digests["one"]) == 1
    assert digests["one"] == digests["some/other/place"]


def test_what_the_libraries_of_a_torch_build_define_changes_no_export(wheel: Path, tmp_path: Path) -> None:
    """libtorch for the CPU defines the linker's marks and that for CUDA does not; ld would export them with the one."""
    with zipfile.ZipFile(wheel) as archive:
        extension = archive.extract("warpwright/_C.abi3.so", tmp_path)
    exported = {line.split()[-1] for line in run(["nm", "--dynamic", "--defined-only", extension]).output.splitlines()}
    assert exported
    assert not {"_end", "_edata", "__bss_start"} & exported

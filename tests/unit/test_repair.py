"""A repair gives a wheel its platform tags and changes nothing else; what would need a copy of a library is refused."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device_code import CUOBJDUMP, FakeCuobjdump
from wheel_maker import EXTENSION, HARDENED, OLDEST_PLATFORM, WheelMaker, compile_library
from wheelworks import process
from wheelworks.audit import Tools, audit_wheel
from wheelworks.errors import RepairError
from wheelworks.policy import Policy
from wheelworks.repair import repair_wheel

BINARY = "warpwright/_C.abi3.so"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def library_that_needs(symbol: str, libraries: Path) -> bytes:
    """Compile an extension that needs a symbol of the C library, in the version that this machine's has."""
    source = f"{EXTENSION}extern void {symbol}(void); void* needed(void) {{ return {symbol}; }}"
    return compile_library(libraries / f"{symbol}.so", source)


def for_aarch64(library: bytes) -> bytes:
    """Return a library with the CPU of its ELF header changed to aarch64, which is all that auditwheel asks of it."""
    return library[:18] + (183).to_bytes(2, "little") + library[20:]


def tags_in(wheel: Path) -> list[str]:
    said = next(data for name, data in contents(wheel).items() if name.endswith(".dist-info/WHEEL"))
    return re.findall(r"^Tag: cp310-abi3-(.*)$", said.decode(), re.MULTILINE)


SYMBOLS = {
    "2.17": ("memcpy", ["manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64"]),
    "2.24": ("__cxa_thread_atexit_impl", ["manylinux_2_24_x86_64", "manylinux_2_28_x86_64"]),
    "2.28": ("statx", ["manylinux_2_28_x86_64"]),
}
"""By glibc: a symbol that came with it, or after the one that auditwheel knows before it; and the tags in WHEEL."""


@pytest.mark.parametrize("glibc", SYMBOLS)
def test_a_wheel_gets_the_best_tag_that_auditwheel_finds_and_that_of_the_oldest_glibc(
    glibc: str, maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    symbol, tags = SYMBOLS[glibc]
    maker.files[BINARY] = library_that_needs(symbol, libraries)
    maker.tag = "cp310-abi3-linux_x86_64"
    repaired = repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    assert repaired.name == f"warpwright-0.1.0+cu130-cp310-abi3-{'.'.join(sorted(tags))}.whl"
    assert tags_in(repaired) == tags


def test_a_wheel_that_needs_a_glibc_newer_than_the_oldest_is_refused_with_the_symbols(
    maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    maker.files[BINARY] = library_that_needs("pthread_create", libraries)
    maker.tag = "cp310-abi3-linux_x86_64"
    why = r"it runs on manylinux_2_34_x86_64 and newer, not on glibc 2\.28, because of .*GLIBC_2\.34"
    with pytest.raises(RepairError, match=why):
        repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)


def test_a_wheel_of_another_cpu_than_this_machine_s_gets_its_tags(
    maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    libc = libraries / "bare" / "libc.so.6"  # the real one's symbol versions are those of x86_64
    libc.parent.mkdir()
    compile_library(libc, "void nothing(void) {}", ["-nostdlib", "-Wl,-soname,libc.so.6"])
    library = compile_library(libraries / "bare.so", EXTENSION, [*HARDENED, "-nostdlib", str(libc)])
    maker.files[BINARY] = for_aarch64(library)
    maker.tag = "cp310-abi3-linux_aarch64"
    repaired = repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    assert repaired.name.endswith("-manylinux2014_aarch64.manylinux_2_17_aarch64.manylinux_2_28_aarch64.whl")


@pytest.mark.parametrize(
    ("platform", "found"),
    [("manylinux_2_28_x86_64", True), ("manylinux_2_24_x86_64", True), ("manylinux_2_17_x86_64", False)],
)
def test_pip_finds_a_repaired_wheel_by_each_of_its_tags_alone(
    platform: str, found: bool, maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    maker.files[BINARY] = library_that_needs("__cxa_thread_atexit_impl", libraries)
    maker.tag = "cp310-abi3-linux_x86_64"
    repaired = repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    words = ("--isolated", "download", "warpwright", "--no-index", "--no-deps", "--only-binary=:all:")
    folders = ("--find-links", repaired.parent, "--dest", tmp_path / "got")
    wanted = ("--python-version=3.12", "--implementation=cp", f"--platform={platform}")
    done = process.run([sys.executable, "-m", "pip", *words, *folders, *wanted])
    assert done.ok is found, done.output
    assert (tmp_path / "got" / repaired.name).exists() is found
    assert found or "No matching distribution found for warpwright" in done.output


def test_a_repair_changes_the_tags_and_leaves_the_binary(maker: WheelMaker, policy: Policy, tmp_path: Path) -> None:
    maker.tag = "cp310-abi3-linux_x86_64"
    built = maker.make(tmp_path / "built")
    repaired = repair_wheel(built, tmp_path / "out", policy, process.run)
    before, after = contents(built), contents(repaired)
    changed = {name.rpartition("/")[2] for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"WHEEL", "RECORD"}


def test_a_repaired_wheel_passes_the_audit_and_two_repairs_are_equal(
    maker: WheelMaker, device_code: FakeCuobjdump, billed: Callable[..., WheelMaker], policy: Policy, tmp_path: Path
) -> None:
    maker.tag = "cp310-abi3-linux_x86_64"
    built = billed(maker, device_code).make(tmp_path / "built")
    first, second = (repair_wheel(built, tmp_path / name, policy, process.run) for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    assert audit_wheel(first, policy, Tools(device_code, CUOBJDUMP)).findings == ()


def test_a_wheel_that_needs_no_repair_is_copied_as_it_is(maker: WheelMaker, policy: Policy, tmp_path: Path) -> None:
    built = maker.make(tmp_path / "built")
    assert repair_wheel(built, tmp_path / "out", policy, process.run).read_bytes() == built.read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": "cp310-abi3-manylinux_2_5_x86_64"},
        {"tag": f"cp310-abi3-{'.'.join(reversed(OLDEST_PLATFORM.split('.')))}"},
        {"wheel_tag": "cp310-abi3-linux_x86_64"},
    ],
    ids=["the best tag alone", "another order", "a linux tag in WHEEL"],
)  # fmt: skip
def test_a_wheel_that_has_not_all_of_its_tags_as_auditwheel_writes_them_is_repaired(
    changes: dict[str, Any], maker: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    built = replace(maker, **changes).make(tmp_path / "built")
    repaired = repair_wheel(built, tmp_path / "out", policy, process.run)
    assert repaired.name == f"warpwright-0.1.0+cu130-cp310-abi3-{OLDEST_PLATFORM}.whl"
    assert sorted(tags_in(repaired)) == OLDEST_PLATFORM.split(".")


def test_a_tag_that_a_wheel_has_not_earned_is_refused_for_auditwheel_leaves_it(
    maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    maker.files[BINARY] = library_that_needs("__cxa_thread_atexit_impl", libraries)
    maker.tag = "cp310-abi3-manylinux_2_12_x86_64"
    expected = r"auditwheel made it manylinux_2_12_x86_64\..*; expected manylinux_2_24_x86_64\.manylinux_2_28_x86_64"
    with pytest.raises(RepairError, match=expected):
        repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    assert not (tmp_path / "out").exists()


def test_torch_cuda_and_the_driver_are_never_copied_into_a_wheel(
    maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    stubs = [libraries / name for name in ("libcuda.so.1", "libcudart.so.13", "libtorch_cuda.so")]
    for stub in stubs:
        compile_library(stub, "void nothing(void) {}", ["-Wl,--as-needed", f"-Wl,-soname,{stub.name}"])
    maker.files[BINARY] = compile_library(libraries / "many.so", EXTENSION, [*HARDENED, *map(str, stubs)])
    maker.tag = "cp310-abi3-linux_x86_64"
    repaired = repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    assert [name for name in contents(repaired) if ".so" in name] == [BINARY]


def test_a_library_that_nobody_provides_is_refused_by_name(
    maker: WheelMaker, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    stub = libraries / "libnuma.so.1"
    compile_library(stub, "void nothing(void) {}", ["-Wl,--as-needed", "-Wl,-soname,libnuma.so.1"])
    maker.files[BINARY] = compile_library(libraries / "numa.so", EXTENSION, [*HARDENED, str(stub)])
    with pytest.raises(RepairError, match=r"the best tag is linux_x86_64, because of libnuma\.so\.1"):
        repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, process.run)
    assert not (tmp_path / "out").exists()


def test_an_unsafe_archive_is_refused_before_any_tool_sees_it(
    maker: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    maker.extra = [("../escape", b"")]

    def never(*_: object, **__: object) -> process.Completed:
        raise AssertionError("a tool was run")

    with pytest.raises(RepairError, match=r"path-escape: \.\./escape"):
        repair_wheel(maker.make(tmp_path / "built"), tmp_path / "out", policy, never)

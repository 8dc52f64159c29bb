"""A repair gives a wheel its platform tag and changes nothing else; what would need a copy of a library is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from device_code import CUOBJDUMP, FakeCuobjdump
from wheel_maker import EXTENSION, HARDENED, WheelMaker, compile_library
from wheelworks import process
from wheelworks.audit import Tools, audit_wheel
from wheelworks.errors import RepairError
from wheelworks.policy import Policy
from wheelworks.repair import repair_wheel

BINARY = "warpwright/_C.abi3.so"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_a_linux_wheel_gets_the_tag_that_auditwheel_finds_and_its_binary_stays(
    maker: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    maker.tag = "cp310-abi3-linux_x86_64"
    built = maker.make(tmp_path / "built")
    repaired = repair_wheel(built, tmp_path / "out", policy, process.run)
    assert repaired.name.startswith("warpwright-0.1.0+cu130-cp310-abi3-manylinux")
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

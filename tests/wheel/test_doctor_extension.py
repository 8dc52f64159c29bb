"""An extension or a record of the build that is not as the wheel brought it is staged, and told before it is loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from stage import Stage
from warpwright._library import cannot_load

REINSTALL = "install the wheel anew with `pip install --force-reinstall --no-deps warpwright`"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("left", ["0", "63", "100", "half", "all but 1"])
def test_an_extension_that_is_cut_off_is_refused_before_it_is_loaded(stage: Stage, left: str) -> None:
    held = stage.library.read_bytes()
    size = {"half": len(held) // 2, "all but 1": len(held) - 1}.get(left) or int(left.partition(" ")[0])
    stage.library.write_bytes(held[:size])
    stage.torch()
    cut = (
        f"is cut off, {size} bytes of at least {len(held)}" if size > 63 else f"({size} bytes) is no 64-bit ELF library"
    )
    assert stage.told("extension-damaged").endswith(f"{cut}: {REINSTALL}")
    assert stage.doctor("--json").causes == ["extension-damaged", "damaged-files"]


def test_an_extension_that_is_no_library_is_refused(stage: Stage) -> None:
    stage.library.write_text("version https://git-lfs.github.com/spec/v1\n" * 10, encoding="utf-8")
    stage.torch()
    assert "is no 64-bit ELF library" in stage.told("extension-damaged")


def test_an_extension_of_another_machine_is_refused(stage: Stage) -> None:
    held = bytearray(stage.library.read_bytes())
    other = 183 if struct.unpack_from("<H", held, 18)[0] == 62 else 62
    struct.pack_into("<H", held, 18, other)
    stage.library.write_bytes(held)
    stage.torch()
    name = {183: "aarch64", 62: "x86_64"}[other]
    assert f"is for {name}, and this one is" in stage.told("extension-machine")


def test_a_missing_extension_is_told(stage: Stage) -> None:
    stage.library.unlink()
    stage.torch()
    assert stage.told("extension-missing").startswith(f"warpwright: {stage.library} is missing: this is a source tree")
    assert stage.doctor("--json").causes == ["extension-missing", "missing-files"]


def test_what_the_loader_says_is_told(stage: Stage) -> None:
    stage.torch()
    sentence = stage.told("extension-loader")
    assert sentence.startswith(f"warpwright: cannot load {stage.library}: libtorch")
    assert "cannot open shared object file: No such file or directory; torch's own libraries are not where" in sentence


@pytest.mark.parametrize(
    ("reason", "mends"),
    [
        ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)", "use a newer system or container"),
        ("/lib/libstdc++.so.6: version `GLIBCXX_3.4.30' not found", "use a newer system or container"),
        ("x: undefined symbol: aoti_torch_dtype_uint8", "install an unmodified torch 2.10 or newer beside it"),
        ("libc10.so: cannot open shared object file", "reinstall it with `pip install --force-reinstall torch`"),
        ("x: failed to map segment from shared object", "install the wheel into another folder"),
        ("[Errno 13] Permission denied: 'x'", "make the file readable for this user"),
        ("x: something\nnew", "reinstall both into one environment"),
    ],
    ids=["C library", "C++ library", "symbol", "torch's library", "noexec", "permission", "another"],
)
def test_what_the_loader_says_comes_with_what_mends_it(reason: str, mends: str) -> None:
    told = str(cannot_load(Path("/x/_C.abi3.so"), reason))
    assert told.startswith(f"warpwright: cannot load /x/_C.abi3.so: {' '.join(reason.split())}; ")
    assert told.endswith(mends)


def test_a_damaged_extension_is_told_where_torch_is_missing_too(stage: Stage) -> None:
    stage.library.write_bytes(b"\x7fELF")
    assert stage.doctor("--json").causes == ["torch-missing", "extension-damaged", "damaged-files"]
    assert "\nproblem: warpwright: " in stage.doctor().out


RECORD = {
    "schema": 1, "version": "0.1.0", "lane": "own", "cuda": "13.0", "nvcc": "13.0.88", "build_type": "Release",
    "sm_set": ["90a"], "cutlass": "c", "flashinfer": "f",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (None, "is missing"),
        ("", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("{", "is not JSON ("),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds a list, expected an object"),
        (json.dumps({**RECORD, "schema": 2}), "has schema 2, expected 1"),
        (json.dumps({key: value for key, value in RECORD.items() if key != "lane"}), "lacks lane"),
        (json.dumps({**RECORD, "lamp": "on"}), "has unknown keys: lamp"),
        (json.dumps({**RECORD, "sm_set": "90a"}), "has '90a' as sm_set, expected a list of texts"),
        (json.dumps({**RECORD, "cuda": 13}), "has 13 as cuda, expected a text"),
    ],
    ids=["missing", "empty", "cut off", "deep", "list", "schema", "too few keys", "too many keys", "set", "number"],
)
def test_a_record_of_the_build_that_is_not_as_it_was_written_is_told(
    stage: Stage, text: str | None, wrong: str
) -> None:
    stage.torch()
    record = stage.package / "_build.json"
    record.unlink() if text is None else record.write_text(text, encoding="utf-8")
    sentence = stage.told("build-record")
    assert sentence.startswith(f"warpwright: {record} {wrong}")
    assert sentence.endswith(f": the installation is damaged; {REINSTALL}")

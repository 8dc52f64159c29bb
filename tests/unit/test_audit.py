"""The corpus of bad wheels: each is told by its own finding, and all wheels are told of before anything fails."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from device_code import CUOBJDUMP, FakeCuobjdump
from wheel_maker import EXTENSION, HARDENED, OLDEST_PLATFORM, WheelMaker, build_record, compile_library
from wheelworks import process
from wheelworks.audit import Audit, Rule, Tools, audit_wheel, audit_wheels, render_audits, to_json
from wheelworks.audit.bill_checks import RULES as BILL_RULES
from wheelworks.bill import BillProof
from wheelworks.errors import AuditError, FindingsError, WheelError
from wheelworks.matrix import Matrix
from wheelworks.policy import Policy
from wheelworks.process import Completed
from wheelworks.proof import ProofKind


@pytest.fixture
def audited(
    policy: Policy, tmp_path: Path, device_code: FakeCuobjdump, billed: Callable[..., WheelMaker]
) -> Callable[..., Audit]:
    def audit(maker: WheelMaker, **options: Any) -> Audit:
        tools = Tools(device_code, CUOBJDUMP, **options)
        return audit_wheel(billed(maker, device_code).make(tmp_path), policy, tools)

    return audit


def told(audit: Audit) -> list[tuple[str, str]]:
    return [(str(finding.rule), finding.artefact.rpartition("/")[2]) for finding in audit.findings]


def test_a_good_wheel_has_no_findings_and_nothing_is_left_out(maker: WheelMaker, audited: Callable[..., Audit]) -> None:
    audit = audited(maker)
    assert audit.findings == ()
    assert audit.skipped == ()
    assert audit.lane == "cu130-all-x86_64"


LIBRARIES: dict[str, tuple[str, Sequence[str], str, str]] = {
    "at:: symbol": (
        EXTENSION.replace("torch_call_dispatcher", "_ZN2at5emptyEv"), HARDENED, "torch-symbols", "at::empty()",
    ),
    "CUDA driver": (EXTENSION, (*HARDENED, "STUB libcuda.so.1"), "needed-library", "needs libcuda.so.1"),
    "RUNPATH": (EXTENSION, (*HARDENED, "-Wl,-rpath,/opt/lib"), "run-path", "RPATH or RUNPATH /opt/lib"),
    "executable stack": (EXTENSION, ("-Wl,-z,relro,-z,now,-z,execstack",), "executable-stack", "an executable stack"),
    "partial RELRO": (EXTENSION, ("-Wl,-z,relro,-z,lazy,-z,noexecstack",), "relro", "partial RELRO"),
    "private Python API": (
        EXTENSION.replace("PyModule_Create2", "_PyObject_MakeTpCall"), HARDENED, "limited-api", "_PyObject_MakeTpCall",
    ),
    "newer Python API": (
        EXTENSION.replace("PyModule_Create2", "PyVectorcall_Call"), HARDENED, "limited-api", "PyVectorcall_Call (3.12)",
    ),
    "newer torch": (
        EXTENSION.replace("torch_call_dispatcher", "aoti_torch_cpu__grouped_mm"), HARDENED, "torch-floor", "torch 2.1",
    ),
    "source path": (
        EXTENSION + 'const char* where(void) { return "/srv/a/b/kernel.cu"; }', HARDENED, "build-path",
        "/srv/a/b/kernel.cu",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LIBRARIES)
def test_a_bad_library_is_told_by_its_rule(
    case: str, maker: WheelMaker, audited: Callable[..., Audit], libraries: Path
) -> None:
    source, options, rule, found = LIBRARIES[case]
    built = compile_library(libraries / "bad.so", source, [stub(libraries, option) for option in options])
    maker.files["warpwright/_C.abi3.so"] = built
    findings = audited(maker).findings
    assert [str(finding.rule) for finding in findings if finding.rule != Rule.PLATFORM_TAG] == [rule]
    assert any(found in finding.found for finding in findings)


def stub(folder: Path, option: str) -> str:
    """Make an empty library of the name that follows STUB, to be linked to."""
    word, _, name = option.partition(" ")
    if word != "STUB":
        return option
    compile_library(folder / name, "void nothing(void) {}", ["-Wl,--as-needed", f"-Wl,-soname,{name}"])
    return str(folder / name)


def test_a_library_outside_the_policy_makes_a_linux_tag(
    maker: WheelMaker, audited: Callable[..., Audit], libraries: Path
) -> None:
    numa = stub(libraries, "STUB libnuma.so.1")
    maker.files["warpwright/_C.abi3.so"] = compile_library(libraries / "numa.so", options=[*HARDENED, numa])
    audit = audited(maker)
    assert [finding.rule for finding in audit.findings] == [Rule.PLATFORM_TAG, Rule.NEEDED_LIBRARY]
    assert audit.findings[0].expected == "linux_x86_64 because of libnuma.so.1"


@pytest.mark.parametrize(
    "platform",
    [
        "manylinux_2_34_x86_64",
        "manylinux_2_5_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux1_x86_64.manylinux_2_5_x86_64.manylinux_2_28_x86_64",
        f"linux_x86_64.{OLDEST_PLATFORM}",
    ],
    ids=["a newer one", "the best alone", "the oldest glibc's alone", "another order", "one more"],
)
def test_platform_tags_that_no_repair_writes_are_told_with_the_right_ones(
    platform: str, maker: WheelMaker, audited: Callable[..., Audit]
) -> None:
    maker.tag = f"cp310-abi3-{platform}"
    (finding,) = audited(maker).findings
    assert (finding.rule, finding.found) == (Rule.PLATFORM_TAG, platform)
    assert finding.expected.startswith(f"{OLDEST_PLATFORM} because of symbol versions GLIBC_2.2.5")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": "0.1.0+cu124"}, [("label", "warpwright-0.1.0+cu124-"), ("build-record", "_build.json")]),
        ({"metadata_version": "0.2.0"}, [("version", "METADATA")]),
        ({"metadata_name": "other"}, [("name", "METADATA")]),
        ({"wheel_tag": "cp310-abi3-linux_x86_64"}, [("tags", "WHEEL")]),
        ({"requires": ("torch>=2.9",)}, [("torch-floor", "METADATA")]),
        ({"requires": ()}, [("torch-floor", "METADATA")]),
    ],
    ids=["label", "version", "name", "tag in WHEEL", "torch floor too low", "no torch floor"],
)
def test_words_that_disagree_are_told(
    change: dict[str, Any], expected: list[tuple[str, str]], maker: WheelMaker, audited: Callable[..., Audit]
) -> None:
    for key, value in change.items():
        setattr(maker, key, value)
    found = told(audited(maker))
    assert [(rule, artefact.split("cp310")[0]) for rule, artefact in found] == expected


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"lane": "custom"}, "lane 'custom'"),
        ({"cuda": "12.8"}, "cuda 12.8"),
        ({"sm_set": ["90a"]}, "sm_set 90a"),
        ({"build_type": "Debug"}, "build_type Debug"),
        ({"cutlass": "0" * 40}, "cutlass 00000"),
        ({"schema": 2}, "schema: Input should be 1"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
    ids=["lane", "CUDA", "SM set", "build type", "source", "schema", "unknown key"],
)
def test_a_build_record_that_is_not_the_lanes_is_told(
    change: dict[str, Any], found: str, maker: WheelMaker, audited: Callable[..., Audit], matrix: Matrix
) -> None:
    maker.files["warpwright/_build.json"] = build_record(matrix, **change)
    audit = audited(maker)
    assert {finding.rule for finding in audit.findings} == {Rule.BUILD_RECORD}
    assert found in audit.findings[0].found


def test_a_wheel_of_the_project_without_its_record_is_told(maker: WheelMaker, audited: Callable[..., Audit]) -> None:
    del maker.files["warpwright/_build.json"]
    assert told(audited(maker)) == [("build-record", "_build.json")]


def test_the_verdict_and_the_bill_are_proofs_of_the_same_bytes(
    maker: WheelMaker, audited: Callable[..., Audit]
) -> None:
    audit = audited(maker)
    verdict, bill = audit.to_proofs()
    assert (verdict.KIND, bill.KIND) == (ProofKind.AUDIT, ProofKind.BILL)
    assert verdict.sha256 == bill.sha256 == audit.sha256
    assert isinstance(bill, BillProof)
    assert bill.wheel_bytes == audit.wheel.stat().st_size


RECORDS: dict[str, tuple[Callable[[str], str], str]] = {
    "no line": (lambda text: "\n".join(text.splitlines()[1:]), "no line for warpwright/_C.abi3.so"),
    "two lines": (lambda text: text.splitlines()[0] + "\n" + text, "2 lines for 'warpwright/_C.abi3.so'"),
    "no file": (lambda text: text + "warpwright/gone.py,,\n", "a line for 'warpwright/gone.py'"),
    "wrong digest": (lambda text: text.replace("sha256=", "sha256=x", 1), "sha256=x"),
    "wrong size": (lambda text: text.replace("\n", "0\n", 1), "0"),
    "weak digest": (lambda text: text.replace("sha256=", "md5=", 1), "md5="),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_is_wrong_is_told(
    case: str,
    maker: WheelMaker,
    device_code: FakeCuobjdump,
    billed: Callable[..., WheelMaker],
    audited: Callable[..., Audit],
    tmp_path: Path,
) -> None:
    change, found = RECORDS[case]
    with zipfile.ZipFile(billed(maker, device_code).make(tmp_path)) as archive:
        maker.record = change(archive.read("warpwright-0.1.0+cu130.dist-info/RECORD").decode())
    audit = audited(maker)
    assert [finding.rule for finding in audit.findings] == [Rule.RECORD]
    assert found in audit.findings[0].found


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("made in /home/me/warpwright/build", True),
        ("made in /checkout/warpwright", True),
        ("see https://example.org/home/me/page", False),
        ("relative/tmp/file", False),
        ("/homework", False),
    ],
    ids=["home", "folder of the build", "URL", "relative", "other word"],
)
def test_a_path_of_the_build_machine_is_told(
    text: str, is_told: bool, maker: WheelMaker, audited: Callable[..., Audit]
) -> None:
    maker.files["warpwright/note.py"] = text.encode()
    found = told(audited(maker, build_folders=(Path("/checkout"),)))
    assert found == ([("build-path", "note.py")] if is_told else [])


def test_an_unsafe_archive_is_told_and_not_unpacked(maker: WheelMaker, audited: Callable[..., Audit]) -> None:
    link = zipfile.ZipInfo("warpwright/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    maker.extra = [(link, b"/etc/passwd"), ("../escape", b"")]
    audit = audited(maker)
    assert [finding.rule for finding in audit.findings] == [Rule.PATH_ESCAPE, Rule.NOT_A_PLAIN_FILE]
    assert {skip.why for skip in audit.skipped} == {"the archive is not safe to unpack"}
    assert Rule.LIMITED_API in {skip.rule for skip in audit.skipped}


def test_a_wheel_of_another_project_is_read_without_help(policy: Policy, good_library: bytes, tmp_path: Path) -> None:
    other = WheelMaker("other", "1.0", "cp310-abi3-manylinux1_x86_64", {"other/_C.abi3.so": good_library})
    audit = audit_wheel(other.make(tmp_path), policy, Tools(process.run, None))
    assert audit.findings == ()
    of_the_lane = {Rule.SM_MISSING, Rule.SM_EXTRA, *BILL_RULES}
    assert {skip.rule for skip in audit.skipped} == {Rule.LABEL, Rule.BUILD_RECORD} | of_the_lane


def audit_other(platform: str, library: bytes, folder: Path, policy: Policy) -> list[tuple[str, str, str]]:
    """Audit a wheel of another project; return what is told."""
    other = WheelMaker("other", "1.0", f"cp310-abi3-{platform}", {"other/_C.abi3.so": library})
    findings = audit_wheel(other.make(folder), policy, Tools(process.run, None)).findings
    return [(str(finding.rule), finding.found, finding.expected.partition(" because")[0]) for finding in findings]


@pytest.mark.parametrize(
    "platform",
    ["manylinux1_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", OLDEST_PLATFORM,
     "manylinux_2_28_x86_64.manylinux_2_34_x86_64"],
)  # fmt: skip
def test_a_wheel_of_another_project_may_name_its_best_tag_or_newer_ones(
    platform: str, policy: Policy, good_library: bytes, tmp_path: Path
) -> None:
    assert audit_other(platform, good_library, tmp_path, policy) == []


@pytest.mark.parametrize("platform", ["manylinux_2_12_x86_64", "manylinux_2_12_x86_64.manylinux_2_28_x86_64"])
def test_a_wheel_of_another_project_may_not_name_a_tag_that_it_cannot_keep(
    platform: str, policy: Policy, libraries: Path, tmp_path: Path
) -> None:
    source = f"{EXTENSION}extern void memcpy(void); void* needed(void) {{ return memcpy; }}"  # GLIBC_2.14
    library = compile_library(libraries / "memcpy.so", source)
    told = audit_other(platform, library, tmp_path, policy)
    assert told == [("platform-tag", platform, "manylinux_2_17_x86_64 or newer")]


def test_a_wheel_of_another_project_has_to_be_offered_to_the_oldest_glibc(
    policy: Policy, good_library: bytes, tmp_path: Path
) -> None:
    told = audit_other("manylinux_2_34_x86_64.manylinux_2_31_x86_64", good_library, tmp_path, policy)
    assert told == [("platform-age", "manylinux_2_31_x86_64: no older tag is named", "glibc 2.28 or older")]


def test_every_wheel_is_told_of_before_anything_fails(
    maker: WheelMaker, device_code: FakeCuobjdump, billed: Callable[..., WheelMaker], policy: Policy, tmp_path: Path
) -> None:
    good = billed(maker, device_code).make(tmp_path / "good")
    broken = tmp_path / good.name
    broken.write_bytes(b"")
    maker.requires = ()
    bad = maker.make(tmp_path / "bad")
    audits = audit_wheels([bad, broken, good], policy, Tools(device_code, CUOBJDUMP))
    assert [audit.passed for audit in audits.audits] == [False, True]
    text = render_audits(audits)
    for words in (f"{good.name}: passed", "torch-floor: ", "not audited: cannot read", "found: torch>=None"):
        assert words in text
    assert [wheel["findings"] for wheel in json.loads(to_json(audits))["wheels"]][1] == []
    with pytest.raises(WheelError, match="cannot read"):
        audits.require_clean()


def test_findings_fail_with_their_rules(
    maker: WheelMaker, device_code: FakeCuobjdump, billed: Callable[..., WheelMaker], policy: Policy, tmp_path: Path
) -> None:
    maker.requires = ()
    wheel = billed(maker, device_code).make(tmp_path)
    audits = audit_wheels([wheel], policy, Tools(device_code, CUOBJDUMP))
    with pytest.raises(FindingsError, match="1 findings in 1 of 1 wheels") as error:
        audits.require_clean()
    assert "torch-floor" in str(error.value)


@pytest.mark.parametrize(
    ("tools", "why"),
    [
        (Tools(FakeCuobjdump(()), None), "no cuobjdump was given"),
        (Tools(FakeCuobjdump((), status=1), CUOBJDUMP), "cuobjdump cannot read the device code"),
        (
            Tools(lambda command, **_: Completed(tuple(map(str, command)), 127, "gone"), None),
            "abi3audit gave no verdict",
        ),
    ],
    ids=["no cuobjdump", "cuobjdump fails", "no abi3audit"],
)
def test_what_cannot_be_checked_is_an_error_and_no_finding(
    tools: Tools, why: str, maker: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    with pytest.raises(AuditError, match=why):
        audit_wheel(maker.make(tmp_path), policy, tools)

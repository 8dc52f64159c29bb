"""A release is whole or none: whatever is wrong with its wheels is told at once, and a manifest is read strictly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from release_maker import (
    COMMIT,
    CREATED,
    gpu_runs,
    make_dist,
    make_release,
    make_wheel,
    released_lanes,
    sanitizer_run,
    small_matrix,
    write_proof,
)
from wheelworks.errors import ManifestError
from wheelworks.lanes import plan_lanes
from wheelworks.manifest import Channel, Manifest, Release, collect_release, read_manifest, to_json
from wheelworks.manifest.document import LARGEST, parse_document
from wheelworks.matrix import Matrix
from wheelworks.proof import ProofKind, proof_path

FINDING = {"artefact": "x", "rule": "relro", "found": "partial", "expected": "full", "fix": "link again"}
FAILED_CELL = {"python": "3.12", "torch": "2.10.0", "verdict": "failed", "why": "1 tests failed", "failed": ["a"]}
UNREACHED_CELL = {"python": "3.12", "torch": "2.15.0", "verdict": "not reached", "why": "the run ended before it"}
RELEASE = Release(Version("0.1.0"), Channel.RELEASE, CREATED, "What changed.\n")


OTHER_SOURCE = {"warpwright/_version.py": b'__version__ = "9"\n', "warpwright/_build.json": b"{}"}


@pytest.fixture
def matrix(matrix_data: dict[str, Any]) -> Matrix:
    return small_matrix(matrix_data)


@pytest.fixture
def dist(tmp_path: Path, matrix: Matrix) -> Path:
    return make_dist(tmp_path / "dist", matrix)


def wheels(dist: Path) -> list[Path]:
    return sorted(dist.glob("*.whl"))


def reasons(dist: Path, matrix: Matrix, release: Release = RELEASE) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        collect_release([dist], matrix, release)
    return [line.strip() for line in caught.value.why.splitlines() if line.strip()]


def test_proved_wheels_of_all_lanes_are_a_release(dist: Path, matrix: Matrix) -> None:
    made = collect_release([dist], matrix, RELEASE)
    assert [wheel.file for wheel in made.wheels] == [path.name for path in wheels(dist)]
    assert {wheel.lane for wheel in made.wheels} == {lane.name for lane in released_lanes(matrix)}
    first = made.wheels[0]
    assert (first.label, str(first.cuda), str(first.driver), str(first.torch)) == ("cu130", "13.0", "580", "2.10")
    assert made.commit == first.commit == COMMIT
    assert [entry.kind for entry in first.proofs] == list(matrix.release.proofs)
    bill = first.proof(ProofKind.BILL)
    assert bill is not None
    assert bill.summary == "2 kernels for SM 80 90a, 4 KiB of code, read from the binary"
    assert "symbol" not in str(bill.content)


def test_a_manifest_is_read_as_it_was_written(dist: Path, matrix: Matrix, tmp_path: Path) -> None:
    made = collect_release([dist], matrix, RELEASE)
    path = tmp_path / "manifest.json"
    path.write_text(to_json(made), encoding="utf-8")
    assert read_manifest(path) == made
    assert to_json(read_manifest(path)) == to_json(made)


def test_every_reason_is_told_at_once(dist: Path, matrix: Matrix) -> None:
    first, second, third = wheels(dist)
    proof_path(first, ProofKind.GPU).unlink()
    write_proof(first, ProofKind.BILL, sha256="0" * 64)
    write_proof(first, ProofKind.WHEEL_TESTS, failed=1)
    second.unlink()
    third.write_bytes(b"no wheel")
    found = reasons(dist, matrix)
    expected = [
        rf"{re.escape(third.name)}: File is not a zip file",
        r"lane cu130-sm90a-x86_64 has no wheel",
        r"lane cu135-all-x86_64 has no wheel",
        rf"{re.escape(first.name)}: the bill proof is of other bytes: .*sha256 {'0' * 64}.*",
        rf"{re.escape(first.name)}: the wheel-tests proof does not hold: 63 passed, 1 failed, 0 skipped",
        rf"{re.escape(first.name)}: no gpu proof",
    ]
    assert len(found) == len(expected)
    for line, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        (ProofKind.AUDIT, {"findings": [FINDING]}, "the audit proof does not hold: 1 findings, the first relro in x"),
        (ProofKind.BUILD, {"commit": None}, "the build proof does not hold: built in 74 s from no commit"),
        (ProofKind.BUILD, {"commit": f"{COMMIT}-dirty"}, "-dirty"),
        (ProofKind.BUILD, {"commit": ""}, "the build proof cannot be read: commit: String should match pattern"),
        (ProofKind.BUILD, {"defines": {"CMAKE_CUDA_FLAGS": "-G"}}, "with a developer's CMAKE_CUDA_FLAGS"),
        (ProofKind.BUILD, {"build_type": "Debug"}, ", as Debug"),
        (ProofKind.BUILD, {"release": False}, ", without --release"),
        (ProofKind.WHEEL_TESTS, {"passed": 0}, "the wheel-tests proof does not hold: 0 passed"),
        (ProofKind.GPU, {"runs": []}, "the first run is not of the wheel itself"),
        (ProofKind.GPU, {"sanitizers": []}, "torch 2.11.0+cu130; memcheck did not run on path 90, 75, 80, 89"),
        (ProofKind.GPU, {"schema": 1}, "the gpu proof cannot be read: schema: Input should be 2"),
        (ProofKind.COMPAT, {"cells": [FAILED_CELL]}, "the compat proof does not hold: 0 of 1 cells passed, 1 failed"),
        (ProofKind.COMPAT, {"cells": [UNREACHED_CELL]}, "0 failed; not reached: Python 3.12, torch 2.15.0"),
        (ProofKind.BUILD, {"schema": 3}, "the build proof cannot be read: schema: Input should be 2"),
    ],
    ids=[
        "finding", "no commit", "dirty commit", "empty commit", "developer's defines", "debug build",
        "no release build",
        "no test passed", "no GPU report", "no memcheck",
        "older GPU report", "a torch fails", "a torch is not reached", "newer schema",
    ],
)  # fmt: skip
def test_a_proof_that_does_not_hold_is_a_reason(
    dist: Path, matrix: Matrix, kind: ProofKind, changes: dict[str, Any], reason: str
) -> None:
    write_proof(wheels(dist)[0], kind, **changes)
    assert reason in reasons(dist, matrix)[0]


@pytest.mark.parametrize(
    ("changes", "left", "reason"),
    [
        ({"failed": ["test_gemm"]}, 4, "no good run of SM 75 80 86 89 90a"),
        ({"passed": 0}, 4, "no good run of SM 75 80 86 89 90a"),
        ({}, 2, "no good run of SM 80 86 89"),
    ],
    ids=["failed", "nothing passed", "paths not run"],
)
def test_a_wheel_is_proved_on_a_gpu_for_each_of_its_sms(
    dist: Path, matrix: Matrix, changes: dict[str, Any], left: int, reason: str
) -> None:
    first = wheels(dist)[0]
    runs = gpu_runs(first.name, hashlib.sha256(first.read_bytes()).hexdigest(), **changes)["runs"]
    write_proof(first, ProofKind.GPU, runs=runs[:left])
    assert reason in reasons(dist, matrix)[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"errors": 1}, "failed: memcheck on path 90"),
        ({"tool": "racecheck", "errors": 1}, "failed: racecheck on path 90; memcheck did not run on path 90"),
        ({"passed": 0}, "failed: memcheck on path 90"),
        ({"failed": ["test_gemm"]}, "failed: memcheck on path 90"),
        ({"fault": "no summary"}, "failed: memcheck on path 90"),
        ({"not_run": "no compute-sanitizer"}, "memcheck did not run on path 90"),
        ({"sha256": "0" * 64}, "memcheck did not run on path 90"),
    ],
    ids=["error", "race", "nothing passed", "failed", "fault", "not run", "another wheel"],
)
def test_a_path_is_proved_where_memcheck_found_nothing_on_it(
    dist: Path, matrix: Matrix, changes: dict[str, Any], reason: str
) -> None:
    first, facts = gpu_facts(dist)
    own, *others = facts["sanitizers"]
    write_proof(first, ProofKind.GPU, **{**facts, "sanitizers": [{**own, **changes}, *others]})
    assert reasons(dist, matrix)[0].endswith(f"torch 2.11.0+cu130; {reason}")


@pytest.mark.parametrize("tool", ["racecheck", "synccheck"])
def test_a_tool_that_cannot_run_there_takes_nothing_from_a_proof(dist: Path, matrix: Matrix, tool: str) -> None:
    first, facts = gpu_facts(dist)
    facts["sanitizers"].append(sanitizer_run(facts["runs"][0], tool=tool, passed=0, not_run="it cannot run here"))
    write_proof(first, ProofKind.GPU, **facts)
    assert len(collect_release([dist], matrix, RELEASE).wheels) == len(released_lanes(matrix))


def gpu_facts(dist: Path) -> tuple[Path, dict[str, Any]]:
    """Return a wheel, and the runs of its GPU proof."""
    first = wheels(dist)[0]
    return first, gpu_runs(first.name, hashlib.sha256(first.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("jit", "own", "known"),
    [
        ("f" * 40, COMMIT, COMMIT),
        (None, COMMIT, COMMIT),
        (None, None, "unknown"),
        (COMMIT, f"{COMMIT}-dirty", f"{COMMIT}-dirty"),
    ],
    ids=["another commit", "unknown commit", "two unknown commits", "dirty commit"],
)
def test_jit_wheels_prove_nothing_of_a_wheel_unless_of_its_commit(
    dist: Path, matrix: Matrix, jit: str | None, own: str | None, known: str
) -> None:
    first, facts = gpu_facts(dist)
    write_proof(first, ProofKind.BUILD, commit=own)
    write_proof(first, ProofKind.GPU, runs=[facts["runs"][0], *({**run, "commit": jit} for run in facts["runs"][1:])])
    expected = f"the wheels of path 75, 80, 89 are not known to be of this wheel's commit, {known}"
    assert expected in "\n".join(reasons(dist, matrix))


def test_a_build_proof_of_other_bytes_says_no_commit_of_a_wheel(dist: Path, matrix: Matrix) -> None:
    write_proof(wheels(dist)[0], ProofKind.BUILD, sha256="0" * 64)
    found = "\n".join(reasons(dist, matrix))
    assert "the build proof is of other bytes" in found
    assert "are not known to be of this wheel's commit, unknown" in found


def test_a_commit_that_is_none_cannot_stand_in_a_run(dist: Path, matrix: Matrix) -> None:
    first, facts = gpu_facts(dist)
    write_proof(first, ProofKind.GPU, runs=[{**run, "commit": "None"} for run in facts["runs"]])
    assert "the gpu proof cannot be read: runs.0.commit: String should match pattern" in reasons(dist, matrix)[0]


def test_wheels_of_two_commits_are_no_release(dist: Path, matrix: Matrix) -> None:
    first, facts = gpu_facts(dist)
    write_proof(first, ProofKind.BUILD, commit="f" * 40)
    write_proof(first, ProofKind.GPU, runs=[{**run, "commit": "f" * 40} for run in facts["runs"]])
    assert reasons(dist, matrix) == [f"the wheels are of 2 commits: {COMMIT}, {'f' * 40}"]


def test_two_wheels_of_one_name_are_no_release(dist: Path, matrix: Matrix, tmp_path: Path) -> None:
    other = make_dist(tmp_path / "other", matrix, lanes=released_lanes(matrix)[:1])
    with pytest.raises(ManifestError, match=r"manylinux_2_28_x86_64.whl: 2 wheels of this name"):
        collect_release([dist, other], matrix, RELEASE)


def test_two_wheels_of_one_lane_are_no_release(dist: Path, matrix: Matrix) -> None:
    other = make_wheel(dist, matrix, released_lanes(matrix)[0], tag="cp310-abi3-manylinux_2_17_x86_64")
    for kind in matrix.release.proofs:
        write_proof(other, kind)
    assert reasons(dist, matrix)[0].startswith("lane cu130-all-x86_64 has 2 wheels: ")


def test_an_empty_folder_is_no_release(tmp_path: Path, matrix: Matrix) -> None:
    assert reasons(tmp_path, matrix)[0] == "no wheel of 0.1.0 is there"


def test_wheels_of_test_only_lanes_are_left_out(dist: Path, matrix: Matrix) -> None:
    make_wheel(dist, matrix, next(lane for lane in plan_lanes(matrix) if lane.test_only))
    assert len(collect_release([dist], matrix, RELEASE).wheels) == len(released_lanes(matrix))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metadata_version": "0.1.1+cu130"}, "METADATA says 0.1.1+cu130, and its file name 0.1.0+cu130"),
        ({"files": OTHER_SOURCE}, "_version.py says 9, and its file name 0.1.0"),
        ({"files": {}}, "it has no warpwright/_version.py"),
        ({"version": "0.2.0+cu130"}, "its file name says 0.2.0, and the release is 0.1.0"),
        ({"version": "0.1.0+cu999"}, "the matrix has no lane with the label cu999"),
        ({"wheel_tag": "cp310-abi3-linux_x86_64"}, "its name and tags are not those of its METADATA and WHEEL"),
        ({"requires_python": ""}, "METADATA has no Requires-Python, so an installer would take it on every Python"),
        ({"metadata_name": "other"}, "its name and tags are not those of its METADATA and WHEEL"),
    ],
    ids=["METADATA", "source", "no source", "another version", "unknown label", "tags", "every Python", "name"],
)  # fmt: skip
def test_a_wheel_that_disagrees_with_itself_is_a_reason(
    dist: Path, matrix: Matrix, changes: dict[str, Any], reason: str
) -> None:
    wheels(dist)[0].unlink()
    make_wheel(dist, matrix, released_lanes(matrix)[0], **changes)
    assert reason in reasons(dist, matrix)[0]


def test_a_symbolic_link_is_no_wheel_of_a_release(dist: Path, matrix: Matrix, tmp_path: Path) -> None:
    first = wheels(dist)[0]
    first.rename(tmp_path / first.name)
    first.symlink_to(tmp_path / first.name)
    assert reasons(dist, matrix)[0] == f"{first.name}: it is a symbolic link"


def test_a_wheel_that_would_leave_its_folder_is_a_reason(dist: Path, matrix: Matrix) -> None:
    wheels(dist)[0].unlink()
    make_wheel(dist, matrix, released_lanes(matrix)[0], extra=[("../../escape", b"")])
    assert "path-escape '../../escape'" in reasons(dist, matrix)[0]


def test_a_wheel_whose_name_is_not_normal_is_refused(dist: Path, matrix: Matrix) -> None:
    first = wheels(dist)[0]
    other = first.rename(dist / first.name.replace("0.1.0", "0.1.00"))
    for kind in matrix.release.proofs:
        write_proof(other, kind)
    assert f"'{other.name}' is not normalised; expected it to begin with warpwright-0.1.0+" in reasons(dist, matrix)[0]


def test_a_wheel_with_huge_metadata_is_refused(dist: Path, matrix: Matrix) -> None:
    wheels(dist)[0].unlink()
    make_wheel(dist, matrix, released_lanes(matrix)[0], requires=("torch>=2.10", *["x"] * (2 << 20)))
    assert re.search(r"METADATA has \d+ bytes, more than the 16777216 that it may have", reasons(dist, matrix)[0])


def test_markup_in_requires_python_is_refused(dist: Path, matrix: Matrix) -> None:
    wheels(dist)[0].unlink()
    make_wheel(dist, matrix, released_lanes(matrix)[0], requires_python='>=3.10"><script>')
    assert "which is no set of versions" in reasons(dist, matrix)[0]


def test_a_preview_takes_what_is_there_and_says_what_it_lacks(dist: Path, matrix: Matrix) -> None:
    first, *others = wheels(dist)
    for other in others:
        other.unlink()
    proof_path(first, ProofKind.GPU).unlink()
    make_wheel(dist, matrix, released_lanes(matrix)[0], "0.0.9")
    made = collect_release([dist], matrix, Release(Version("0.1.0"), Channel.PREVIEW, CREATED, ""))
    assert [(wheel.file, wheel.unproved) for wheel in made.wheels] == [(first.name, ("no gpu proof",))]


def test_an_unproved_wheel_stands_in_no_release(dist: Path, matrix: Matrix) -> None:
    data = json.loads(to_json(collect_release([dist], matrix, RELEASE)))
    data["wheels"][0]["unproved"] = ["no gpu proof"]
    with pytest.raises(ManifestError, match=r"is unproved \(no gpu proof\), which only a preview may be"):
        parse_document(json.dumps(data).encode(), Manifest, name="manifest.json")


def test_a_nightly_has_a_development_version(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(ManifestError, match=r"0\.1\.0 is no version of a nightly"):
        make_release(tmp_path, matrix, channel=Channel.NIGHTLY)


def edit(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["wheels"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit(file="../../etc/passwd.whl"), "is no plain file name of a wheel"),
        (edit(file="/warpwright-0.1.0-py3-none-any.whl"), "is no plain file name of a wheel"),
        (edit(file="warpwright-0.1.0-py3-none-any.whl\n"), "is no plain file name of a wheel"),
        (edit(file='warpwright-0.1.0-py3-none-a"><b>.whl'), "is no plain file name of a wheel"),
        (edit(file=f"warpwright-0.1.0-py3-none-{'a' * 250}.whl"), "is no plain file name of a wheel"),
        (edit(file="Warpwright-0.1.0-py3-none-any.whl"), "expected it to begin with warpwright-0.1.0"),
        (edit(file="warpwright-0.1.00-py3-none-any.whl"), "expected it to begin with warpwright-0.1.0"),
        (edit(file="warpwright-0.1.0-cp310-abi3-b.a.whl"), "expected it to end with -cp310-abi3-a.b.whl"),
        (edit(file="warpwright-0.1.0-cp310-abi3-a.a.whl"), "expected it to end with -cp310-abi3-a.whl"),
        (edit(file="warpwright-0.1.0-cp310-abi3-A.whl"), "expected it to end with -cp310-abi3-a.whl"),
        (edit(file="warpwright-0.1.0-py3.py2-none-any.whl"), "expected it to end with -py2.py3-none-any.whl"),
        (edit(file="other-0.1.0-py3-none-any.whl"), "is no wheel of warpwright 0.1.0"),
        (edit(sha256="ABC"), "wheels.0.sha256: String should match pattern"),
        (edit(size=-1), "wheels.0.size: Input should be greater than or equal to 1"),
        (edit(size=2**60), "wheels.0.size: Input should be less than"),
        (edit(requires_python="<b>"), "wheels.0.requires_python"),
        (edit(sms=["<b>"]), "wheels.0.sms.0: String should match pattern"),
        (edit(colour="red"), "wheels.0.colour: Extra inputs are not permitted"),
        (lambda data: data.update(project="../warpwright"), "is no normalised project name"),
        (lambda data: data.update(project="Warp_Wright"), "is no normalised project name"),
        (lambda data: data.update(version="0.1.0+cu130"), "has a label; the version of a release has none"),
        (lambda data: data.update(schema=2), "schema: Input should be 1"),
        (lambda data: data.update(created="2026-01-02T03:04:05"), "created: Input should have timezone info"),
        (lambda data: data["wheels"].append(data["wheels"][0]), "not sorted, or two have one name"),
        (lambda data: data.update(wheels=[]), "wheels: Tuple should have at least 1 item"),
    ],
    ids=[
        "path escape", "absolute path", "newline", "HTML", "long name", "name not normal", "version not normal",
        "tags not sorted", "tag twice", "tag not lowercase", "Pythons not sorted",
        "another project", "digest", "negative size", "huge size", "HTML in Requires-Python", "no SM", "unknown key",
        "project escapes", "project not normal", "label", "newer schema", "no time zone", "twice", "no wheels",
    ],
)  # fmt: skip
def test_a_hostile_manifest_is_refused(
    change: Callable[[dict[str, Any]], None], reason: str, dist: Path, matrix: Matrix
) -> None:
    data = json.loads(to_json(collect_release([dist], matrix, RELEASE)))
    change(data)
    with pytest.raises(ManifestError) as caught:
        parse_document(json.dumps(data).encode(), Manifest, name="manifest.json")
    assert reason in caught.value.why


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"schema": 1, "schema": 1}', "the key 'schema' stands there twice"),
        (b"[" * 100_000, "recursion"),
        (b'{"schema": NaN}', "NaN is no JSON"),
        (b"\xff", "utf-8"),
        (b"", "Expecting value"),
        (b'"text"', "Input should be an object"),
    ],
    ids=["repeated key", "deep", "NaN", "no text", "empty", "no object"],
)
def test_broken_json_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_document(data, Manifest, name="manifest.json")
    assert reason in caught.value.why


def test_a_manifest_that_is_a_link_or_huge_is_refused(tmp_path: Path) -> None:
    link, huge = tmp_path / "link.json", tmp_path / "huge.json"
    link.symlink_to("/etc/hostname")
    with huge.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    with pytest.raises(ManifestError, match="it is a symbolic link"):
        read_manifest(link)
    with pytest.raises(ManifestError, match=f"it has {LARGEST + 1} bytes"):
        read_manifest(huge)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_read_is_a_manifest_or_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_document(data, Manifest, name="manifest.json")

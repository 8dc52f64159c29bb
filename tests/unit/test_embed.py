"""The bill and the SBOM go into the wheel, and nothing else of it changes; equal wheels become equal wheels."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from device_code import ALL_SMS, CUOBJDUMP, FakeCuobjdump, every_operator
from wheel_maker import WheelMaker, build_record
from wheelworks.audit import Tools
from wheelworks.bill import BILL, parse_bill
from wheelworks.embed import embed_bills
from wheelworks.errors import AuditError, SourceError, WheelError
from wheelworks.lanes import Lane, plan_lanes
from wheelworks.matrix import Matrix
from wheelworks.policy import Policy, plan_policy
from wheelworks.sbom import plan_sbom, same_parts
from wheelworks.units import Unit, read_units
from wheelworks.wheel import read_wheel

SBOM = "warpwright-0.1.0+cu130.dist-info/sboms/warpwright.cdx.json"
RECORD = "warpwright-0.1.0+cu130.dist-info/RECORD"


@pytest.fixture
def lane(matrix: Matrix) -> Lane:
    return plan_lanes(matrix)[0]


@pytest.fixture
def small(matrix: Matrix) -> WheelMaker:
    """Return a wheel whose binary is one in name; nothing here reads it but the stand-in."""
    return WheelMaker(files={"warpwright/_C.abi3.so": b"binary", "warpwright/_build.json": build_record(matrix)})


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def embed(wheel: Path, into: Path, policy: Policy) -> Path:
    code = FakeCuobjdump(every_operator(policy.operators, ALL_SMS))
    return embed_bills(wheel, into, policy, Tools(code, CUOBJDUMP))


def test_bill_and_sbom_are_added_and_every_other_file_stays(small: WheelMaker, policy: Policy, tmp_path: Path) -> None:
    built = small.make(tmp_path / "built")
    finished = embed(built, tmp_path / "out", policy)
    before, after = contents(built), contents(finished)
    assert set(after) - set(before) == {BILL, SBOM}
    assert list(after)[-1] == RECORD
    assert {name for name in before if before[name] != after[name]} == {RECORD}
    assert parse_bill(after[BILL], BILL).lane == "cu130-all-x86_64"


def test_record_lists_the_new_files_with_their_digests(small: WheelMaker, policy: Policy, tmp_path: Path) -> None:
    finished = embed(small.make(tmp_path / "built"), tmp_path / "out", policy)
    files = {name: data for name, data in contents(finished).items() if name != RECORD}
    right = WheelMaker(files=files).make(tmp_path / "right")
    rows = {(row.path, row.digest, row.size) for row in read_wheel(finished).record}
    assert rows == {(row.path, row.digest, row.size) for row in read_wheel(right).record}


def test_equal_wheels_become_equal_wheels_also_the_second_time(
    small: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    built = small.make(tmp_path / "built")
    first = embed(built, tmp_path / "first", policy)
    assert first.read_bytes() == embed(built, tmp_path / "second", policy).read_bytes()
    assert contents(embed(first, tmp_path / "third", policy)) == contents(first)


@pytest.mark.parametrize("missing", ["warpwright/_C.abi3.so", "warpwright/_build.json"])
def test_a_wheel_without_its_binary_or_its_record_is_refused(
    missing: str, small: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    del small.files[missing]
    with pytest.raises(AuditError, match="has no device code that a bill could list") as error:
        embed(small.make(tmp_path / "built"), tmp_path / "out", policy)
    assert missing in str(error.value)
    assert not (tmp_path / "out").exists()


def test_an_unsafe_archive_is_refused(small: WheelMaker, policy: Policy, tmp_path: Path) -> None:
    small.extra = [("../escape", b"")]
    with pytest.raises(WheelError, match="path-escape"):
        embed(small.make(tmp_path / "built"), tmp_path / "out", policy)
    assert {path.name for path in tmp_path.iterdir()} == {"built"}


def test_the_sbom_of_every_lane_is_valid_cyclonedx_and_names_what_it_is_built_from(
    matrix: Matrix, policy: Policy
) -> None:
    for lane in policy.lanes:
        text = plan_sbom("0.1.0", lane, policy.parts(lane), epoch=1577836800)
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        document = json.loads(text)
        parts = {part["name"]: part for part in document["components"]}
        assert {"cutlass", "nvidia-cuda-runtime"} <= set(parts)
        assert parts["cutlass"]["purl"] == f"pkg:github/nvidia/cutlass@{matrix.sources['cutlass'].commit}"
        assert parts["nvidia-cuda-runtime"]["version"].startswith(str(lane.cuda))
        assert all(part["licenses"] for part in parts.values())
        assert document["metadata"]["timestamp"] == "2020-01-01T00:00:00+00:00"


def with_units(policy: Policy, *uses: str) -> Policy:
    """Return the policy of a project whose one unit, for SM 90a, uses some sources."""
    return replace(policy, units=(Unit("rmsnorm", "elementwise/rmsnorm.cu", ("90a",), (), uses),))


def sources_in(wheel: Path) -> list[str]:
    parts = json.loads(contents(wheel)[SBOM])["components"]
    return [part["name"] for part in parts if part["purl"].startswith("pkg:github/")]


@pytest.mark.parametrize("uses", [(), ("cutlass",), ("flashinfer",), ("cutlass", "flashinfer")], ids=" ".join)
def test_the_sbom_in_a_wheel_names_the_sources_that_its_units_use_and_no_other(
    uses: tuple[str, ...], small: WheelMaker, policy: Policy, tmp_path: Path
) -> None:
    wheel = embed(small.make(tmp_path / "built"), tmp_path / "out", with_units(policy, *uses))
    assert sources_in(wheel) == list(uses)


def test_a_lane_without_the_sms_of_a_unit_has_no_source_of_it(policy: Policy) -> None:
    used = with_units(policy, "flashinfer")
    assert {lane.name: bool(used.parts(lane)) for lane in policy.lanes} == {
        lane.name: "90a" in lane.sm_set for lane in policy.lanes
    }
    ptx = replace(policy, units=(Unit("rmsnorm", "elementwise/rmsnorm.cu", ("80",), (), ("cutlass",)),))
    (jit,) = (lane for lane in policy.lanes if lane.sm_set == ("80-ptx",))
    assert [name for name, _ in ptx.parts(jit)] == ["cutlass"]


def test_a_unit_that_uses_what_is_no_source_is_refused(matrix: Matrix) -> None:
    unit = Unit("rmsnorm", "elementwise/rmsnorm.cu", ("80",), (), ("cutlas",))
    with pytest.raises(SourceError) as error:
        plan_policy(matrix, [unit])
    assert str(error.value).splitlines() == [
        "the unit rmsnorm of csrc/kernels.cmake USES 'cutlas', which is no source",
        "  why: matrix.toml has no [sources.cutlas]; did you mean 'cutlass'?",
        "  fix: correct the row, or add the source with its commit and its license to matrix.toml",
    ]


def test_a_folder_without_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*csrc/kernels\.cmake"):
        read_units(tmp_path)


def test_the_sbom_is_the_same_for_the_same_wheel_and_another_for_another(lane: Lane, policy: Policy) -> None:
    text = plan_sbom("0.1.0", lane, policy.parts(lane), epoch=0)
    assert text == plan_sbom("0.1.0", lane, policy.parts(lane), epoch=0)
    assert same_parts(text, plan_sbom("0.1.0", lane, policy.parts(lane), epoch=1))
    assert not same_parts(text, plan_sbom("0.2.0", lane, policy.parts(lane), epoch=0))
    assert not same_parts(text, "no JSON")


def test_a_toolkit_without_packages_is_named_as_a_whole(lane: Lane, policy: Policy) -> None:
    container = lane.toolkit.model_copy(update={"packages": ()})
    text = plan_sbom("1", Lane(**{**vars(lane), "toolkit": container}), policy.parts(lane), epoch=0)
    assert f"pkg:generic/nvidia/cuda-runtime@{lane.cuda}" in text

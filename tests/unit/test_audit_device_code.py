"""Rules on device code: it is held against the matrix, and what the wheel says of it against the binary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device_code import ALL_SMS, CUOBJDUMP, FakeCuobjdump, FakeKernel, every_operator
from wheel_maker import WheelMaker
from wheelworks.audit import Finding, Rule, Tools
from wheelworks.audit.bill_checks import check_bill
from wheelworks.audit.evidence import Evidence, gather
from wheelworks.audit.sm_checks import check_sms
from wheelworks.bill import BILL, write_accepted
from wheelworks.policy import Policy
from wheelworks.sbom import NAME as SBOM
from wheelworks.sbom import plan_sbom
from wheelworks.wheel import read_wheel

Gatherer = Callable[..., Evidence]


@pytest.fixture
def gathered(maker: WheelMaker, policy: Policy, billed: Callable[..., WheelMaker], tmp_path: Path) -> Gatherer:
    """Return the evidence on a wheel with some kernels; ``budget`` replaces parts of the matrix's."""

    def make(kernels: Sequence[FakeKernel], **budget: Any) -> Evidence:
        code = FakeCuobjdump(kernels)
        wheel = read_wheel(billed(maker, code).make(tmp_path))
        rules = replace(policy, budget=policy.budget.model_copy(update=budget))
        tools = Tools(code, CUOBJDUMP, accepted_bills=tmp_path / "bills")
        return gather(wheel, tmp_path / "work", rules, tools)

    return make


@pytest.fixture
def kernels(policy: Policy) -> tuple[FakeKernel, ...]:
    return every_operator(policy.operators, ALL_SMS)


def findings(evidence: Evidence) -> list[Finding]:
    outcomes = [*check_sms(evidence), *check_bill(evidence)]
    return sorted(outcome for outcome in outcomes if isinstance(outcome, Finding))


def test_code_of_every_operator_for_every_sm_has_no_finding(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    assert findings(gathered(kernels)) == []


@pytest.mark.parametrize(
    ("sms", "rule", "words"),
    [
        (("75", "80"), Rule.SM_MISSING, ("code for 75 80", "code for 90a, by lane cu130-all-x86_64")),
        (("80", "90a"), Rule.SM_MISSING, ("code for 80 90a", "code for 75, by lane")),
        (("75", "80", "90"), Rule.SM_MISSING, ("code for 75 80 90", "code for 90a")),
        (("75", "80", "90a", "100a"), Rule.SM_EXTRA, ("code for 100a", "code for 75 80 86 89 90a alone")),
    ],
    ids=["no sm90a", "no sm75", "plain 90 does not serve 90a", "one too many"],
)
def test_the_sms_in_the_binary_are_those_of_the_lane(
    sms: tuple[str, ...], rule: Rule, words: tuple[str, str], policy: Policy, gathered: Gatherer
) -> None:
    found = findings(gathered(every_operator(policy.operators, sms)))
    chosen = next(finding for finding in found if finding.rule == rule)
    assert chosen.found == words[0]
    assert words[1] in chosen.expected


def test_an_operator_without_code_for_an_sm_that_the_matrix_promises_is_told(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    (finding,) = findings(gathered([kernel for kernel in kernels if kernel.unit != "rmsnorm_sm90a"]))
    assert finding.rule == Rule.SM_MISSING
    assert finding.found == "rmsnorm for 75 80"
    assert finding.expected == "rmsnorm for 90a, by [operators] in matrix.toml"
    assert "list SM 90a for a unit of rmsnorm in csrc/kernels.cmake" in finding.fix


def shared_with(kernels: Sequence[FakeKernel], other: str) -> list[FakeKernel]:
    """Return the kernels with silu_and_mul's for SM 80 in the unit of rmsnorm, and another name there."""
    kept = [kernel for kernel in kernels if kernel.unit not in ("silu_and_mul_sm80", "rmsnorm_sm80")]
    return [*kept, FakeKernel(f"rmsnorm_sm80+{other}", "80")]


def test_the_code_of_a_shared_unit_keeps_the_promises_of_all_its_operators(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    assert findings(gathered(shared_with(kernels, "silu_and_mul"))) == []


def test_a_shared_unit_of_an_unknown_operator_is_nobodys(kernels: tuple[FakeKernel, ...], gathered: Gatherer) -> None:
    found = findings(gathered(shared_with(kernels, "silu_and_mul+stray")))
    (unowned,) = (finding for finding in found if finding.rule == Rule.UNOWNED_KERNEL)
    assert unowned.found.startswith("1 kernels of unit rmsnorm_sm80+silu_and_mul+stray, such as ")
    assert unowned.fix == "add stray to [operators] in matrix.toml, and the unit by warpwright_add_kernel"
    missing = {finding.found for finding in found if finding.rule == Rule.SM_MISSING}
    assert missing == {"rmsnorm for 75 90a", "silu_and_mul for 75 90a"}


BAD_KERNELS: dict[str, tuple[FakeKernel, Rule, str]] = {
    "no operator of the unit": (
        FakeKernel("stray_sm80", "80"), Rule.UNOWNED_KERNEL,
        "1 kernels of unit stray_sm80, such as warpwright::stray_sm80_kernel of unit stray_sm80, SM 80",
    ),
    "no unit": (FakeKernel("", "80"), Rule.UNOWNED_KERNEL, "1 kernels of unit without name"),
    "spills": (
        FakeKernel("rmsnorm_sm80", "80", stack=8, spills=2), Rule.SPILLS,
        "rmsnorm_sm80_kernel of unit rmsnorm_sm80, SM 80: 2 instructions spill or refill, stack of 8 bytes",
    ),
    "stack of an older compiler": (
        FakeKernel("rmsnorm_sm80", "80", stack=8, toolkit="12.4"), Rule.SPILLS,
        "SM 80: stack of 8 bytes, from a compiler that does not note spills",
    ),
    "too much code for an SM": (
        FakeKernel("rmsnorm_sm80", "80", bytes=40 << 20), Rule.SIZE,
        "KiB for SM 80; grew most, with no accepted bill: rmsnorm warpwright::rmsnorm_sm80_kernel SM 80 from 0 to",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_KERNELS)
def test_a_bad_kernel_is_told_by_its_rule(case: str, kernels: tuple[FakeKernel, ...], gathered: Gatherer) -> None:
    kernel, rule, found = BAD_KERNELS[case]
    (finding,) = findings(gathered([*kernels, kernel]))
    assert finding.rule == rule
    assert found in finding.found


def test_a_kernel_that_two_units_have_for_other_sms_is_told(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    units = {"rmsnorm_sm75": "75", "rmsnorm_sm80": "80", "silu_and_mul_sm75": "75"}
    divided = [FakeKernel(unit, sm, name="twice") for unit, sm in units.items()]
    (finding,) = findings(gathered([*kernels, *divided]))
    assert finding.rule == Rule.DIVIDED_KERNEL
    assert finding.found == (
        "warpwright::twice is in unit rmsnorm_sm75 for SM 75, unit rmsnorm_sm80 for SM 80, "
        "unit silu_and_mul_sm75 for SM 75"
    )


def test_a_kernel_that_two_units_have_for_the_same_sms_is_not_told(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    units = ("rmsnorm_sm80", "silu_and_mul_sm80")
    same = [FakeKernel(unit, sm, name="twice") for unit in units for sm in ("80", "90a")]
    assert findings(gathered([*kernels, *same])) == []


def test_a_kernel_that_may_spill_is_not_told(kernels: tuple[FakeKernel, ...], gathered: Gatherer) -> None:
    spilling = FakeKernel("rmsnorm_sm80", "80", stack=8, spills=2)
    assert findings(gathered([*kernels, spilling], may_spill=("warpwright::rmsnorm_*",))) == []


def test_a_wheel_over_its_budget_is_told_with_the_rows_that_grew_most(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer, maker: WheelMaker, tmp_path: Path
) -> None:
    accepted = gathered(kernels).bill
    assert accepted is not None
    write_accepted(tmp_path / "bills", accepted, 1)
    del maker.files[BILL]
    (tmp_path / "work").rename(tmp_path / "earlier")
    (finding,) = findings(gathered([*kernels, FakeKernel("rmsnorm_sm80", "80", 5000)], wheel=1))
    assert finding.rule == Rule.SIZE
    grew = "rmsnorm warpwright::rmsnorm_sm80_kernel SM 80 from 4096 to 9096 bytes"
    assert finding.found.endswith(f"; grew most, since cu130-all-x86_64.json: {grew}")
    assert finding.expected == "at most 1 KiB, by budget.wheel in matrix.toml"


IN_DIST_INFO = f"warpwright-0.1.0+cu130.dist-info/{SBOM}"


@pytest.mark.parametrize(
    ("name", "data", "rule", "found"),
    [
        (BILL, b"{}", Rule.BILL, "validation errors for Bill"),
        (IN_DIST_INFO, b"{}", Rule.SBOM, "other parts"),
        (IN_DIST_INFO, b"\xff", Rule.SBOM, "other parts"),
    ],
    ids=["broken bill", "SBOM of other parts", "broken SBOM"],
)
def test_a_bill_or_sbom_that_does_not_fit_is_told(
    name: str, data: bytes, rule: Rule, found: str, kernels: tuple[FakeKernel, ...], gathered: Gatherer,
    maker: WheelMaker,
) -> None:  # fmt: skip
    maker.files[name] = data
    (finding,) = findings(gathered(kernels))
    assert (finding.rule, finding.artefact) == (rule, name)
    assert found in finding.found


def test_the_bill_of_another_binary_is_told(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer, maker: WheelMaker, billed: Callable[..., WheelMaker]
) -> None:
    billed(maker, FakeCuobjdump(kernels[1:]))
    (finding,) = findings(gathered(kernels))
    assert finding.found == "a bill of lane cu130-all-x86_64, version 0.1.0+cu130, that differs in 1 kernels"


def test_an_sbom_with_a_source_that_no_unit_uses_is_told(
    kernels: tuple[FakeKernel, ...], gathered: Gatherer, maker: WheelMaker, policy: Policy
) -> None:
    lane, (_, source) = policy.lanes[0], policy.sources[0]
    parts = [*policy.parts(lane), ("unused", source)]
    maker.files[IN_DIST_INFO] = plan_sbom(maker.version, lane, parts, epoch=0).encode()
    (finding,) = findings(gathered(kernels))
    assert (finding.rule, finding.found) == (Rule.SBOM, "other parts")
    assert finding.expected == "the parts of lane cu130-all-x86_64, by USES in csrc/kernels.cmake and by matrix.toml"


@pytest.mark.parametrize(("name", "rule"), [(BILL, Rule.BILL), (IN_DIST_INFO, Rule.SBOM)], ids=["bill", "SBOM"])
def test_a_wheel_without_bill_or_sbom_is_told(
    name: str, rule: Rule, kernels: tuple[FakeKernel, ...], gathered: Gatherer
) -> None:
    evidence = gathered(kernels)
    (evidence.folder / name).unlink()
    (finding,) = findings(evidence)
    assert (finding.rule, finding.artefact, finding.found) == (rule, name, "there is no such file")

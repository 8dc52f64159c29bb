"""All rules on all wheels, and only then the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks import files
from wheelworks.archive import DEFAULT_LIMITS, FaultKind, Limits
from wheelworks.audit.abi_checks import check_limited_api, check_torch_abi
from wheelworks.audit.bill_checks import check_bill
from wheelworks.audit.elf_checks import check_hardening, check_needed, check_run_path
from wheelworks.audit.evidence import Evidence, Outcome, Tools, gather
from wheelworks.audit.finding import Audit, Finding, Rule, Skip
from wheelworks.audit.path_checks import check_build_paths
from wheelworks.audit.platform_checks import check_platform
from wheelworks.audit.sm_checks import check_sms
from wheelworks.audit.wheel_checks import check_label, check_name_and_version, check_record, check_tags
from wheelworks.errors import AuditError, FindingsError, WheelworksError
from wheelworks.policy import Policy
from wheelworks.wheel import Wheel, read_wheel

CHECKS: tuple[Callable[[Evidence], Outcome], ...] = (
    check_name_and_version,
    check_tags,
    check_label,
    check_record,
    check_build_paths,
    check_needed,
    check_run_path,
    check_hardening,
    check_limited_api,
    check_torch_abi,
    check_platform,
    check_sms,
    check_bill,
)


@dataclass(frozen=True)
class Audits:
    """The verdicts on several wheels, and the errors of those that could not be audited."""

    audits: tuple[Audit, ...]
    errors: tuple[WheelworksError, ...]

    def require_clean(self) -> None:
        """Raise for wheels that could not be audited, else for wheels with findings."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            count = len(self.errors)
            raise AuditError(f"{count} wheels could not be audited", why=_joined(self.errors), fix="see each of them")
        failed = [audit for audit in self.audits if not audit.passed]
        if failed:
            total = sum(len(audit.findings) for audit in failed)
            raise FindingsError(
                f"{total} findings in {len(failed)} of {len(self.audits)} wheels",
                why=", ".join(f"{audit.wheel.name}: {_rules(audit.findings)}" for audit in failed),
                fix="each finding says what mends it",
            )


def audit_wheels(
    paths: Iterable[Path], policy: Policy, tools: Tools, *, on_wheel: Callable[[Path], None] | None = None
) -> Audits:
    """Audit every wheel to its end, whatever becomes of the others."""
    audits, errors = [], []
    for path in paths:
        if on_wheel is not None:
            on_wheel(path)
        try:
            audits.append(audit_wheel(path, policy, tools))
        except WheelworksError as error:
            errors.append(error)
    return Audits(tuple(audits), tuple(errors))


def audit_wheel(path: Path, policy: Policy, tools: Tools, *, limits: Limits = DEFAULT_LIMITS) -> Audit:
    """Hold one wheel against every rule. What cannot be checked is an error; an unsafe archive is not unpacked."""
    wheel = read_wheel(path, limits)
    if wheel.faults:
        return _unsafe(wheel)
    with TemporaryDirectory(prefix="wheelworks-audit-") as work:
        evidence = gather(wheel, Path(work), policy, tools)
        outcomes = [outcome for check in CHECKS for outcome in check(evidence)]
    return Audit(
        wheel=path,
        sha256=files.sha256_of(path),
        lane=evidence.lane.name if evidence.lane is not None else None,
        findings=tuple(sorted(outcome for outcome in outcomes if isinstance(outcome, Finding))),
        skipped=tuple(sorted(outcome for outcome in outcomes if isinstance(outcome, Skip))),
        bill=evidence.bill,
    )


def _unsafe(wheel: Wheel) -> Audit:
    fix = "do not install it; build the wheel with a tool that writes plain files with relative ASCII names"
    findings = [
        Finding(fault.entry or wheel.path.name, Rule(fault.kind), fault.found, "an archive safe to unpack", fix)
        for fault in wheel.faults
    ]
    unsafe = {Rule(kind) for kind in FaultKind}
    skipped = [Skip(rule, "the archive is not safe to unpack") for rule in Rule if rule not in unsafe]
    return Audit(wheel.path, files.sha256_of(wheel.path), None, tuple(sorted(findings)), tuple(sorted(skipped)))


def _rules(findings: Iterable[Finding]) -> str:
    return " ".join(sorted({finding.rule for finding in findings}))


def _joined(errors: Iterable[WheelworksError]) -> str:
    return "\n".join(map(str, errors))

"""A wheel of an index: its RECORD or a whole audit, its METADATA beside it, and its bills of materials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from wheelworks.archive import DEFAULT_LIMITS, opened, read_text
from wheelworks.audit import Finding as AuditFinding
from wheelworks.audit import Tools, audit_wheel
from wheelworks.audit.evidence import gather
from wheelworks.audit.wheel_checks import check_record
from wheelworks.errors import WheelError, WheelworksError
from wheelworks.policy import Policy
from wheelworks.verify.report import Finding
from wheelworks.wheel import Wheel, read_wheel


def check_wheel(path: Path, name: str, policy: Policy, tools: Tools) -> Iterator[Finding]:
    """Check one wheel. Without cuobjdump there is no audit, and RECORD is checked alone."""
    try:
        wheel = read_wheel(path)
        yield from _sbom_findings(wheel, name)
        if tools.cuobjdump is None:
            yield from (_told(name, finding) for finding in _record_findings(wheel, policy, tools))
        else:
            yield from (_told(name, finding) for finding in audit_wheel(path, policy, tools).findings)
    except WheelworksError as error:
        yield Finding(name, f"{error.what}: {error.why}", "a wheel that can be read and audited")


def _record_findings(wheel: Wheel, policy: Policy, tools: Tools) -> Iterator[AuditFinding]:
    with TemporaryDirectory(prefix="wheelworks-verify-") as work:
        outcomes = check_record(gather(wheel, Path(work), policy, tools))
        yield from (outcome for outcome in outcomes if isinstance(outcome, AuditFinding))


def _sbom_findings(wheel: Wheel, name: str) -> Iterator[Finding]:
    """Look for documents of PEP 770; what the project's own must say, the audit knows."""
    entries = [entry for entry in wheel.entries if fnmatchcase(entry, f"{wheel.dist_info}/sboms/*")]
    if not entries:
        yield Finding(name, "no software bill of materials", f"one below {wheel.dist_info}/sboms (PEP 770)")
    with opened(wheel.path) as archive:
        for entry in entries:
            if not _is_cyclonedx(read_text(wheel.path, archive, entry, DEFAULT_LIMITS)):
                yield Finding(name, f"{entry} is no CycloneDX document", "a software bill of materials")


def _is_cyclonedx(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("bomFormat") == "CycloneDX"


def metadata_of(path: Path) -> str | None:
    """Return a wheel's METADATA; None for a wheel that cannot be read, of which a finding is made elsewhere."""
    try:
        return read_wheel(path).metadata
    except WheelError:
        return None


def _told(name: str, finding: AuditFinding) -> Finding:
    return Finding(name, f"{finding.rule}: {finding.artefact}: {finding.found}", finding.expected)

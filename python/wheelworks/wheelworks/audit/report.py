"""An audit in words and as JSON."""

from __future__ import annotations

import json

from wheelworks.audit.auditor import Audits
from wheelworks.audit.finding import Audit

SCHEMA = 1


def render_audits(audits: Audits) -> str:
    """Return the verdicts in plain lines: each wheel, its findings with what mends them, and what did not apply."""
    blocks = [_render(audit) for audit in audits.audits]
    blocks += [f"not audited: {error}" for error in audits.errors]
    return "\n\n".join(blocks) + "\n"


def to_json(audits: Audits) -> str:
    """Return the verdicts as JSON, for other programs."""
    record = {
        "schema": SCHEMA,
        "wheels": [audit.to_proof().model_dump(mode="json", by_alias=True) for audit in audits.audits],
        "errors": [{"what": error.what, "why": error.why, "fix": error.fix} for error in audits.errors],
    }
    return json.dumps(record, indent=2) + "\n"


def _render(audit: Audit) -> str:
    count = len(audit.findings)
    verdict = "passed" if audit.passed else f"{count} finding{'s' if count > 1 else ''}"
    lines = [f"{audit.wheel.name}: {verdict}", f"  lane {audit.lane or 'none'}, sha256 {audit.sha256}"]
    for finding in audit.findings:
        lines.append(f"  {finding.rule}: {finding.artefact}")
        lines += [f"    {word}: {getattr(finding, word)}" for word in ("found", "expected", "fix")]
    lines += [f"  left out {skip.rule}: {skip.why}" for skip in audit.skipped]
    return "\n".join(lines)

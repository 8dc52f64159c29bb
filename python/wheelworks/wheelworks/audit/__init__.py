"""The audit stage: every rule on every wheel, then all findings together.

``audit_wheels`` is the door; ``finding`` has the types, ``evidence`` what the checks look at, each ``*_checks`` module
one group of rules, and ``report`` the words and the JSON.
"""

from wheelworks.audit.auditor import Audits, audit_wheel, audit_wheels
from wheelworks.audit.evidence import Tools
from wheelworks.audit.finding import Audit, AuditProof, Finding, Rule, Skip
from wheelworks.audit.report import render_audits, to_json

__all__ = [
    "Audit",
    "AuditProof",
    "Audits",
    "Finding",
    "Rule",
    "Skip",
    "Tools",
    "audit_wheel",
    "audit_wheels",
    "render_audits",
    "to_json",
]

"""What a verification says: findings, and in plain words what it did not verify."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wheelworks.errors import VerifyError


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong with a file of an index."""

    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}\n  found: {self.found}\n  expected: {self.expected}"


@dataclass
class Report:
    """The findings, what was checked how often, and what was not verified and why."""

    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    unverified: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [str(finding) for finding in sorted(self.findings)]
        lines += [f"checked {count} {what}" for what, count in self.checked.items()]
        lines += [f"not verified: {why}" for why in self.unverified]
        return "\n".join([*lines, f"{len(self.findings)} findings"])

    def require_clean(self, name: str) -> None:
        """Raise where something was found."""
        if self.findings:
            files = {finding.path for finding in self.findings}
            raise VerifyError(
                f"{len(self.findings)} findings in {len(files)} files of {name}",
                why=", ".join(sorted(files)),
                fix="do not install from it; find out who changed these files, and publish the index again",
            )

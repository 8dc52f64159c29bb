"""What an audit says: findings, what it left out and why, and the verdict on one wheel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wheelworks.bill import Bill, BillProof
from wheelworks.proof import Proof, ProofKind


class Rule(StrEnum):
    """A rule of the audit; its word stands in reports and in JSON."""

    PATH_ESCAPE = "path-escape"
    UNSAFE_NAME = "unsafe-name"
    NOT_A_PLAIN_FILE = "not-a-plain-file"
    DUPLICATE_ENTRY = "duplicate-entry"
    ZIP_BOMB = "zip-bomb"
    NAME = "name"
    VERSION = "version"
    LABEL = "label"
    TAGS = "tags"
    RECORD = "record"
    BUILD_RECORD = "build-record"
    BUILD_PATH = "build-path"
    NEEDED_LIBRARY = "needed-library"
    RUN_PATH = "run-path"
    EXECUTABLE_STACK = "executable-stack"
    RELRO = "relro"
    LIMITED_API = "limited-api"
    TORCH_SYMBOLS = "torch-symbols"
    TORCH_FLOOR = "torch-floor"
    PLATFORM_TAG = "platform-tag"
    PLATFORM_AGE = "platform-age"
    SM_MISSING = "sm-missing"
    SM_EXTRA = "sm-extra"
    UNOWNED_KERNEL = "unowned-kernel"
    DIVIDED_KERNEL = "divided-kernel"
    SPILLS = "spills"
    SIZE = "size"
    BILL = "bill"
    SBOM = "sbom"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong with a wheel. The artefact is a file in the wheel, or the wheel's own file name."""

    artefact: str
    rule: Rule
    found: str
    expected: str
    fix: str


@dataclass(frozen=True, order=True)
class Skip:
    """A rule that does not apply to a wheel, and why."""

    rule: Rule
    why: str


@dataclass(frozen=True)
class Audit:
    """The verdict on one wheel: everything found, sorted, and the rules that did not apply."""

    wheel: Path
    sha256: str
    lane: str | None
    findings: tuple[Finding, ...]
    skipped: tuple[Skip, ...]
    bill: Bill | None = None

    @property
    def passed(self) -> bool:
        """True where nothing was found."""
        return not self.findings

    def to_proof(self) -> AuditProof:
        """Return the verdict as the wheel's proof."""
        return AuditProof(
            wheel=self.wheel.name, sha256=self.sha256, lane=self.lane, findings=self.findings, skipped=self.skipped
        )

    def to_proofs(self) -> tuple[Proof, ...]:
        """Return the verdict and, of a wheel of the project, its bill, as the wheel's proofs."""
        if self.bill is None:
            return (self.to_proof(),)
        size = self.wheel.stat().st_size
        bill = BillProof(
            wheel=self.wheel.name, sha256=self.sha256, lane=self.bill.lane, wheel_bytes=size, bill=self.bill
        )
        return (self.to_proof(), bill)


class AuditProof(Proof):
    """The verdict on one wheel, in its file."""

    KIND = ProofKind.AUDIT

    lane: str | None
    findings: tuple[Finding, ...]
    skipped: tuple[Skip, ...]

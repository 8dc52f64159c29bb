"""What a job says: the counts of its tests, and whether it proves anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gpu_runner.journal import Event


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the suite said of one wheel on one path; the lists name tests, ``fault`` is what was no test's."""

    wheel: str
    sha256: str
    path: str
    passed: int = 0
    failed: Sequence[str] = ()
    crashed: Sequence[str] = ()
    hung: Sequence[str] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    fault: str = ""

    @property
    def ok(self) -> bool:
        """True where tests passed and nothing else happened; a suite that skipped everything proved nothing."""
        return self.passed > 0 and not (self.failed or self.crashed or self.hung or self.fault)

    @property
    def name(self) -> str:
        """Name the job in what is printed."""
        return f"{self.wheel}, path {self.path}"

    def words(self) -> list[str]:
        """Say what was counted, and of a fault its first line."""
        lists = (("failed", self.failed), ("crashed", self.crashed), ("hung", self.hung))
        counted = [f"{len(names)} {word}" for word, names in lists if names]
        return [f"{self.passed} passed", *counted, *self.fault.splitlines()[:1]]

    def __str__(self) -> str:
        verdict = "proved" if self.ok else "NOT PROVED"
        more = [f"\n  {line}" for line in self.fault.splitlines()[1:]]
        more += [f"\n  {count} skipped: {reason}" for reason, count in self.skipped.items()]
        return f"{self.name}: {verdict}, {', '.join(self.words())} in {self.seconds:.0f} s{''.join(more)}"


@dataclass(frozen=True, kw_only=True)
class Run(Result):
    """The whole suite on one path; ``commit`` is the wheel's, where that was held against another wheel's."""

    forced: bool
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class SanitizerRun(Result):
    """The tests marked ``sanitized`` under a tool; ``not_run`` says why there are none of them."""

    tool: str
    errors: int = 0
    not_run: str = ""

    @property
    def ok(self) -> bool:
        """True where the tool ran, the tests passed under it and it found nothing."""
        return super().ok and not self.errors and not self.not_run

    @property
    def name(self) -> str:
        """Name the job in what is printed."""
        return f"{super().name}, {self.tool}"

    def words(self) -> list[str]:
        """Say what was counted, the tool's errors too."""
        found = f"{self.tool} found {self.errors} error{'s' if self.errors > 1 else ''}"
        return [*super().words(), *([found] if self.errors else [])]

    def __str__(self) -> str:
        return f"{self.name}: not run: {self.not_run}" if self.not_run else super().__str__()


def count(events: Sequence[Event]) -> dict[str, Any]:
    """Return a result's counts. A test with a failing phase has failed, whatever its other phases say."""
    outcomes: dict[str, str] = {}
    phases = [event for event in events if event["event"] == "phase"]
    for event in phases:
        if outcomes.get(event["test"]) != "failed":
            outcomes[event["test"]] = event["outcome"]
    lost = {event["test"]: event["how"] for event in events if event["event"] == "lost"}
    left = {test: outcome for test, outcome in outcomes.items() if test not in lost}
    reasons = Counter(event["reason"] for event in phases if event["outcome"] == "skipped")
    return {
        "passed": sum(outcome == "passed" for outcome in left.values()),
        "failed": sorted(test for test, outcome in left.items() if outcome == "failed"),
        "crashed": [test for test, how in lost.items() if how != "hung"],
        "hung": [test for test, how in lost.items() if how == "hung"],
        "skipped": dict(sorted(reasons.items())),
        "seconds": sum(event["seconds"] for event in phases),
    }

"""The journal of a run: one line of JSON for each event, kept so that a killed run can be resumed.

``machine``   what the tests run on, once for each process
``start``     a test begins
``phase``     what became of a test's call, or of its setup or teardown where that did not pass
``finish``    a test is over
``lost``      a test took its process with it: it crashed it, or hung until the runner stopped it
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def write_event(journal: Path, event: Event) -> None:
    """Append an event; it is on the disk before anything else happens."""
    with journal.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(event) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_events(journal: Path) -> list[Event]:
    """Read all events; a line that a killed process left half-written does not count."""
    events = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def over(events: list[Event]) -> set[str]:
    """Give the tests that need not run again."""
    return {event["test"] for event in events if event["event"] in ("finish", "lost")}


def at_work(events: list[Event]) -> str | None:
    """Name the test that has started and is not over."""
    started = [event["test"] for event in events if event["event"] == "start"]
    return started[-1] if started and started[-1] not in over(events) else None


@dataclass
class Run:
    """What the suite said of one wheel on one path; the lists name tests."""

    wheel: str
    sha256: str
    path: str
    forced: bool
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    fault: str = ""

    @property
    def ok(self) -> bool:
        """True where tests passed and nothing else happened; a suite that skipped everything proved nothing."""
        return self.passed > 0 and not (self.failed or self.crashed or self.hung or self.fault)

    def __str__(self) -> str:
        words = [f"{self.passed} passed"]
        words += [f"{len(names)} {word}" for word in ("failed", "crashed", "hung") if (names := getattr(self, word))]
        words += [self.fault] if self.fault else []
        skipped = "".join(f"\n  {count} skipped: {reason}" for reason, count in self.skipped.items())
        verdict = "proved" if self.ok else "NOT PROVED"
        return f"{self.wheel}, path {self.path}: {verdict}, {', '.join(words)} in {self.seconds:.0f} s{skipped}"


def machine_of(events: list[Event]) -> Event:
    """Give what the last process ran on."""
    found: Event = next((event for event in reversed(events) if event["event"] == "machine"), {})
    return {key: value for key, value in found.items() if key != "event"}


def count(run: Run, events: list[Event]) -> Run:
    """Fill a run's counts in. A test with a failing phase has failed, whatever its other phases say."""
    outcomes: dict[str, str] = {}
    reasons: Counter[str] = Counter()
    for event in events:
        if event["event"] == "phase":
            run.seconds += event["seconds"]
            if event["outcome"] == "skipped":
                reasons[event["reason"]] += 1
            if outcomes.get(event["test"]) != "failed":
                outcomes[event["test"]] = event["outcome"]
    for event in events:
        if event["event"] == "lost":
            (run.hung if event["how"] == "hung" else run.crashed).append(event["test"])
            outcomes.pop(event["test"], None)
    run.failed = sorted(test for test, outcome in outcomes.items() if outcome == "failed")
    run.passed = sum(outcome == "passed" for outcome in outcomes.values())
    run.skipped = dict(sorted(reasons.items()))
    return run
